package store

import (
	"database/sql"
	"errors"
	"testing"
	"time"
)

// A host's book that comes again, another one, does not release by itself what is held for a dispute: who has the book
// is one person.
func TestWhatAnotherBookDoesNotShowStaysInDisputeUntilASecondPersonAgrees(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
		const day = "20261122"
		step := func() time.Time { now = now.Add(time.Millisecond); return now }
		compare := func(host, digest, by string, shown bool) {
			t.Helper()
			d := &Difference{Day: day, Host: host, Book: "host", Key: host + "|1", Class: "oursOnly", Owner: "clearing", Txn: sql.NullInt64{Int64: NumberAt(now) + int64(len(host)), Valid: true}, Ours: sql.NullInt64{Int64: 100, Valid: true}}
			diffs := []*Difference{d}
			if !shown {
				diffs = nil
			}
			if err := s.SaveRun(ctx, &Run{Day: day, Host: host, Book: "host", Digest: digest, By: by, At: step()}, diffs); err != nil {
				t.Fatal(err)
			}
		}
		state := func(host string) (st DifferenceState, held bool) {
			t.Helper()
			ds, err := s.Differences(ctx, day, "", true, 100)
			if err != nil {
				t.Fatal(err)
			}
			disputed, err := s.Disputed(ctx, day)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range ds {
				if d.Host == host {
					_, held = disputed[d.Txn.Int64]
					return d.State, held
				}
			}
			t.Fatal("no difference of", host)
			return 0, false
		}
		want := func(host string, st DifferenceState, held bool) {
			t.Helper()
			if got, is := state(host); got != st || is != held {
				t.Errorf("%s: state %d, held %v; want %d, %v", host, got, is, st, held)
			}
		}
		agree := func(host, digest, user string, gone int64, may bool) {
			t.Helper()
			n, err := s.EndAbsent(ctx, day, host, digest, user, step())
			if n != gone || may != (err == nil) || err != nil && !errors.Is(err, ErrState) {
				t.Errorf("%s agrees with %s of %s: %d gone, %v", user, digest, host, n, err)
			}
		}

		compare("core", "first", "olga", true)
		want("core", DiffOpen, true)
		agree("core", "first", "otto", 0, false) // nothing to agree with
		compare("core", "second", "olga", false)
		want("core", DiffAbsent, true)
		compare("core", "second", "otto", false) // the same once more is nobody's word
		want("core", DiffAbsent, true)
		agree("core", "second", "olga", 0, false) // who compared it
		agree("core", "first", "otto", 0, false)  // the book of before
		want("core", DiffAbsent, true)
		agree("core", "second", "otto", 1, true)
		want("core", DiffGone, false)
		agree("core", "second", "otto", 0, false)

		// It comes back, and people settle it although the newest book does not show it.
		compare("core", "third", "olga", true)
		want("core", DiffOpen, true)
		compare("core", "fourth", "olga", false)
		ds, err := s.Differences(ctx, day, "", false, 9)
		if err != nil || len(ds) != 1 || ds[0].First != "olga" {
			t.Fatal(ds, err)
		}
		if done, err := s.SettleDifference(ctx, ds[0].ID, "otto", "paid back", true, step()); done || err != nil {
			t.Fatal(done, err)
		}
		if done, err := s.SettleDifference(ctx, ds[0].ID, "olga", "paid back", true, step()); !done || err != nil {
			t.Fatal(done, err)
		}
		want("core", DiffSettled, true)

		// The same book again: it is our journal that has moved.
		compare("card", "same", "olga", true)
		compare("card", "same", "olga", false)
		want("card", DiffGone, false)

		// A program compared: two persons.
		compare("acme", "a", "", true)
		compare("acme", "b", "", false)
		agree("acme", "b", "otto", 0, true)
		want("acme", DiffAbsent, true)
		agree("acme", "b", "otto", 0, false)
		agree("acme", "b", "olga", 1, true)
		want("acme", DiffGone, false)

		// A word of one person about it is void when it is shown again, and so is who compared.
		compare("four", "a", "olga", true)
		compare("four", "b", "olga", false)
		compare("four", "c", "otto", true)
		want("four", DiffOpen, true)
		agree("four", "c", "otto", 0, false)
	})
}
