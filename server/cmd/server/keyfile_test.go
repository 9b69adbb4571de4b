package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/store"
)

func TestAKeyOfZerosIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "partner.keys")
	good := strings.Repeat("7A", 16)
	for lines, want := range map[string]bool{good + "\n" + good: true, strings.Repeat("0", 32) + "\n" + good: false, good + "\n" + strings.Repeat("0", 32): false} {
		if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := zoneKeys(file); (err == nil) != want {
			t.Error(lines, err)
		}
	}
}

// A partner's keys that were changed stay changed: the file in the configuration is what they began with.
//
// req: TX-27
func TestAFileOfKeysIsTakenOnceAndDoesNotUndoNewerKeys(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(context.Background(), store.Options{DSN: filepath.Join(dir, "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	file := filepath.Join(dir, "partner.keys")
	key := func(b byte) []byte { return append(bytes.Repeat([]byte{b}, 8), bytes.Repeat([]byte{b ^ 0x5A}, 8)...) }
	write := func(b byte) {
		t.Helper()
		if err := os.WriteFile(file, fmt.Appendf(nil, "%X\n%X\n", key(b), key(b+1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	start := func(want uint32) *hsm.Soft {
		t.Helper()
		h, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), st)
		if err != nil {
			t.Fatal(err)
		}
		said.Reset()
		s := &services{st: st, hsm: h, log: slog.New(slog.NewTextHandler(&said, nil))}
		if err := s.importKeys("partner", "3des", file); err != nil {
			t.Fatal(err)
		}
		if now, err := h.Current("partner"); err != nil || now.Version != want {
			t.Fatalf("version %d, want %d (%v)", now.Version, want, err)
		}
		return h
	}
	write(0x10)
	h := start(1)
	start(1)
	if err := h.Import("partner", paycrypto.DES, key(0x20), key(0x21)); err != nil { // a change of keys
		t.Fatal(err)
	}
	start(2) // the file does not undo it
	write(0x30)
	start(3) // people have written newer ones
	if !strings.Contains(said.String(), "taken from a file") {
		t.Error("nothing is said of it:", said.String())
	}
	start(3)

	if err := h.Import("other", paycrypto.DES, key(0x40), key(0x41)); err != nil { // keys from before files were marked
		t.Fatal(err)
	}
	s := &services{st: st, hsm: h, log: slog.New(slog.NewTextHandler(&said, nil))}
	if err := s.importKeys("other", "3des", file); err != nil {
		t.Fatal(err)
	}
	if now, err := h.Current("other"); err != nil || now.Version != 1 || !strings.Contains(said.String(), "level=WARN") {
		t.Error(now, err, said.String())
	}
}
