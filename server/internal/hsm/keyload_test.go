package hsm_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	"zhigui/sim/epp"
)

// rig is a server's module and loader for one zone.
type rig struct {
	*hsm.Loader
	t    *testing.T
	s    *hsm.Soft
	host []byte
	alg  paycrypto.Alg
	sm   bool
}

func newRig(t *testing.T, sm bool) *rig {
	t.Helper()
	keys := conformance.NewMemory()
	s := soft(t, keys)
	r := &rig{t: t, s: s, sm: sm, alg: paycrypto.DES, Loader: hsm.NewLoader(s.Vault, keys, s)}
	how := sign.PSS
	if sm {
		r.alg, how = paycrypto.SM4, sign.SM2
	}
	pub, err := s.CreateSigner(hsm.LoadOwner, how)
	if err != nil {
		t.Fatal(err)
	}
	r.host, _ = sign.PEM(pub)
	return r
}

// pad is a pad that knows the server.
func (r *rig) pad(serial string) *epp.Pad {
	r.t.Helper()
	p, err := epp.New(serial, r.sm)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := p.LoadHost(r.host); err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) register(p *epp.Pad) {
	r.t.Helper()
	d := hsm.Device{Serial: p.Serial}
	d.Sign, d.Encrypt, _ = p.Public()
	if err := r.RegisterDevice("T", d); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) load(p *epp.Pad, exchange bool) (*keyload.Token, error) {
	r.t.Helper()
	o, err := p.Offer()
	if err != nil {
		r.t.Fatal(err)
	}
	return r.Load("T", r.alg, o, exchange)
}

// known loads a key into p and says whether the server then knows it.
func (r *rig) known(p *epp.Pad, exchange bool) bool {
	r.t.Helper()
	token, err := r.load(p, exchange)
	if err == nil {
		err = p.ImportKeyToken(token.Token)
	}
	if err != nil {
		r.t.Error(err)
		return false
	}
	s, _ := p.Statement()
	known, err := r.proves(s)
	return err == nil && known
}

func bothZones(t *testing.T, f func(t *testing.T, r *rig)) {
	for name, sm := range map[string]bool{"RSA": false, "SM2": true} {
		t.Run(name, func(t *testing.T) { f(t, newRig(t, sm)) })
	}
}

// req: G-09
func TestAPINPadThatCannotProveItselfGetsNoKey(t *testing.T) {
	bothZones(t, func(t *testing.T, r *rig) {
		p := r.pad("SIM00001")
		r.register(p)
		first, err := p.Offer()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Load("T", r.alg, first, false); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Load("T", r.alg, first, false); !errors.Is(err, hsm.ErrReplay) {
			t.Error("the same offer again:", err)
		}
		for fault, want := range map[string]error{epp.FaultSignature: keyload.ErrOffer, epp.FaultSerial: keyload.ErrOffer, epp.FaultNonce: hsm.ErrReplay} {
			p.SetFault(epp.FaultNone)
			if _, err := r.load(p, false); err != nil {
				t.Fatal(err)
			}
			p.SetFault(fault)
			if _, err := r.load(p, false); !errors.Is(err, want) {
				t.Errorf("%s: %v", fault, err)
			}
		}
		if _, err := r.load(r.pad(p.Serial), false); !errors.Is(err, keyload.ErrOffer) {
			t.Error("a pad with the same number and other keys:", err)
		}
		if _, err := r.Load("U", r.alg, first, false); !errors.Is(err, hsm.ErrNoKey) {
			t.Error("a terminal without a registered pad:", err)
		}
	})
}

