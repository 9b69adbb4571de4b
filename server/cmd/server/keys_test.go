package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/choose"
	"zhigui/server/internal/store"
)

// What serverctl does in another process is seen by a server that runs.
//
// req: G-09 TX-27
func TestKeysOfAnotherProcessAreSeenWithoutARestart(t *testing.T) {
	ctx := context.Background()
	st, err := store.Open(ctx, store.Options{DSN: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	open := func() (*hsm.Soft, *hsm.Loader) {
		t.Helper()
		h, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), st)
		if err != nil {
			t.Fatal(err)
		}
		l, err := choose.Loader(h, st)
		if err != nil {
			t.Fatal(err)
		}
		return h, l
	}
	running, loader := open()
	s := &services{st: st, hsm: running, loader: loader}
	began := time.Now().Add(-time.Second)
	see := func() {
		t.Helper()
		if err := s.takeKeys(ctx, began); err != nil {
			t.Fatal(err)
		}
	}
	other, otherLoader := open()
	for n := range uint32(2) {
		key := bytes.Repeat([]byte{byte(n) + 1, 0x33}, 8)
		if err := other.Import("host", paycrypto.SM4, key, key); err != nil {
			t.Fatal(err)
		}
		see()
		if now, err := running.Current("host"); err != nil || now.Version != n+1 {
			t.Error(now, err)
		}
	}

	for i, share := range [][]byte{bytes.Repeat([]byte{0x11}, 32), bytes.Repeat([]byte{0x55, 0x0F}, 16)} {
		if _, err := other.EnterComponent(hsm.Component{Owner: "partner", Alg: paycrypto.AES, Number: i + 1, By: string(rune('a' + i))}, share); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.FormKEK("partner", 2, nil); err != nil {
		t.Fatal(err)
	}
	for n := range uint32(2) {
		data, mak, err := other.MakeData("partner", paycrypto.SM4)
		if err == nil {
			_, err = other.ImportData("bills", "partner", data, mak)
		}
		if err != nil {
			t.Fatal(err)
		}
		see()
		now, err := running.Current("bills")
		_, id, err2 := running.DataKey(now)
		_, want, _ := other.DataKey(now)
		if err != nil || err2 != nil || now.Version != n+1 || id != want {
			t.Error("data keys: ", now, err, err2)
		}
	}

	if err := st.AddTerminal(ctx, &store.Terminal{ID: "T0000001", Merchant: "102290000000001", Branch: "0001", Zone: "3des", Enabled: true, Created: began}); err != nil {
		t.Fatal(err)
	}
	key, err := sign.PSS.Generate()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := sign.PEM(key.Public())
	if err := otherLoader.RegisterDevice("T0000001", hsm.Device{Serial: "SIM00001", Sign: text, Encrypt: text}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := running.CreateTMK("T0000001", paycrypto.DES); err != nil {
		t.Fatal(err)
	}
	if _, err := running.NewWorking("T0000001", false); err != nil {
		t.Fatal(err)
	}
	see()
	if _, err := running.Current("T0000001"); err != nil {
		t.Error("a look at keys took a terminal's away:", err)
	}
	if lost, err := otherLoader.Revoke("SIM00001"); err != nil || len(lost) != 1 {
		t.Fatal(lost, err)
	}
	see()
	if _, err := running.Current("T0000001"); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("a terminal with a revoked pad has keys:", err)
	}
}

// A key of digests that serverctl has brought is used by a running server.
func TestANewKeyOfDigestsIsTakenOver(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	module := func() *hsm.Soft {
		t.Helper()
		h, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), st)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	ctl, h := module(), module()
	loader, err := choose.Loader(h, st)
	if err != nil {
		t.Fatal(err)
	}
	s := &services{st: st, hsm: h, loader: loader}
	began, before := time.Now(), []byte(nil)
	for i := range 2 {
		if _, _, err := ctl.MakeDigestKey("partner", sign.HMACSM3, false); err != nil {
			t.Fatal(err)
		}
		if err := s.takeKeys(t.Context(), began.Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		now, err := h.Digest("partner", sign.HMACSM3, []byte("x"))
		if want, _ := ctl.Digest("partner", sign.HMACSM3, []byte("x")); err != nil || !bytes.Equal(now, want) || bytes.Equal(now, before) {
			t.Errorf("%d: %x, want %x (%v)", i, now, want, err)
		}
		before = now
	}
}

func TestAnOwnerWhoseKeysCannotBeReadHoldsUpNoOther(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	module := func(master byte) *hsm.Soft {
		t.Helper()
		h, err := hsm.NewSoft(bytes.Repeat([]byte{master}, 32), st)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := module(7)
	loader, err := choose.Loader(h, st)
	if err != nil {
		t.Fatal(err)
	}
	s := &services{st: st, hsm: h, loader: loader}
	ctl, strange := module(7), module(8) // of another master key
	key := bytes.Repeat([]byte{1, 0x33}, 8)
	owners := []string{"a", "b", "c", "d", "e"}
	for _, own := range owners {
		by := ctl
		if own == "b" || own == "d" {
			by = strange
		}
		if err := by.Import(own, paycrypto.SM4, key, key); err != nil {
			t.Fatal(err)
		}
	}
	err = s.takeKeys(t.Context(), time.Now().Add(-time.Minute))
	for _, own := range owners {
		_, none := h.Current(own)
		bad := own == "b" || own == "d"
		if named := err != nil && strings.Contains(err.Error(), own+": "); named != bad || (none != nil) != bad {
			t.Errorf("%s: %v; taken over with %v", own, none, err)
		}
	}
}
