package hsm_test

import (
	"errors"
	"testing"

	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	"zhigui/sim/epp"
)

// loading is a module and a pad that know each other.
func loading(t *testing.T, sm bool) (*hsm.Soft, *epp.Pad, paycrypto.Alg) {
	t.Helper()
	s := soft(t, conformance.NewMemory())
	alg, how := paycrypto.DES, sign.PSS
	if sm {
		alg, how = paycrypto.SM4, sign.SM2
	}
	p, err := epp.New("SIM00001", sm)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := s.CreateSigner(hsm.LoadOwner, how)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := sign.PEM(pub)
	if err := p.LoadHost(text); err != nil {
		t.Fatal(err)
	}
	d := hsm.Device{Serial: p.Serial}
	if d.Sign, d.Encrypt, err = p.Public(); err != nil {
		t.Fatal(err)
	}
	if err := s.RegisterDevice("T", d); err != nil {
		t.Fatal(err)
	}
	return s, p, alg
}

func offer(t *testing.T, p *epp.Pad) (o keyload.Offer) {
	t.Helper()
	var err error
	if o.Serial, o.Nonce, o.Signature, err = p.StartKeyExchange(); err != nil {
		t.Fatal(err)
	}
	return o
}

// req: G-09 TX-23
func TestAPINPadGetsItsMasterKeyOverTheLineByRSAAndBySM2(t *testing.T) {
	for _, sm := range []bool{false, true} {
		s, p, alg := loading(t, sm)
		for range 2 { // and again, when it is to be changed
			token, err := s.LoadTMK("T", alg, offer(t, p))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.ImportKeyToken(token.Token); err != nil {
				t.Fatalf("sm %v: %v", sm, err)
			}
			if err := p.ImportKeyToken(token.Token); !errors.Is(err, epp.ErrRandom) {
				t.Error("a token is taken twice:", err)
			}
			w, err := s.NewWorking("T", true)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range [][2][]byte{{w.PIK, w.PIKKCV}, {w.MAK, w.MAKKCV}, {w.TDK, w.TDKKCV}} {
				if _, err := p.ImportKey(k[0], k[1]); err != nil {
					t.Errorf("sm %v: the pad cannot open a working key: %v", sm, err)
				}
			}
		}
	}
}

// req: G-09
func TestAPINPadThatCannotProveItselfGetsNoKey(t *testing.T) {
	for _, sm := range []bool{false, true} {
		s, p, alg := loading(t, sm)
		first := offer(t, p)
		if _, err := s.LoadTMK("T", alg, first); err != nil {
			t.Fatal(err)
		}
		for fault, want := range map[string]error{epp.FaultSignature: keyload.ErrOffer, epp.FaultSerial: keyload.ErrOffer, epp.FaultNonce: hsm.ErrReplay} {
			p.SetFault(epp.FaultNone)
			o := offer(t, p)
			if _, err := s.LoadTMK("T", alg, o); err != nil {
				t.Fatal(err)
			}
			p.SetFault(fault)
			if _, err := s.LoadTMK("T", alg, offer(t, p)); !errors.Is(err, want) {
				t.Errorf("sm %v, %s: %v", sm, fault, err)
			}
		}
		stranger, _ := epp.New(p.Serial, sm)
		if _, err := s.LoadTMK("T", alg, offer(t, stranger)); !errors.Is(err, keyload.ErrOffer) {
			t.Error("a pad with the same number and other keys:", err)
		}
		if _, err := s.LoadTMK("U", alg, first); !errors.Is(err, hsm.ErrNoKey) {
			t.Error("a terminal without a registered pad:", err)
		}
	}
}

// req: G-09
func TestAPINPadTakesNoTokenThatIsNotForItAndForNow(t *testing.T) {
	for _, sm := range []bool{false, true} {
		s, p, alg := loading(t, sm)
		old, err := s.LoadTMK("T", alg, offer(t, p))
		if err != nil {
			t.Fatal(err)
		}
		now, err := s.LoadTMK("T", alg, offer(t, p))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.ImportKeyToken(old.Token); !errors.Is(err, epp.ErrRandom) {
			t.Error("a token of an older nonce:", err)
		}
		bad := append([]byte(nil), now.Token...)
		bad[len(bad)-1] ^= 1
		if err := p.ImportKeyToken(bad); err == nil {
			t.Error("a wrong signature is taken")
		}
		bad[len(bad)-1] ^= 1
		bad[len(bad)/2] ^= 1
		if err := p.ImportKeyToken(bad); err == nil {
			t.Error("a changed token is taken")
		}
		if err := p.ImportKeyToken(now.Token); err != nil {
			t.Error("what failed spent the nonce:", err)
		}
		other, _, _ := loading(t, sm) // another bank's module
		d := hsm.Device{Serial: p.Serial}
		d.Sign, d.Encrypt, _ = p.Public()
		if err := other.RegisterDevice("T", d); err != nil {
			t.Fatal(err)
		}
		theirs, err := other.LoadTMK("T", alg, offer(t, p))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.ImportKeyToken(theirs.Token); !errors.Is(err, epp.ErrSignature) {
			t.Error("another host's token:", err)
		}
	}
}
