package szztzt598_test

import (
	"bytes"
	"context"
	"crypto/des"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm4"
	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/szztzt598"
	"zhigui/sim/device"
)

func TestMain(m *testing.M) { conformance.Main(m, szztzt598.Model) }

const (
	master = "0123456789ABCDEFFEDCBA9876543210" // the key of the published check values
	pan    = "43219876543210987"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func setup(t *testing.T, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "zt598"})
	p := map[string]any{"pollMs": 50, "allowClearMaster": true, "replyMs": 300}
	maps.Copy(p, more)
	r := conformance.Start(t, szztzt598.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func result[T any](t *testing.T, c api.Completion) T {
	t.Helper()
	var v T
	if c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if err := json.Unmarshal(c.Payload, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func attrs(usage string, isSM4 bool) pinpad.KeyAttributes {
	alg := pinpad.TripleDES
	if isSM4 {
		alg = pinpad.SM4
	}
	return pinpad.KeyAttributes{KeyUsage: usage, Algorithm: alg}
}

// under encrypts a working key under the master key as a host does.
func under(t *testing.T, isSM4 bool, key []byte) []byte {
	t.Helper()
	out := make([]byte, len(key))
	if isSM4 {
		b, err := sm4.NewCipher(unhex(master))
		if err != nil {
			t.Fatal(err)
		}
		b.Encrypt(out, key)
		return out
	}
	b, err := des.NewTripleDESCipher(append(unhex(master), unhex(master)[:8]...))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(key); i += 8 {
		b.Encrypt(out[i:i+8], key[i:i+8])
	}
	return out
}

var (
	tpk = unhex("11223344556677889900AABBCCDDEEFF")
	tak = unhex("A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8")
)

func load(t *testing.T, r *conformance.Rig) {
	t.Helper()
	for _, isSM4 := range []bool{false, true} {
		suffix, kcv := "", "08D7B4FB629D0885"
		if isSM4 {
			suffix, kcv = ".sm4", "2677F46B09C122CC975533105BD4A22A"
		}
		c, _ := r.Do(pinpad.CmdImportKey, pinpad.ImportKey{Key: "TMK" + suffix, KeyAttributes: attrs(pinpad.UseKEK, isSM4), Value: unhex(master), VerificationData: unhex(kcv)[:3]})
		if got := result[pinpad.ImportKeyResult](t, c); !bytes.Equal(got.VerificationData, unhex(kcv)) {
			t.Errorf("check value of the master key: %X", got.VerificationData)
		}
		for name, k := range map[string][]byte{"TPK": tpk, "TAK": tak} {
			use := map[string]string{"TPK": pinpad.UsePIN, "TAK": pinpad.UseMAC}[name]
			c, _ := r.Do(pinpad.CmdImportKey, pinpad.ImportKey{Key: name + suffix, KeyAttributes: attrs(use, isSM4), Value: under(t, isSM4, k), DecryptKey: "TMK" + suffix})
			result[pinpad.ImportKeyResult](t, c)
		}
	}
}

func enter(t *testing.T, sim *device.Sim, r *conformance.Rig, keys string, e pinpad.PinEntry) (pinpad.PinEntryResult, []string) {
	t.Helper()
	events, done := r.Begin(t.Context(), r.Command(pinpad.CmdPinEntry, e))
	conformance.Next(t, events, pinpad.EvEnterData)
	if _, err := sim.Do("pressKeys", device.Args{"keys": keys}); err != nil {
		t.Fatal(err)
	}
	var pressed []string
	for ev := range events {
		pressed = append(pressed, string(ev.Payload))
	}
	return result[pinpad.PinEntryResult](t, conformance.Ended(t, done)), pressed
}

// req: X-06
func TestAPinIsEnteredAndLeavesTheDeviceOnlyAsABlock(t *testing.T) {
	sim, r := setup(t, nil)
	load(t, r)
	if c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: pan, Key: "TPK"}); c.ErrorCode != pinpad.ErrNoPin {
		t.Errorf("before the entry: %+v", c)
	}
	got, pressed := enter(t, sim, r, "99B1234E", pinpad.PinEntry{MinLen: 4, MaxLen: 6})
	if diff := cmp.Diff(pinpad.PinEntryResult{Digits: 4, Completion: "enter"}, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(strings.Join(pressed, ""), "digit") || len(pressed) != 8 {
		t.Errorf("key events: %v", pressed)
	}
	c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: pan, Key: "TPK"})
	block := result[pinpad.GetPinBlockResult](t, c).PinBlock
	b, err := des.NewTripleDESCipher(append(append([]byte{}, tpk...), tpk[:8]...))
	if err != nil {
		t.Fatal(err)
	}
	clear := make([]byte, 8)
	b.Decrypt(clear, block)
	if want := "0412AC89ABCDEF67"; hex.EncodeToString(clear) != strings.ToLower(want) {
		t.Errorf("clear block %X, want the published %s", clear, want)
	}
	c, _ = r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "X-sm4", CustomerData: pan, Key: "TPK.sm4"})
	block = result[pinpad.GetPinBlockResult](t, c).PinBlock
	s, err := sm4.NewCipher(tpk)
	if err != nil {
		t.Fatal(err)
	}
	clear = make([]byte, 16)
	s.Decrypt(clear, block)
	want := unhex("041234FFFFFFFFFFFFFFFFFFFFFFFFFF")
	for i, x := range unhex("987654321098") {
		want[10+i] ^= x
	}
	if !bytes.Equal(clear, want) {
		t.Errorf("clear SM4 block %X, want %X", clear, want)
	}
}

