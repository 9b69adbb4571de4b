package main

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zhigui/server/internal/lease"
	"zhigui/server/internal/store"
)

// A server compares counted cash by itself, when no host's book ever comes.
func TestAServerComparesCountedCashByItself(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &services{st: st, node: lease.Alone(), log: slog.New(slog.DiscardHandler)}
	s.compareCounts(t.Context())
	defer s.stop[0]()
	for range 1000 {
		runs, err := st.Runs(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(runs, func(r *store.Run) bool { return r.Book == "counts" }) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it does not")
}
