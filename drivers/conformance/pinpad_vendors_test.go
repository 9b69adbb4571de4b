//go:build unix

package conformance_test

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/des"
	"encoding/hex"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/kmy3501"
	"zhigui/drivers/models/szztzt598"
	"zhigui/drivers/sdk"
	"zhigui/sim/device"
)

// pinPads are the makes; nothing but model and virtual device differs.
var pinPads = []struct {
	model   sdk.Model
	virtual string
}{{szztzt598.Model, "zt598"}, {kmy3501.Model, "kmy3501"}}

type pad struct {
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
}

const (
	padPAN    = "43219876543210987"
	padMaster = "0123456789ABCDEFFEDCBA9876543210" // its check value and clear block are published
	padCheck  = "08D7B4FB629D0885"
	padBlock  = "0412AC89ABCDEF67" // PIN 1234
	padTPK    = "11223344556677889900AABBCCDDEEFF"
	padTAK    = "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func tdes(key string) cipher.Block {
	k := unhex(key)
	b, err := des.NewTripleDESCipher(append(k, k[:8]...))
	if err != nil {
		panic(err)
	}
	return b
}

// wrapped is a key under the master key as a host sends it.
func wrapped(key string) []byte {
	out := unhex(key)
	for at := 0; at < len(out); at += 8 {
		tdes(padMaster).Encrypt(out[at:at+8], out[at:at+8])
	}
	return out
}

func zeroBlock(key string) []byte {
	out := make([]byte, 8)
	tdes(key).Encrypt(out, out)
	return out
}

// x919 is ISO 9797-1 algorithm 3, step by step.
func x919(key string, data []byte) []byte {
	left, _ := des.NewCipher(unhex(key)[:8])
	right, _ := des.NewCipher(unhex(key)[8:])
	x := make([]byte, 8)
	padded := append(append([]byte{}, data...), make([]byte, (8-len(data)%8)%8)...)
	for at := 0; at < len(padded); at += 8 {
		for i := range x {
			x[i] ^= padded[at+i]
		}
		left.Encrypt(x, x)
	}
	right.Decrypt(x, x)
	left.Encrypt(x, x)
	return x
}

func tripleDES(use string) pinpad.KeyAttributes {
	return pinpad.KeyAttributes{KeyUsage: use, Algorithm: pinpad.TripleDES}
}

func (p *pad) do(name string, payload any) api.Completion {
	p.t.Helper()
	c, _ := p.r.Do(name, payload)
	return c
}

func (p *pad) into(c api.Completion, v any) {
	p.t.Helper()
	if c.Outcome != api.Done {
		p.t.Fatalf("%+v", c)
	}
	if err := json.Unmarshal(c.Payload, v); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pad) loadMaster() api.Completion {
	return p.do(pinpad.CmdImportKey, pinpad.ImportKey{Key: "TMK", KeyAttributes: tripleDES(pinpad.UseKEK), Value: unhex(padMaster), VerificationData: unhex(padCheck)[:3]})
}

func (p *pad) loadWork(name, use, key string, kcv []byte) api.Completion {
	return p.do(pinpad.CmdImportKey, pinpad.ImportKey{Key: name, KeyAttributes: tripleDES(use), Value: wrapped(key), DecryptKey: "TMK", VerificationData: kcv})
}

// load is a sign-in: the master key and two working keys, each with its check value.
func (p *pad) load() {
	p.t.Helper()
	for _, c := range []api.Completion{p.loadMaster(), p.loadWork("TPK", pinpad.UsePIN, padTPK, zeroBlock(padTPK)[:3]), p.loadWork("TAK", pinpad.UseMAC, padTAK, zeroBlock(padTAK)[:4])} {
		if c.Outcome != api.Done {
			p.t.Fatalf("%+v", c)
		}
	}
}

var entryFor = pinpad.PinEntry{MinLen: 4, MaxLen: 6, XKey: "TPK", XPAN: padPAN}

func (p *pad) typePIN(keys string) api.Completion {
	p.t.Helper()
	events, done := p.r.Begin(p.t.Context(), p.r.Command(pinpad.CmdPinEntry, entryFor))
	conformance.Next(p.t, events, pinpad.EvEnterData)
	if _, err := p.sim.Do("pressKeys", device.Args{"keys": keys}); err != nil {
		p.t.Fatal(err)
	}
	for e := range events {
		if strings.Contains(string(e.Payload), `"digit"`) {
			p.t.Errorf("a digit of a PIN: %s", e.Payload)
		}
	}
	return conformance.Ended(p.t, done)
}

func (p *pad) block() api.Completion {
	return p.do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: padPAN, Key: "TPK"})
}

