package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/dbserver/dbtest"
)

// old makes a finished withdrawal of a moment, with steps and a reversal.
func old(t *testing.T, s *Store, at time.Time, i int64) *Txn {
	t.Helper()
	x := &Txn{ID: NumberAt(at) + i, Idem: fmt.Sprintf("T|%d|%d", at.UnixMilli(), i), Digest: []byte{0, 1, 255}, Terminal: "T", Branch: "0001", Kind: "withdrawal", Batch: "000001", STAN: "000001",
		Amount: 100 + i, State: Intent, PANIndex: []byte{1, 0, 2}, Request: []byte{0, 9}, Note: "注", Created: at, Updated: at}
	insert(t, s, x)
	o := &Outcome{State: ReversalPending, RC: "98", At: at, Reversal: &Reversal{Txn: x.ID, Terminal: "T", Reason: "98", STAN: "1", Time: "2", Created: at, Next: at}}
	if err := s.Finish(t.Context(), x.ID, o, Intent); err != nil {
		t.Fatal(err)
	}
	if err := s.EndReversal(t.Context(), o.Reversal, RevDone, "00", at); err != nil {
		t.Fatal(err)
	}
	x, err := s.ByID(t.Context(), x.ID)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// req: DB-09
func TestAClosedMonthGoesToAFileIsFoundThereAndComesBack(t *testing.T) {
	now := time.Now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	now = first.AddDate(0, 0, 20)
	on(t, Options{Archives: t.TempDir()}, func(t *testing.T, s *Store) {
		s.archives = t.TempDir()
		ctx := context.Background()
		var months []time.Time
		rows := map[int64]*Txn{}
		for back := 4; back >= 0; back-- { // the oldest have no partition of their own
			m := first.AddDate(0, -back, 0)
			months = append(months, m)
			for i := range int64(30) {
				x := old(t, s, m.Add(time.Duration(i)*time.Hour), i)
				rows[x.ID] = x
			}
		}
		all := func(step string) {
			t.Helper()
			for id, want := range rows {
				got, err := s.ByID(ctx, id)
				if err != nil {
					t.Fatalf("%s: %d: %v", step, id, err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatal(step, d)
				}
				if es, err := s.Events(ctx, id); err != nil || len(es) != 2 {
					t.Fatalf("%s: %d steps, %v", step, len(es), err)
				}
			}
		}
		left := func(table string, want int) {
			t.Helper()
			var n int
			if err := s.row(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil || n != want {
				t.Errorf("%d rows in %s, want %d (%v)", n, table, want, err)
			}
		}
		if _, err := s.Archive(ctx, months[4], now); !errors.Is(err, ErrOpenMonth) {
			t.Fatal("the current month:", err)
		}
		stuck := old(t, s, months[0], 99)
		if err := s.write(ctx, func(tx *Tx) error {
			_, err := tx.exec(`UPDATE TX_ON_JOURNAL SET TRANS_STATE=10 WHERE JOURNAL_NUMBER=?`, stuck.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Archive(ctx, months[0], now); !errors.Is(err, ErrOpenMonth) {
			t.Fatal("a month with an unfinished transaction:", err)
		}
		if err := s.Finish(ctx, stuck.ID, &Outcome{State: ClosedByHand, At: months[0]}, Suspense); err != nil {
			t.Fatal(err)
		}
		stuck, _ = s.ByID(ctx, stuck.ID)

		done, err := s.Upkeep(ctx, now, Retention{Months: 2})
		if err != nil || len(done) != 2 || done[0].Rows != 31 {
			t.Fatal(len(done), err)
		}
		left("TX_ON_JOURNAL", 90)
		left("TX_ON_EVENT", 180)
		left("TX_ON_REVERSAL", 90)
		if s.d.keyed() {
			left("TX_ON_KEY", 90)
		}
		if a, err := s.Archive(ctx, months[3], now); err != nil || a.State != archiveDone || len(a.Digest) != 64 { // with a partition of its own
			t.Fatal(a, err)
		}
		left("TX_ON_JOURNAL", 60)
		if s.Engine() == "sqlite" && s.index.mark.Load() < NumberAt(months[3]) {
			t.Error("rows were archived before the indexes had them: their keys stay in memory")
		}
		all("archived")
		if ts, n, err := s.Search(ctx, Search{Number: stuck.ID, Limit: 9}); n != 1 || err != nil || ts[0].Note != stuck.Note {
			t.Error("by its number:", n, err)
		}
		if _, n, err := s.Search(ctx, Search{Number: stuck.ID, Branch: "0002", Limit: 9}); n != 0 || err != nil {
			t.Error("another branch's:", n, err)
		}
		if _, err := s.ByID(ctx, stuck.ID+1); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if a, err := s.Archive(ctx, months[3], now); err != nil || a.State != archiveDone {
			t.Fatal("once more:", err)
		}
		for i, m := range []time.Time{months[3], months[0], months[0]} {
			if n, err := s.Restore(ctx, m); err != nil || n != []int64{30, 31, 0}[i] {
				t.Fatal(n, err)
			}
		}
		left("TX_ON_JOURNAL", 121)
		left("TX_ON_REVERSAL", 121)
		all("restored")
		if _, n, err := s.Search(ctx, Search{PANIndex: []byte{1, 0, 2}, Limit: 9}); n != 121 || err != nil {
			t.Error("by card:", n, err)
		}
		dup := *stuck
		if fresh, err := s.Insert(ctx, &dup); fresh || err != nil {
			t.Error("a repeat of a restored transaction:", fresh, err)
		}
		if done, err := s.Upkeep(ctx, now, Retention{Months: 2}); err != nil || len(done) != 1 { // restored ones stay, the one between is done already
			t.Error(len(done), err)
		}
		if err := s.AddPartitions(ctx, now.AddDate(0, 6, 0)); err != nil {
			t.Error(err)
		}
		insert(t, s, &Txn{ID: NumberAt(now.AddDate(0, 8, 0)), Idem: "T|later", Digest: []byte{1}, Terminal: "T", Kind: "x", Created: now, Updated: now})
	})
}

func TestASpoiledArchiveIsNoticedBeforeAnythingIsRemoved(t *testing.T) {
	s := open(t, Options{DSN: dbtest.DSN(t, "sqlite"), Archives: t.TempDir()})
	m := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	old(t, s, m, 1)
	a, err := s.writeArchive(t.Context(), "202603", NumberAt(m), NumberAt(m.AddDate(0, 1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.archives, a.File)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, bytes.Clone(b)...) // more rows than were written, each of them well
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.removeMonth(t.Context(), a, NumberAt(m), NumberAt(m.AddDate(0, 1, 0))); err == nil {
		t.Error("not noticed")
	}
	if _, err := scanTxn(s.row(t.Context(), selectTxn+`WHERE TERMINAL_NUMBER='T'`)); err != nil {
		t.Error(err)
	}
}