func TestNeitherPinNorKeyNorAccountGetsIntoALog(t *testing.T) {
	sim, r := setup(t, nil)
	load(t, r)
	enter(t, sim, r, "83926174E", pinpad.PinEntry{MinLen: 4, MaxLen: 8, XPAN: pan})
	c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: pan, Key: "TPK"})
	result[pinpad.GetPinBlockResult](t, c)
	for _, bad := range []any{ // refused ones too
		pinpad.ImportKey{Key: "TMK", KeyAttributes: attrs(pinpad.UseKEK, false), Value: unhex(master)},
		map[string]any{"key": 7, "value": master},
	} {
		if c, _ := r.Do(pinpad.CmdImportKey, bad); c.Outcome != api.NotStarted || strings.Contains(c.Description, master) {
			t.Errorf("%+v", c)
		}
	}
	if c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: pan + "x", Key: "TPK"}); strings.Contains(c.Description, pan) {
		t.Errorf("%+v", c)
	}
	log := strings.ToUpper(r.Log.String())
	for name, secret := range map[string]string{"PIN": "83926174", "account": pan, "master key": master, "working key": hex.EncodeToString(tpk),
		"encrypted key": hex.EncodeToString(under(t, false, tpk))} {
		if strings.Contains(log, strings.ToUpper(secret)) {
			t.Errorf("the log holds the %s", name)
		}
	}
}

func TestMACsAreThoseOfTheirStandards(t *testing.T) {
	_, r := setup(t, nil)
	load(t, r)
	data := []byte("0200 a message of twenty-nine")
	left, _ := des.NewCipher(tak[:8])
	right, _ := des.NewCipher(tak[8:])
	x := make([]byte, 8)
	pad := append(append([]byte{}, data...), make([]byte, (8-len(data)%8)%8)...)
	for i := 0; i < len(pad); i += 8 {
		for k := range x {
			x[k] ^= pad[i+k]
		}
		left.Encrypt(x, x)
	}
	right.Decrypt(x, x)
	left.Encrypt(x, x)
	c, _ := r.Do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: data})
	if got := result[pinpad.GenerateMACResult](t, c); !bytes.Equal(got.AuthenticationData, x) {
		t.Errorf("X9.19: %X, want %X", got.AuthenticationData, x)
	}
	s, _ := sm4.NewCipher(tak)
	y := make([]byte, 16)
	pad = append(append([]byte{}, data...), make([]byte, (16-len(data)%16)%16)...)
	for i := 0; i < len(pad); i += 16 {
		for k := range y {
			y[k] ^= pad[i+k]
		}
		s.Encrypt(y, y)
	}
	c, _ = r.Do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK.sm4", Data: data})
	if got := result[pinpad.GenerateMACResult](t, c); !bytes.Equal(got.AuthenticationData, y) {
		t.Errorf("SM4: %X, want %X", got.AuthenticationData, y)
	}
}

