package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/store"
)

// Who was added before every teller had to have a branch is named when the server starts, with what to do.
func TestWhoHasNoBranchIsNamedAtTheStart(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	var text bytes.Buffer
	s := &services{st: st, log: slog.New(slog.NewTextHandler(&text, nil))}
	add := func(name, role, branch string, enabled bool) {
		t.Helper()
		if err := st.AddUser(t.Context(), &store.User{Name: name, Display: name, Role: role, Branch: branch, Hash: "x", Enabled: enabled, Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	add("olga", "operator", "", true)
	add("tess", "teller", "*", true)
	add("gone", "teller", "", false)
	if err := s.adrift(t.Context()); err != nil || text.Len() > 0 {
		t.Error(text.String(), err)
	}
	add("nora", "teller", "", true)
	add("mona", "manager", "*", true)
	if err := s.adrift(t.Context()); err != nil || !strings.Contains(text.String(), "level=WARN") || !strings.Contains(text.String(), `users="[mona nora]"`) || !strings.Contains(text.String(), "--branch") {
		t.Error(text.String(), err)
	}
}