func (p *pad) keys() map[string]pinpad.KeyDetail {
	p.t.Helper()
	var out pinpad.GetKeyDetailResult
	p.into(p.do(pinpad.CmdGetKeyDetail, nil), &out)
	return out.KeyDetails
}

// learned is what a platform gets out of a scenario.
type learned struct {
	Outcome   api.Outcome
	ErrorCode string
	Bytes     string // hex
	Keys      int
	Digits    int
	How       string
}

func (p *pad) saw(c api.Completion) learned {
	return learned{Outcome: c.Outcome, ErrorCode: c.ErrorCode, Keys: len(p.keys())}
}

var padScenarios = []struct {
	name  string
	clear bool // the profile allows a clear master key
	run   func(*pad) learned
	want  learned
}{
	{"a master key has the published check value", true, func(p *pad) learned {
		c := p.loadMaster()
		var out pinpad.ImportKeyResult
		p.into(c, &out)
		s := p.saw(c)
		s.Bytes = strings.ToUpper(hex.EncodeToString(out.VerificationData))
		return s
	}, learned{Outcome: api.Done, Bytes: padCheck, Keys: 1}},
	{"a clear master key needs the profile's permission", false, func(p *pad) learned { return p.saw(p.loadMaster()) },
		learned{Outcome: api.NotStarted, ErrorCode: pinpad.ErrAccessDenied}},
	{"a clear master key is taken once", true, func(p *pad) learned { p.load(); return p.saw(p.loadMaster()) },
		learned{Outcome: api.NotStarted, ErrorCode: pinpad.ErrAccessDenied, Keys: 3}},
	{"after an initialisation it is taken again", true, func(p *pad) learned {
		p.load()
		if c := p.do(pinpad.CmdInit, nil); c.Outcome != api.Done || len(p.keys()) != 0 {
			p.t.Errorf("%+v", c)
		}
		return p.saw(p.loadMaster())
	}, learned{Outcome: api.Done, Keys: 1}},
	{"a working key with another check value is not kept", true, func(p *pad) learned {
		p.load()
		c := p.loadWork("TPK", pinpad.UsePIN, padTPK, []byte{1, 2, 3})
		if m := p.do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: padPAN, Key: "TPK"}); m.Outcome == api.Done {
			p.t.Error("the key works")
		}
		return p.saw(c)
	}, learned{Outcome: api.Failed, ErrorCode: pinpad.ErrContent, Keys: 2}},
	{"a working key does not take the place of a master key", true, func(p *pad) learned {
		p.load()
		return p.saw(p.loadWork("TPK", pinpad.UseKEK, padTPK, nil))
	}, learned{Outcome: api.NotStarted, ErrorCode: pinpad.ErrUseViolation, Keys: 3}},
	{"a PIN leaves the device as the published block only", true, func(p *pad) learned {
		p.load()
		var entry pinpad.PinEntryResult
		p.into(p.typePIN("1234E"), &entry)
		c := p.block()
		var out pinpad.GetPinBlockResult
		p.into(c, &out)
		clear := make([]byte, 8)
		tdes(padTPK).Decrypt(clear, out.PinBlock)
		s := p.saw(c)
		s.Bytes, s.Digits, s.How = strings.ToUpper(hex.EncodeToString(clear)), entry.Digits, entry.Completion
		log := strings.ToUpper(p.r.Log.String())
		for _, secret := range []string{padPAN, padMaster, padTPK, padTAK, strings.ToUpper(hex.EncodeToString(wrapped(padTPK)))} {
			if strings.Contains(log, secret) {
				p.t.Error("the log holds a secret")
			}
		}
		return s
	}, learned{Outcome: api.Done, Bytes: padBlock, Keys: 3, Digits: 4, How: "enter"}},
	{"a MAC between the entry and the block changes nothing", true, func(p *pad) learned {
		p.load()
		p.typePIN("1234E")
		data := []byte("0200 a message of thirty bytes")
		var mac pinpad.GenerateMACResult
		p.into(p.do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: data}), &mac)
		if !bytes.Equal(mac.AuthenticationData, x919(padTAK, data)) {
			p.t.Errorf("MAC %X, want %X", mac.AuthenticationData, x919(padTAK, data))
		}
		c := p.block()
		var out pinpad.GetPinBlockResult
		p.into(c, &out)
		clear := make([]byte, 8)
		tdes(padTPK).Decrypt(clear, out.PinBlock)
		s := p.saw(c)
		s.Bytes = strings.ToUpper(hex.EncodeToString(clear))
		return s
	}, learned{Outcome: api.Done, Bytes: padBlock, Keys: 3}},
	{"without an entry there is no block", true, func(p *pad) learned { p.load(); return p.saw(p.block()) },
		learned{Outcome: api.NotStarted, ErrorCode: pinpad.ErrNoPin, Keys: 3}},
	{"the cancel key ends an entry without a PIN", true, func(p *pad) learned {
		p.load()
		var entry pinpad.PinEntryResult
		p.into(p.typePIN("12C"), &entry)
		s := p.saw(p.block())
		s.Digits, s.How = entry.Digits, entry.Completion
		return s
	}, learned{Outcome: api.NotStarted, ErrorCode: pinpad.ErrNoPin, Keys: 3, How: "cancel"}},
	{"the caller ends an entry and the keyboard is off", true, func(p *pad) learned {
		p.load()
		ctx, cancel := context.WithCancel(p.t.Context())
		events, done := p.r.Begin(ctx, p.r.Command(pinpad.CmdPinEntry, entryFor))
		conformance.Next(p.t, events, pinpad.EvEnterData)
		cancel()
		c := conformance.Ended(p.t, done)
		if p.sim.State().Prompt != "" {
			p.t.Error("the keyboard is active")
		}
		if b := p.block(); b.ErrorCode != pinpad.ErrNoPin {
			p.t.Errorf("%+v", b)
		}
		return p.saw(c)
	}, learned{Outcome: api.Canceled, Keys: 3}},
	{"a key that is not loaded makes no MAC", true, func(p *pad) learned {
		return p.saw(p.do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "nobody's", Data: []byte("x")}))
	}, learned{Outcome: api.NotStarted, ErrorCode: pinpad.ErrKeyNotFound}},
	{"a PIN key makes no MAC", true, func(p *pad) learned {
		p.load()
		s := p.saw(p.do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TPK", Data: []byte("x")}))
		if s.Outcome == api.NotStarted { // the pad keeps uses, or the driver does
			s.Outcome = api.Failed
		}
		return s
	}, learned{Outcome: api.Failed, ErrorCode: pinpad.ErrUseViolation, Keys: 3}},
	{"a deleted key is gone", true, func(p *pad) learned {
		p.load()
		c := p.do(pinpad.CmdDeleteKey, map[string]string{"key": "TAK"})
		if m := p.do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: []byte("x")}); m.ErrorCode != pinpad.ErrKeyNotFound {
			p.t.Errorf("%+v", m)
		}
		return p.saw(c)
	}, learned{Outcome: api.Done, Keys: 2}},
	{"a power cut keeps the keys and forgets the PIN", true, func(p *pad) learned {
		p.load()
		p.typePIN("1234E")
		state := func(what string) func(api.Notice) bool {
			return func(n api.Notice) bool {
				return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"`+what+`"`)
			}
		}
		p.sim.PowerCut()
		p.r.Await("offline", state("offline"))
		p.sim.PowerRestore()
		p.r.Await("online", state("online"))
		var mac pinpad.GenerateMACResult
		p.into(p.do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: []byte("12345678")}), &mac)
		if !bytes.Equal(mac.AuthenticationData, x919(padTAK, []byte("12345678"))) {
			p.t.Error("another MAC")
		}
		return p.saw(p.block())
	}, learned{Outcome: api.NotStarted, ErrorCode: pinpad.ErrNoPin, Keys: 3}},
	{"a driver that was killed knows the keys again", true, func(p *pad) learned {
		p.load()
		if err := syscall.Kill(p.r.Device.PID(), syscall.SIGKILL); err != nil {
			p.t.Fatal(err)
		}
		<-p.r.Recoveries
		p.r.Ready()
		return p.saw(p.do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: []byte("x")}))
	}, learned{Outcome: api.Done, Keys: 3}},
	{"an amount is read in the clear", true, func(p *pad) learned {
		events, done := p.r.Begin(p.t.Context(), p.r.Command(pinpad.CmdDataEntry, pinpad.DataEntry{MaxLen: 6}))
		conformance.Next(p.t, events, pinpad.EvEnterData)
		if _, err := p.sim.Do("pressKeys", device.Args{"keys": "300E"}); err != nil {
			p.t.Fatal(err)
		}
		c := conformance.Ended(p.t, done)
		var out pinpad.DataEntryResult
		p.into(c, &out)
		s := p.saw(c)
		s.Bytes, s.How = out.Data, out.Completion
		return s
	}, learned{Outcome: api.Done, Bytes: "300", How: "enter"}},
}

// req: X-02
func TestEveryPinPadBehavesAlike(t *testing.T) {
	t.Parallel()
	for _, sc := range padScenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range pinPads {
				t.Run(m.model.Name, func(t *testing.T) {
					t.Parallel()
					p := &pad{t: t, sim: device.MustStart(t, device.Config{Model: m.virtual})}
					profile := map[string]any{"pollMs": 50, "replyMs": 300, "allowClearMaster": sc.clear}
					p.r = conformance.Start(t, m.model, p.sim.Port(), profile)
					<-p.r.Recoveries
					if diff := cmp.Diff(sc.want, sc.run(p)); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}
