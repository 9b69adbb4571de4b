package store

import (
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
)

func TestComponentsAndKEKsStayWhileOldWorkingKeysGo(t *testing.T) {
	on(t, Options{}, componentsStay)
}

func componentsStay(t *testing.T, s *Store) {
	rec := func(u hsm.Use, v uint32) hsm.Record {
		return hsm.Record{Owner: "o", Use: u, Version: v, Alg: paycrypto.AES, Sealed: []byte{1}, KCV: []byte{2}}
	}
	for _, r := range []hsm.Record{rec(hsm.UseComponent, 1), rec(hsm.UseComponent, 2), rec(hsm.UseComponent, 3), rec(hsm.UseKEK, 1),
		rec(hsm.UsePIN, 1), rec(hsm.UsePIN, 2), rec(hsm.UsePIN, 3)} {
		if err := s.SaveKeys(r); err != nil {
			t.Fatal(err)
		}
	}
	count := func() map[hsm.Use]int {
		n := map[hsm.Use]int{}
		recs, err := s.LoadKeys("o")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs {
			n[r.Use]++
		}
		return n
	}
	if n := count(); n[hsm.UseComponent] != 3 || n[hsm.UseKEK] != 1 || n[hsm.UsePIN] != 2 {
		t.Error(n)
	}
	if err := s.SaveKeys(rec(hsm.UseTMK, 1)); err != nil {
		t.Fatal(err)
	}
	if n := count(); n[hsm.UsePIN] != 0 || n[hsm.UseKEK] != 1 || n[hsm.UseComponent] != 3 {
		t.Error("after a new TMK:", n)
	}
	if err := s.DropKeys("o", rec(hsm.UseDevice, 1)); err != nil || len(count()) != 1 || count()[hsm.UseDevice] != 1 {
		t.Error("all but one:", err, count())
	}
	if err := s.DropKeys("o"); err != nil || len(count()) != 0 {
		t.Error(err, count())
	}
}
