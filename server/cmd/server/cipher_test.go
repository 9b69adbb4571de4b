package main

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"zhigui/server/api/code"
	"zhigui/server/internal/link"
	"zhigui/server/internal/mgmt"
	"zhigui/server/internal/store"
)

// A peer that sends what is refused a thousand times raises one alarm for each cause.
func TestRefusedEncryptedMessagesRaiseOneAlarmOfEachCause(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	s := &services{st: st, log: slog.New(slog.NewTextHandler(io.Discard, nil)), broker: mgmt.NewBroker()}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	peer := s.cipherAlarm("bills", func() time.Time { return now })
	refused := peer.refused
	for range 500 {
		refused(link.ErrChanged)
		refused(link.ErrOtherKey)
	}
	var as []*store.Alarm
	for end := time.Now().Add(20 * time.Second); len(as) < 2; time.Sleep(10 * time.Millisecond) {
		if as, err = st.Alarms(t.Context(), "", false, 10); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatal("nobody was told")
		}
	}
	if len(as) != 2 || as[0].Code != code.CipherRefused || as[0].Module != "bills" || as[0].Severity != "critical" {
		t.Errorf("%d alarms, the first is %+v", len(as), as[0])
	}
	if c, ok := code.ByName(code.CipherRefused); !ok || c.ZH == "" || errors.Is(link.ErrChanged, link.ErrOtherKey) {
		t.Error("the alarm has no text")
	}
	left := func() int {
		as, err := st.OpenAlarms(t.Context(), code.CipherRefused)
		if err != nil {
			t.Fatal(err)
		}
		return len(as)
	}
	s.cipherAlarm("other", func() time.Time { return now }).refused(link.ErrChanged)
	for end := time.Now().Add(20 * time.Second); left() < 3 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	now = now.Add(59 * time.Minute)
	peer.opened()
	refused(link.ErrChanged) // no new alarm, and the hour begins anew
	now = now.Add(30 * time.Minute)
	peer.opened()
	if n := left(); n != 3 {
		t.Errorf("%d alarms before an hour without a refusal", n)
	}
	now = now.Add(31 * time.Minute)
	again := s.cipherAlarm("bills", func() time.Time { return now }) // the server was started anew
	again.opened()
	if n := left(); n != 3 {
		t.Errorf("%d alarms right after a start", n)
	}
	now = now.Add(time.Hour)
	again.opened()
	for end := time.Now().Add(20 * time.Second); left() != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d alarms are open", left())
		}
	}
}
