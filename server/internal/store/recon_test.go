package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A first person's word is about the class and the amounts that were there; when a later comparison finds
// others, it is void, and a second person's word is the first.
func TestAWordAboutADifferenceIsVoidWhenItHasChanged(t *testing.T) {
	amount := func(v int64) sql.NullInt64 { return sql.NullInt64{Int64: v, Valid: true} }
	none := sql.NullInt64{}
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, now := context.Background(), time.Now()
		n := 0
		for name, c := range map[string]struct {
			class        string
			ours, theirs sql.NullInt64
			void         bool
		}{
			"nothing has changed":       {"amount", amount(100), amount(90), false},
			"their amount":              {"amount", amount(100), amount(80), true},
			"our amount":                {"amount", amount(110), amount(90), true},
			"they do not have it":       {"amount", amount(100), none, true},
			"the class":                 {"state", amount(100), amount(90), true},
			"it was gone and came back": {"", none, none, true},
		} {
			n++
			run := &Run{Day: "20261122", Host: name, Book: "host", At: now}
			save := func(class string, ours, theirs sql.NullInt64) {
				t.Helper()
				run.At = run.At.Add(time.Millisecond)
				diffs := []*Difference{{Day: run.Day, Host: name, Book: run.Book, Key: name, Class: class, Terminal: "T", Ours: ours, Theirs: theirs, Owner: "clearing"}}
				if class == "" {
					diffs = nil
				}
				if err := s.SaveRun(ctx, run, diffs); err != nil {
					t.Fatal(err)
				}
			}
			save("amount", amount(100), amount(90))
			ds, err := s.Differences(ctx, run.Day, "", false, 100)
			if err != nil || len(ds) != n {
				t.Fatal(len(ds), err)
			}
			id := ds[n-1].ID
			if done, err := s.SettleDifference(ctx, id, "olga", "refunded", false, now); done || err != nil {
				t.Fatal(done, err)
			}
			save(c.class, c.ours, c.theirs)
			if c.class == "" {
				save("amount", amount(100), amount(90))
			}
			done, err := s.SettleDifference(ctx, id, "otto", "checked", false, now)
			if err != nil || done == c.void {
				t.Errorf("%s: settled by the second: %v, %v", name, done, err)
			}
			if c.void {
				if _, err := s.SettleDifference(ctx, id, "otto", "checked", false, now); !errors.Is(err, ErrState) {
					t.Errorf("%s: one person twice: %v", name, err)
				}
				if done, err := s.SettleDifference(ctx, id, "olga", "refunded", false, now); !done || err != nil {
					t.Errorf("%s: two persons: %v %v", name, done, err)
				}
			}
			n-- // settled ones are not listed
		}
	})
}

// A payment whose answer named another settlement day than that on which a comparison found it is in dispute on its own day, too; a
// word about other amounts than those that are there now says nothing of a refund.
func TestAPaymentIsInDisputeWhateverDayTheDifferenceWasFoundOn(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Date(2026, 10, 31, 15, 0, 0, 0, time.UTC)
		d := &Difference{Day: "20261031", Host: "core", Book: "host", Key: "core|1", Class: "pending", Terminal: "P0000001", Owner: "operator", Ours: sql.NullInt64{Int64: 100, Valid: true}}
		d.Txn = sql.NullInt64{Int64: NumberAt(now), Valid: true}
		save := func(at time.Time) {
			t.Helper()
			if err := s.SaveRun(ctx, &Run{Day: d.Day, Host: d.Host, Book: d.Book, At: at}, []*Difference{d}); err != nil {
				t.Fatal(err)
			}
		}
		save(now)
		for day, want := range map[string]map[int64]bool{"20261031": {d.Txn.Int64: false}, "20261101": {d.Txn.Int64: false}, "20261120": {}} {
			if got, err := s.Disputed(ctx, day); err != nil || cmp.Diff(want, got) != "" {
				t.Error(day, got, err)
			}
		}
		ds, err := s.Differences(ctx, d.Day, "", false, 9)
		if err != nil || len(ds) != 1 {
			t.Fatal(len(ds), err)
		}
		if _, err := s.SettleDifference(ctx, ds[0].ID, "olga", "paid back", true, now); err != nil {
			t.Fatal(err)
		}
		d.Class, d.Theirs = "amount", sql.NullInt64{Int64: 90, Valid: true}
		save(now.Add(time.Second))
		if ds, err = s.Differences(ctx, d.Day, "", false, 9); err != nil || len(ds) != 1 || ds[0].State != DiffOpen || ds[0].Refunded {
			t.Errorf("%+v %v", ds[0], err)
		}
	})
}
