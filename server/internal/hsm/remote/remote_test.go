package remote

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	"zhigui/sim/epp"
	sim "zhigui/sim/hsm"
)

func device(t *testing.T) *sim.HSM {
	t.Helper()
	d, err := sim.Start(sim.Options{Listen: "127.0.0.1:0", LMK: filepath.Join(t.TempDir(), "lmk"), Authorised: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func module(t *testing.T, address string, keys hsm.Keys, o Options) *Module {
	t.Helper()
	v, err := hsm.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	o.Address = address
	m, err := New(o, v, keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// The suite of the software module, over TCP and the simulator's own cryptography.
//
// req: TX-27
func TestTheModuleBehindTCPPassesTheConformanceSuite(t *testing.T) {
	d := device(t)
	conformance.Run(t, conformance.Module{
		Pad: func(t *testing.T, serial string, sm bool) conformance.Pad {
			t.Helper()
			p, err := epp.New(serial, sm)
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Open: func(t *testing.T, keys hsm.Keys) hsm.HSM { return module(t, d.Addr(), keys, Options{}) },
		KEK: func(t *testing.T, m hsm.HSM, owner string, alg paycrypto.Alg, raw []byte) {
			t.Helper()
			one := bytes.Repeat([]byte{0x5C, 0x99}, len(raw)/2)
			two := make([]byte, len(raw))
			for i := range raw {
				two[i] = raw[i] ^ one[i]
			}
			name := map[paycrypto.Alg]map[int]string{paycrypto.DES: {16: "T2"}, paycrypto.AES: {32: "A3"}, paycrypto.SM4: {16: "S4"}}[alg][len(raw)]
			var blocks []string
			for i, share := range [][]byte{one, two} {
				c, err := d.EnterComponent(i+1, name, hex.EncodeToString(share))
				if err != nil {
					t.Fatal(err)
				}
				blocks = append(blocks, c.Block)
			}
			k, _ := paycrypto.NewKey(alg, raw)
			if _, err := m.(*Module).FormKEK(owner, alg, []byte{1, 2, 3}, blocks...); !errors.Is(err, hsm.ErrKCV) {
				t.Errorf("formed with another check value: %v", err)
			}
			if _, err := m.(*Module).FormKEK(owner, alg%3+1, k.CheckValue(3), blocks...); !errors.Is(err, hsm.ErrCeremony) {
				t.Errorf("formed as a key of another algorithm: %v", err)
			}
			if _, err := m.(*Module).FormKEK(owner, alg, k.CheckValue(3), blocks[0], blocks[0]); err == nil {
				t.Error("formed of one component twice")
			}
			if _, err := m.(*Module).FormKEK(owner, alg, k.CheckValue(3), blocks...); err != nil {
				t.Fatal(err)
			}
		},
	})
}

// zone is a module with keys of one zone, and the MAC it must answer for "abc".
func zone(t *testing.T, d *sim.HSM, o Options) (*Module, hsm.Ref, []byte) {
	t.Helper()
	m := module(t, d.Addr(), conformance.NewMemory(), o)
	raw := []byte("0123456789abcdef")
	if err := m.Import("z", paycrypto.SM4, raw, raw); err != nil {
		t.Fatal(err)
	}
	k, _ := paycrypto.NewKey(paycrypto.SM4, raw)
	want, _ := paycrypto.AppendMAC(nil, paycrypto.SM4CBC, k, []byte("abc"))
	return m, hsm.Ref{Owner: "z", Version: 1}, want
}

func TestTheModuleComesBackAfterTheDeviceClosedItsConnections(t *testing.T) {
	d := device(t)
	m, ref, want := zone(t, d, Options{})
	for range 5 {
		d.DropConnections()
		if got, err := m.AppendMAC(nil, ref, []byte("abc")); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%X %v", got, err)
		}
	}
}

func TestFaultsOfTheDeviceAreErrorsAndNeverAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault sim.Fault
		want  error
	}{
		"dropped":                {sim.Fault{Kind: "drop"}, ErrUnavailable},
		"dropped after the work": {sim.Fault{Kind: "drop", After: true}, ErrUnavailable},
		"half an answer":         {sim.Fault{Kind: "cut"}, ErrUnavailable},
		"garbage":                {sim.Fault{Kind: "garbage"}, ErrProtocol},
		"no answer":              {sim.Fault{Kind: "silence"}, ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			d := device(t)
			m, ref, want := zone(t, d, Options{Timeout: 300 * time.Millisecond})
			c.fault.Command = "M6"
			if err := d.Arm(c.fault); err != nil {
				t.Fatal(err)
			}
			if got, err := m.AppendMAC([]byte("x"), ref, []byte("abc")); !errors.Is(err, c.want) || string(got) != "x" {
				t.Errorf("%X %v", got, err)
			}
			d.ClearFaults()
			if got, err := m.AppendMAC(nil, ref, []byte("abc")); err != nil || !bytes.Equal(got, want) {
				t.Errorf("after the fault: %X %v", got, err)
			}
		})
	}
}

func TestARefusalHasItsCodeAndKeepsTheConnection(t *testing.T) {
	d := device(t)
	m, ref, _ := zone(t, d, Options{})
	if err := d.Arm(sim.Fault{Kind: "error", Code: "13", Command: "M6", Times: 1}); err != nil {
		t.Fatal(err)
	}
	var refused *Error
	if _, err := m.AppendMAC(nil, ref, []byte("abc")); !errors.As(err, &refused) || refused.Code != "13" {
		t.Error(err)
	}
	if _, err := m.AppendMAC(nil, ref, []byte("abc")); err != nil {
		t.Error(err)
	}
	d.Authorise(false)
	if err := m.Import("z", paycrypto.SM4, []byte("another key of16"), []byte("another key of16")); !errors.As(err, &refused) || refused.Code != "17" {
		t.Errorf("a clear key without authority: %v", err)
	}
	if err := m.Import("z", paycrypto.SM4, []byte("0123456789abcdef"), []byte("0123456789abcdef")); err != nil {
		t.Errorf("the same keys again: %v", err)
	}
}

// A late answer of a command that was given up must not be taken for the answer of the next.
func TestALateAnswerReachesNobody(t *testing.T) {
	d := device(t)
	m, ref, want := zone(t, d, Options{Connections: 2, Timeout: 150 * time.Millisecond})
	if err := d.Arm(sim.Fault{Kind: "slow", MS: 250, Command: "M6", Percent: 50}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 6 {
				data := fmt.Appendf(nil, "%d/%d", i, n)
				k, _ := paycrypto.NewKey(paycrypto.SM4, []byte("0123456789abcdef"))
				want, _ := paycrypto.AppendMAC(nil, paycrypto.SM4CBC, k, data)
				got, err := m.AppendMAC(nil, ref, data)
				if err == nil && !bytes.Equal(got, want) || err != nil && !errors.Is(err, ErrUnavailable) {
					t.Errorf("%X %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	d.ClearFaults()
	if got, err := m.AppendMAC(nil, ref, []byte("abc")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%X %v", got, err)
	}
}

func TestADeviceThatIsNotThereFailsFastAndIsFoundWhenItComes(t *testing.T) {
	lmk := filepath.Join(t.TempDir(), "lmk")
	var m *Module
	var d *sim.HSM
	for tries := 0; d == nil; tries++ { // another process may take the port meanwhile
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := ln.Addr().String()
		_ = ln.Close()
		m = module(t, address, conformance.NewMemory(), Options{})
		if _, err := m.Check(); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		if d, err = sim.Start(sim.Options{Listen: address, LMK: lmk}); err != nil && tries == 20 {
			t.Fatal(err)
		}
	}
	defer d.Close() //nolint:errcheck // the test's end
	limit := time.Now().Add(10 * time.Second)
	for {
		who, err := m.Check()
		if err == nil {
			if len(who) != 25 {
				t.Errorf("%q", who)
			}
			return
		}
		if time.Now().After(limit) {
			t.Fatal("never found:", err)
		}
	}
}

func TestKeysOfTheSoftwareModuleAreRefused(t *testing.T) {
	keys := conformance.NewMemory()
	s, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Import("host", paycrypto.DES, make([]byte, 16), make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	v, _ := hsm.NewVault(bytes.Repeat([]byte{7}, 32))
	if _, err := New(Options{Address: "127.0.0.1:1"}, v, keys); err == nil || !strings.Contains(err.Error(), "host") {
		t.Error(err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("0001M70012345678"))
	f.Add([]byte("0001M713"))
	f.Add([]byte("0001A100S10128P0TB00E0000"))
	f.Add([]byte("0001EJ000003abc0002de"))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, in []byte) {
		b, err := parseAnswer(in, "0001", "M6")
		if err != nil {
			b = in
		}
		if text, rest, err := block(b, 'S'); err == nil && len(text)+len(rest) != len(b) {
			panic("a block of another length than its answer")
		}
		if one, two, err := lengths(b); err == nil && len(one)+len(two)+8 != len(b) {
			panic("fields of another length than their answer")
		}
		_, _ = readFrame(bytes.NewReader(in))
	})
}
