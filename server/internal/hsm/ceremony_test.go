package hsm_test

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	"zhigui/sim/epp"
)

func soft(t *testing.T, keys hsm.Keys) *hsm.Soft {
	t.Helper()
	s, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// req: TX-27 TX-31
func TestTheSoftwareModulePassesTheConformanceSuite(t *testing.T) {
	conformance.Run(t, conformance.Module{
		Pad: func(t *testing.T, serial string, sm bool) conformance.Pad {
			t.Helper()
			p, err := epp.New(serial, sm)
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Open: func(t *testing.T, keys hsm.Keys) hsm.HSM { return soft(t, keys) },
		KEK: func(t *testing.T, m hsm.HSM, owner string, alg paycrypto.Alg, raw []byte) {
			t.Helper()
			one := bytes.Repeat([]byte{0x5C, 0x99}, len(raw)/2)
			two := make([]byte, len(raw))
			for i := range raw {
				two[i] = raw[i] ^ one[i]
			}
			s := m.(*hsm.Soft)
			for i, share := range [][]byte{one, two} {
				if _, err := s.EnterComponent(hsm.Component{Owner: owner, Alg: alg, Number: i + 1, By: string(rune('A' + i))}, share); err != nil {
					t.Fatal(err)
				}
			}
			k, _ := paycrypto.NewKey(alg, raw)
			if _, err := s.FormKEK(owner, 2, k.CheckValue(3)); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func TestACeremonyNeedsTwoPersonsAndTheRightCheckValue(t *testing.T) {
	keys := conformance.NewMemory()
	s := soft(t, keys)
	anna := hsm.Component{Owner: "bank", Alg: paycrypto.AES, Number: 1, By: "anna"}
	share, kcv, err := s.NewComponent(anna, 32)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := paycrypto.NewKey(paycrypto.AES, share)
	if !bytes.Equal(kcv, k.CheckValue(3)) {
		t.Errorf("check value of the component %X", kcv)
	}
	if _, err := s.FormKEK("bank", 2, nil); !errors.Is(err, hsm.ErrCeremony) {
		t.Error("formed of one component:", err)
	}
	for what, c := range map[string]struct {
		c    hsm.Component
		n    int
		want error
	}{
		"the same person":     {hsm.Component{Owner: "bank", Alg: paycrypto.AES, Number: 2, By: "anna"}, 32, hsm.ErrPerson},
		"another's component": {hsm.Component{Owner: "bank", Alg: paycrypto.AES, Number: 1, By: "bert"}, 32, hsm.ErrPerson},
		"another length":      {hsm.Component{Owner: "bank", Alg: paycrypto.AES, Number: 2, By: "bert"}, 16, hsm.ErrCeremony},
		"another algorithm":   {hsm.Component{Owner: "bank", Alg: paycrypto.DES, Number: 2, By: "bert"}, 16, hsm.ErrCeremony},
		"nobody":              {hsm.Component{Owner: "bank", Alg: paycrypto.AES, Number: 2}, 32, hsm.ErrCeremony},
		"half a key":          {hsm.Component{Owner: "b2", Alg: paycrypto.DES, Number: 1, By: "bert"}, 8, hsm.ErrCeremony},
	} {
		if _, err := s.EnterComponent(c.c, bytes.Repeat([]byte{9}, c.n)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	s = soft(t, keys) // the second person comes another day
	other := bytes.Repeat([]byte{0x3E}, 32)
	bert := hsm.Component{Owner: "bank", Alg: paycrypto.AES, Number: 2, By: "bert"}
	if _, err := s.EnterComponent(bert, share); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FormKEK("bank", 2, nil); !errors.Is(err, hsm.ErrCeremony) {
		t.Error("a key of nothing but zeros was formed:", err)
	}
	if _, err := s.EnterComponent(bert, other); err != nil {
		t.Fatal(err)
	}
	whole := make([]byte, 32)
	for i := range whole {
		whole[i] = share[i] ^ other[i]
	}
	k, _ = paycrypto.NewKey(paycrypto.AES, whole)
	want := k.CheckValue(3)
	if _, err := s.FormKEK("bank", 2, []byte{want[0], want[1], want[2] ^ 1}); !errors.Is(err, hsm.ErrKCV) {
		t.Error("formed with another check value:", err)
	}
	if got, err := s.FormKEK("bank", 2, want); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%X %v", got, err)
	}
	if left, _ := keys.LoadKeys("ceremony|bank"); len(left) != 0 {
		t.Error("components are kept after the key was formed")
	}
}
