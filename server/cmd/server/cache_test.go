package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/store"
	"zhigui/sim/peer"
)

// The configured Redis is used: copies are there, under the prefix, sealed, by a user with a password of a file.
// req: CA-01
func TestTheConfiguredRedisHasTheCopiesSealed(t *testing.T) {
	n := peer.StartRedis(t, "user default on nopass ~* +@all", "user zhigui on >secret ~bank:* +@all")
	dir := t.TempDir()
	for name, text := range map[string]string{"redis.password": "secret\n",
		"server.yaml": "cache: {kind: redis, addresses: ['" + n.Address + "'], user: zhigui, password: redis.password, prefix: 'bank:', timeout: 1s}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(dir, "server.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(dir, "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	soft, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), st)
	if err != nil {
		t.Fatal(err)
	}
	s := &services{c: c, st: st, hsm: soft, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if err := s.openCache(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, f := range append([]func(){s.stop[0]}, s.ends...) {
			f()
		}
	}()
	if err := st.AddTerminal(t.Context(), &store.Terminal{ID: "00000001", Merchant: "102290000000001", Branch: "0417", Zone: "3des", Enabled: true, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if x, err := st.Terminal(t.Context(), "00000001"); err != nil || x.Branch != "0417" {
			t.Fatal(x, err)
		}
		if stats, ok := st.Cache(); ok && stats.Hits > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no copy is ever used")
		}
	}
	kept, err := n.Do("GET", "bank:terminal:00000001")
	if err != nil || strings.Contains(kept, "0417") || len(kept) < 40 {
		t.Errorf("%q %v", kept, err)
	}
}