// req: G-09
func TestAPINPadTakesNoTokenThatIsNotForItAndForNow(t *testing.T) {
	bothZones(t, func(t *testing.T, r *rig) {
		p := r.pad("SIM00001")
		r.register(p)
		old, err := r.load(p, false)
		if err != nil {
			t.Fatal(err)
		}
		now, err := r.load(p, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.ImportKeyToken(old.Token); !errors.Is(err, epp.ErrRandom) {
			t.Error("a token of an older nonce:", err)
		}
		for _, at := range []int{1, 2} {
			bad := bytes.Clone(now.Token)
			bad[len(bad)/at-1] ^= 1
			if err := p.ImportKeyToken(bad); err == nil {
				t.Error("a changed token is taken")
			}
		}
		if err := p.ImportKeyToken(now.Token); err != nil {
			t.Error("what failed spent the nonce:", err)
		}
		if err := p.ImportKeyToken(now.Token); !errors.Is(err, epp.ErrRandom) {
			t.Error("a token is taken twice:", err)
		}
		other := newRig(t, r.sm) // another bank's module
		other.register(p)
		theirs, err := other.load(p, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.ImportKeyToken(theirs.Token); !errors.Is(err, epp.ErrSignature) {
			t.Error("another host's token:", err)
		}
	})
}

// The proof decides which key is used: another pad's, a forged one and one of an older key change nothing.
//
// req: G-09
func TestOnlyTheProofOfTheTerminalsOwnPINPadSwitchesTheKey(t *testing.T) {
	bothZones(t, func(t *testing.T, r *rig) {
		p := r.pad("SIM00001")
		r.register(p)
		if !r.known(p, false) {
			t.Fatal("not known")
		}
		oldProof, _ := p.Statement()
		if _, err := r.s.NewWorking("T", false); err != nil {
			t.Fatal(err)
		}
		before, _ := r.s.Current("T")
		token, err := r.load(p, false)
		if err != nil || p.ImportKeyToken(token.Token) != nil {
			t.Fatal(err)
		}
		forged, _ := p.Statement()
		forged.Signature[len(forged.Signature)-1] ^= 1
		if _, err := r.proves(forged); !errors.Is(err, keyload.ErrOffer) {
			t.Error("a forged proof:", err)
		}
		if known, err := r.proves(oldProof); !known || err != nil { // the old key is still the terminal's
			t.Error("the proof of the key before:", known, err)
		}
		stranger := r.pad("SIM00009")
		s, _ := stranger.Statement()
		if known, err := r.proves(s); known || err != nil {
			t.Error("another pad's proof:", known, err)
		}
		if now, err := r.s.Current("T"); err != nil || now != before {
			t.Error("the key was switched:", now, err)
		}
		right, _ := p.Statement()
		if known, err := r.proves(right); !known || err != nil {
			t.Error(known, err)
		}
		if known, err := r.proves(oldProof); known || err != nil {
			t.Error("the proof of a key that is gone:", known, err)
		}
		if _, err := r.s.Current("T"); !errors.Is(err, hsm.ErrNoKey) {
			t.Error("the key was not switched:", err)
		}
	})
}

// req: G-09
func TestAPINPadOfAKnownMakerNeedsNoRegistrationAndARevokedOneGetsNothing(t *testing.T) {
	maker, err := epp.OpenMaker(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := epp.OpenMaker(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bothZones(t, func(t *testing.T, r *rig) {
		vouched := func(m *epp.Maker, serial string) *epp.Pad {
			p := r.pad(serial)
			if err := m.Vouch(p); err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := vouched(maker, "SIM00001")
		if _, err := r.load(p, false); !errors.Is(err, hsm.ErrMaker) {
			t.Error("before its maker is known:", err)
		}
		if _, err := r.AddMaker("sim", r.host); !errors.Is(err, hsm.ErrMaker) {
			t.Error("a key as a CA:", err)
		}
		if names, err := r.AddMaker("sim", maker.CA()); err != nil || len(names) != 2 {
			t.Fatal(names, err)
		}
		if _, err := r.load(vouched(stranger, "SIM00001"), false); !errors.Is(err, hsm.ErrMaker) {
			t.Error("another maker's pad:", err)
		}
		o, _ := p.Offer()
		o.Serial = "SIM00002"
		if _, err := r.Load("T", r.alg, o, false); !errors.Is(err, hsm.ErrMaker) {
			t.Error("certificates of another serial number:", err)
		}
		r.Now = func() time.Time { return time.Date(2070, 1, 1, 0, 0, 0, 0, time.UTC) }
		if _, err := r.load(p, false); !errors.Is(err, hsm.ErrMaker) {
			t.Error("certificates that have expired:", err)
		}
		r.Now = time.Now
		if !r.known(p, false) {
			t.Fatal("a vouched pad has no key")
		}
		next := vouched(maker, "SIM00002")
		if _, err := r.load(next, false); !errors.Is(err, hsm.ErrOtherPad) {
			t.Error("another pad comes uninvited:", err)
		}
		s, _ := p.Statement()
		if known, err := r.proves(s); !known || err != nil {
			t.Error("the uninvited one took the first one's place")
		}
		if !r.known(next, true) { // two people have ordered it
			t.Error("the new pad has no key")
		}
		if terminals, err := r.Revoke("SIM00002"); err != nil || len(terminals) != 1 || terminals[0] != "T" {
			t.Error(terminals, err)
		}
		if _, err := r.s.NewWorking("T", false); !errors.Is(err, hsm.ErrNoKey) {
			t.Error("a terminal with a revoked pad signs in:", err)
		}
		if _, err := r.load(next, true); !errors.Is(err, hsm.ErrRevoked) {
			t.Error("a revoked pad:", err)
		}
		if _, err := r.load(vouched(maker, "SIM00003"), false); !errors.Is(err, hsm.ErrOtherPad) {
			t.Error("another pad takes the place of a revoked one uninvited:", err)
		}
		if !r.known(vouched(maker, "SIM00003"), true) {
			t.Error("the pad that was ordered in its place has no key")
		}
		if err := r.DropMaker("sim"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.load(vouched(maker, "SIM00004"), true); !errors.Is(err, hsm.ErrMaker) {
			t.Error("a maker that was dropped:", err)
		}
	})
}

func (r *rig) proves(s keyload.Proof) (bool, error) {
	v, err := r.Prove("T", r.alg, s)
	return v.Known, err
}