func TestAKeyWithAnotherCheckValueIsErased(t *testing.T) {
	_, r := setup(t, nil)
	load(t, r)
	c, _ := r.Do(pinpad.CmdImportKey, pinpad.ImportKey{Key: "TPK", KeyAttributes: attrs(pinpad.UsePIN, false), Value: tpk, DecryptKey: "TMK", VerificationData: []byte{1, 2, 3}})
	if c.Outcome != api.Failed || c.ErrorCode != pinpad.ErrContent {
		t.Fatalf("%+v", c)
	}
	c, _ = r.Do(pinpad.CmdGetKeyDetail, nil)
	if _, there := result[pinpad.GetKeyDetailResult](t, c).KeyDetails["TPK"]; there {
		t.Error("the key counts as loaded")
	}
}

func TestAClearMasterKeyIsTakenOnceAndOnlyIfTheProfileSaysSo(t *testing.T) {
	_, r := setup(t, map[string]any{"allowClearMaster": false})
	k := pinpad.ImportKey{Key: "TMK", KeyAttributes: attrs(pinpad.UseKEK, false), Value: unhex(master)}
	if c, _ := r.Do(pinpad.CmdImportKey, k); c.Outcome != api.NotStarted || c.ErrorCode != pinpad.ErrAccessDenied {
		t.Errorf("%+v", c)
	}
	_, r = setup(t, nil)
	load(t, r)
	if c, _ := r.Do(pinpad.CmdImportKey, k); c.ErrorCode != pinpad.ErrAccessDenied {
		t.Errorf("a second time: %+v", c)
	}
	if c, _ := r.Do(pinpad.CmdInit, nil); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if c, _ := r.Do(pinpad.CmdImportKey, k); c.Outcome != api.Done {
		t.Errorf("after the initialisation: %+v", c)
	}
}

func TestAnEntryEndsByCancelKeyByAutoEndAndByTheCaller(t *testing.T) {
	sim, r := setup(t, nil)
	load(t, r)
	if got, _ := enter(t, sim, r, "12C", pinpad.PinEntry{}); got.Completion != "cancel" || got.Digits != 0 {
		t.Errorf("%+v", got)
	}
	if c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: pan, Key: "TPK"}); c.ErrorCode != pinpad.ErrNoPin {
		t.Errorf("after cancel: %+v", c)
	}
	if got, _ := enter(t, sim, r, "123456", pinpad.PinEntry{MinLen: 6, MaxLen: 6, AutoEnd: true}); got.Completion != "auto" || got.Digits != 6 {
		t.Errorf("%+v", got)
	}
	if c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: pan, Key: "TPK"}); c.Outcome != api.Done {
		t.Errorf("after auto end: %+v", c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	events, done := r.Begin(ctx, r.Command(pinpad.CmdPinEntry, pinpad.PinEntry{}))
	conformance.Next(t, events, pinpad.EvEnterData)
	// A MAC beside an entry: the keyboard's bytes and the answers share the line.
	if c, _ := r.Do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: []byte("x")}); c.Outcome != api.Done {
		t.Errorf("MAC during an entry: %+v", c)
	}
	cancel()
	if c := conformance.Ended(t, done); c.Outcome != api.Canceled {
		t.Errorf("%+v", c)
	}
	if sim.State().Prompt != "" {
		t.Error("the keyboard is still active")
	}
}

func TestAmountsAreReadInTheClear(t *testing.T) {
	sim, r := setup(t, nil)
	events, done := r.Begin(t.Context(), r.Command(pinpad.CmdDataEntry, pinpad.DataEntry{MaxLen: 6}))
	conformance.Next(t, events, pinpad.EvEnterData)
	if _, err := sim.Do("pressKeys", device.Args{"keys": "300E"}); err != nil {
		t.Fatal(err)
	}
	if got := result[pinpad.DataEntryResult](t, conformance.Ended(t, done)); got.Data != "300" || got.Completion != "enter" {
		t.Errorf("%+v", got)
	}
}
