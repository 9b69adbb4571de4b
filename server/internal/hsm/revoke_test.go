package hsm_test

import (
	"errors"
	"fmt"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
)

// watched is a store of keys at which another process acts, or this one dies, before a write.
type watched struct {
	hsm.Keys
	before func(owner string, recs []hsm.Record) error
}

func (w *watched) SaveKeys(recs ...hsm.Record) error {
	if err := w.before(recs[0].Owner, recs); err != nil {
		return err
	}
	return w.Keys.SaveKeys(recs...)
}

func (w *watched) DropKeys(owner string, keep ...hsm.Record) error {
	if err := w.before(owner, nil); err != nil {
		return err
	}
	return w.Keys.DropKeys(owner, keep...)
}

func watchedRig(t *testing.T) (*rig, *watched) {
	t.Helper()
	w := &watched{Keys: conformance.NewMemory(), before: func(string, []hsm.Record) error { return nil }}
	s := soft(t, w)
	r := &rig{t: t, s: s, alg: paycrypto.DES, Loader: hsm.NewLoader(s.Vault, w, s)}
	pub, err := s.CreateSigner(hsm.LoadOwner, sign.PSS)
	if err != nil {
		t.Fatal(err)
	}
	r.host, _ = sign.PEM(pub)
	return r, w
}

// Whoever revokes a pad may die before each write: the pad stays the terminal's, so that no other takes its
// place uninvited, and saying it again ends it.
func TestARevocationThatBreaksOffLeavesThePadTheTerminals(t *testing.T) {
	for dies := 1; ; dies++ {
		r, w := watchedRig(t)
		p := r.pad("SIM00001")
		r.register(p)
		if !r.known(p, false) {
			t.Fatal("the pad has no key")
		}
		writes := 0
		w.before = func(string, []hsm.Record) error {
			if writes++; writes >= dies {
				return errors.New("killed")
			}
			return nil
		}
		_, err := r.Revoke("SIM00001")
		w.before = func(string, []hsm.Record) error { return nil }
		recs, _ := w.LoadKeys("T")
		bound := false
		for _, x := range recs {
			bound = bound || x.Use == hsm.UseDevice
		}
		if !bound {
			t.Errorf("killed before write %d: the terminal has no pad", dies)
		}
		if terminals, err := r.Revoke("SIM00001"); err != nil || fmt.Sprint(terminals) != "[T]" {
			t.Errorf("killed before write %d, again: %v %v", dies, terminals, err)
		}
		if _, err := r.load(p, true); !errors.Is(err, hsm.ErrRevoked) {
			t.Errorf("killed before write %d: the pad still gets keys: %v", dies, err)
		}
		if err == nil {
			if dies < 2 {
				t.Error("nothing was written")
			}
			return
		}
	}
}

// A pad proves its key at one server while another revokes it, between the look at the list and the write.
func TestAPadThatIsRevokedWhileItProvesItselfHasNoKey(t *testing.T) {
	r, w := watchedRig(t)
	p := r.pad("SIM00001")
	r.register(p)
	token, err := r.load(p, false)
	if err == nil {
		err = p.ImportKeyToken(token.Token)
	}
	if err != nil {
		t.Fatal(err)
	}
	other := hsm.NewLoader(r.s.Vault, w.Keys, soft(t, w.Keys))
	revoked := 0
	w.before = func(_ string, recs []hsm.Record) error {
		for _, x := range recs {
			if x.Use == hsm.UseTMK {
				revoked++
				if _, err := other.Revoke("SIM00001"); err != nil {
					t.Error(err)
				}
			}
		}
		return nil
	}
	s, _ := p.Statement()
	if known, err := r.proves(s); known || !errors.Is(err, hsm.ErrRevoked) || revoked != 1 {
		t.Error(known, err, revoked)
	}
	if _, err := r.s.NewWorking("T", false); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("its terminal signs in: ", err)
	}
	recs, _ := w.LoadKeys("T")
	for _, x := range recs {
		if x.Use != hsm.UseDevice {
			t.Errorf("a key of use %d is left", x.Use)
		}
	}
	if len(recs) != 1 {
		t.Error("the pad is not the terminal's any more")
	}
}
