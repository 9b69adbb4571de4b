package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What a run gave when its day was over is taken away by somebody else only, and the audit trail says
// what has changed; while the day lasts, and when nobody gets less, the same person may run it again.
func TestWhatAClearingGaveIsTakenAwayByAnotherPersonOnly(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		const day = "20261031"
		during, after := time.Date(2026, 10, 31, 15, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 16, 30, 0, 0, time.UTC) // 23:00 and 00:30 there
		entry := func(receiver string, amount int64) Entry {
			return Entry{Merchant: "102290000000001", Receiver: receiver, Count: 1, Gross: 100, Amount: amount}
		}
		all, less, moved := []Entry{entry("bank", 1), entry("shop", 99)}, []Entry{entry("bank", 1), entry("shop", 50)}, []Entry{entry("bank", 1), entry("other", 50), entry("shop", 49)}
		for i, run := range []struct {
			by   string
			at   time.Time
			es   []Entry
			want error
		}{
			{"olga", during, all, nil},
			{"olga", during, less, nil}, // the day lasts
			{"olga", after, all, nil},
			{"olga", after, all, nil},
			{"olga", after, less, ErrSecond},
			{"olga", after, nil, ErrSecond},
			{"olga", after, moved, ErrSecond}, // as much in all, but not to the shop
			{"otto", after, less, nil},
			{"otto", after, all, nil},
			{"otto", after, moved, ErrSecond},
			{"olga", after, moved, nil},
		} {
			last, err := s.LastClearing(t.Context(), day)
			if err != nil {
				t.Fatal(err)
			}
			had, _ := s.Clearing(t.Context(), day)
			if err := s.SaveClearing(t.Context(), day, run.es, Left{}, last, run.by, run.at); !errors.Is(err, run.want) {
				t.Fatalf("run %d: %v, want %v", i, err, run.want)
			}
			want := run.es
			if run.want != nil {
				want = had
			}
			if got, err := s.Clearing(t.Context(), day); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("run %d: %v %s", i, err, cmp.Diff(want, got))
			}
		}
		notes, err := s.AuditNotes(t.Context(), changedEntry, day)
		want := []string{"102290000000001 shop: 50, not 99", "102290000000001 shop: 99, not 50", "102290000000001 shop: 50, not 99", "102290000000001 shop: 99, not 50",
			"102290000000001 shop: 49, not 99", "102290000000001 other: 50, not 0"}
		if diff := cmp.Diff(want, notes); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}
