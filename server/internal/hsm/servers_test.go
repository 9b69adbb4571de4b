package hsm_test

import (
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
)

// A terminal gets a new master key at one server, which had not heard of the working keys that another has
// made: the other takes the new key over, and working keys made there are under it.
func TestANewMasterKeyIsTakenOverByTheOtherServer(t *testing.T) {
	keys, mk := conformance.NewMemory(), make([]byte, 32)
	a, err := hsm.NewSoft(mk, keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.CreateTMK("T", paycrypto.DES); err != nil {
		t.Fatal(err)
	}
	if _, err := a.NewWorking("T", false); err != nil {
		t.Fatal(err)
	}
	b, err := hsm.NewSoft(mk, keys)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // days at the other one
		if _, err := b.NewWorking("T", false); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := b.Current("T")
	raw, _, err := a.CreateTMK("T", paycrypto.DES)
	if err != nil {
		t.Fatal(err)
	}
	if w, err := a.NewWorking("T", false); err != nil || w.Version <= before.Version {
		t.Fatalf("version %d follows %d (%v)", w.Version, before.Version, err)
	}
	if err := b.Refresh("T"); err != nil {
		t.Fatal(err)
	}
	w, err := b.NewWorking("T", false)
	if err != nil {
		t.Fatal(err)
	}
	tmk, _ := paycrypto.NewKey(paycrypto.DES, raw)
	mak, err := paycrypto.Unwrap(tmk, w.MAK)
	if err != nil {
		t.Fatal(err)
	}
	k, err := paycrypto.NewKey(paycrypto.DES, mak)
	if err != nil {
		t.Fatal(err)
	}
	if got := k.CheckValue(len(w.MAKKCV)); string(got) != string(w.MAKKCV) {
		t.Errorf("the working key is under another master key: %X, want %X", got, w.MAKKCV)
	}
}
