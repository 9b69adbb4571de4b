package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"zhigui/sim/dbserver"
	"zhigui/sim/dbserver/dbtest"
)

// two opens a database twice, as two servers would.
func two(t *testing.T, f func(t *testing.T, dsn string, a, b *Store)) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		t.Run(engine, func(t *testing.T) {
			dsn := dbtest.DSN(t, engine)
			f(t, dsn, open(t, Options{DSN: dsn}), open(t, Options{DSN: dsn}))
		})
	}
}

func TestAServerThatWasTakenOverFromWritesNothingAnyMore(t *testing.T) {
	two(t, func(t *testing.T, dsn string, a, b *Store) {
		ctx := context.Background()
		na, ea, err := a.Join(ctx, "a", time.Nanosecond) // lapses at once
		if err != nil {
			t.Fatal(err)
		}
		nb, eb, err := b.Join(ctx, "b", time.Minute)
		if err != nil || nb == na {
			t.Fatal(na, nb, err)
		}
		insert(t, a, row(1)) // nobody has taken over yet
		if err := a.Renew(ctx, na, ea, "a", time.Nanosecond); err != nil {
			t.Error("renewed late:", err)
		}
		var ls []*Lease
		for lapsed := false; !lapsed; {
			if ls, err = b.Leases(ctx); err != nil {
				t.Fatal(err)
			}
			for _, l := range ls {
				lapsed = lapsed || l.Lapsed
			}
		}
		for _, l := range ls {
			if got, want := errors.Is(b.Fence(ctx, l), ErrHeld), l.Holder == "b"; got != want {
				t.Errorf("fence of %s: %v", l.Holder, got)
			}
		}
		if _, err := a.Insert(ctx, row(2)); !errors.Is(err, ErrFenced) {
			t.Error("it writes:", err)
		}
		if err := a.Renew(ctx, na, ea, "a", time.Minute); !errors.Is(err, ErrFenced) {
			t.Error("it renews:", err)
		}
		insert(t, b, row(3))
		if err := b.Renew(ctx, nb, eb, "b", time.Minute); err != nil {
			t.Error(err)
		}
		// It comes back as a new process under its name.
		c := open(t, Options{DSN: dsn})
		n, _, err := c.Join(ctx, "a", time.Minute)
		if err != nil || n == nb {
			t.Fatal(n, err)
		}
		insert(t, c, row(4))
		again := open(t, Options{DSN: dsn})
		if m, _, err := again.Join(ctx, "a", time.Minute); err != nil || m != n {
			t.Errorf("its own number is %d, it got %d, %v", n, m, err)
		}
		if _, err := c.Insert(ctx, row(5)); !errors.Is(err, ErrFenced) {
			t.Error("two of one name write:", err)
		}
	})
}

func TestAJobIsOneServers(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx := context.Background()
		hold := func(who string, ttl time.Duration) bool {
			t.Helper()
			held, err := s.HoldJob(ctx, "job.x", who, ttl)
			if err != nil {
				t.Fatal(err)
			}
			return held
		}
		if !hold("a", time.Minute) || hold("b", time.Minute) || !hold("a", 0) {
			t.Error("not one's")
		}
		for !hold("b", time.Minute) {
			continue // until the lease ends
		}
		if hold("a", time.Minute) {
			t.Error("not taken over")
		}
		if err := s.Leave(ctx, "b", "job.x"); err != nil || !hold("a", time.Minute) {
			t.Error("not given back:", err)
		}
	})
}

// Two servers have reversals of one terminal: the older goes first, and each is sent by one of them.
func TestReversalsAreOneServersAndInOrderPerTerminal(t *testing.T) {
	two(t, func(t *testing.T, _ string, a, b *Store) {
		ctx, now := context.Background(), time.Now()
		make := func(s *Store, i int64, node int) *Reversal {
			x := row(i)
			insert(t, s, x)
			r := &Reversal{Txn: x.ID, Terminal: "T", Host: "h", Reason: "98", STAN: "000001", Time: "1122093000", Created: now, Next: now, Node: node}
			if err := s.Finish(ctx, x.ID, &Outcome{State: ReversalPending, At: now, Reversal: r}, Intent); err != nil {
				t.Fatal(err)
			}
			return r
		}
		first, second := make(a, 1, 1), make(b, 2, 2)
		if err := b.Attempt(ctx, second, now, now, true); !errors.Is(err, ErrTurn) {
			t.Error("the younger went first:", err)
		}
		if rs, err := b.PendingReversals(ctx, 1); err != nil || len(rs) != 1 || rs[0].Txn != second.Txn {
			t.Error(rs, err)
		}
		mine := *first
		if err := b.ClaimReversal(ctx, &mine, 2, now); err != nil {
			t.Fatal(err)
		}
		if err := a.Attempt(ctx, first, now, now, true); !errors.Is(err, ErrState) {
			t.Error("sent by a server that it was taken from:", err)
		}
		if err := b.ClaimReversal(ctx, first, 3, now); !errors.Is(err, ErrState) {
			t.Error("claimed twice:", err)
		}
		if err := b.Attempt(ctx, &mine, now, now, true); err != nil {
			t.Error(err)
		}
		if err := b.EndReversal(ctx, &mine, RevDone, "00", now); err != nil {
			t.Error(err)
		}
		if err := a.EndReversal(ctx, first, RevStuck, "12", now); err != nil {
			t.Error(err)
		}
		if x, err := a.ByID(ctx, first.Txn); err != nil || x.State != Reversed {
			t.Error("a late word has changed it:", x.State, err)
		}
		if err := b.Attempt(ctx, second, now, now, true); err != nil {
			t.Error(err)
		}
	})
}

func TestNumbersOfASequenceAreGivenOnceByAnyServer(t *testing.T) {
	two(t, func(t *testing.T, _ string, a, b *Store) {
		seen := map[int64]bool{}
		for i := range 20 {
			s := a
			if i%2 == 1 {
				s = b
			}
			first, err := s.Reserve(context.Background(), "x", 10)
			if err != nil {
				t.Fatal(err)
			}
			for n := first; n < first+10; n++ {
				if seen[n] {
					t.Fatal(n, "was given twice")
				}
				seen[n] = true
			}
		}
	})
}
