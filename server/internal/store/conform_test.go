package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/dbserver/dbtest"
)

// The tests of this file hold on every engine.

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// on runs f with an empty store of every engine.
func on(t *testing.T, o Options, f func(t *testing.T, s *Store)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, dsn string) {
		o.DSN = dsn
		f(t, open(t, o))
	})
}

func row(i int64) *Txn {
	now := time.Now()
	return &Txn{ID: NumberAt(now)&^0xffff + i, Idem: fmt.Sprintf("T|%d", i), Digest: []byte{1}, Terminal: "T", Kind: "withdrawal", State: Intent, Created: now, Updated: now}
}

func insert(t testing.TB, s *Store, x *Txn) {
	t.Helper()
	if fresh, err := s.Insert(context.Background(), x); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
}

func TestAPoisonRowFailsAloneInItsBatch(t *testing.T) {
	takes := map[string]string{"sqlite": "the text is no UTF-8, the text holds a zero, the text is too long", "mariadb": "the text holds a zero"}
	poison := map[string]func(*Txn){
		"a column is missing":   func(r *Txn) { r.Digest = nil },
		"the number is taken":   func(r *Txn) { r.ID = NumberAt(time.Time{}.AddDate(2025, 0, 0)) + 1 },
		"the text is no UTF-8":  func(r *Txn) { r.Kind = "\x30\x20\xff\xfe" },
		"the text holds a zero": func(r *Txn) { r.Kind = "a\x00b" },
		"the text is too long":  func(r *Txn) { r.Kind = strings.Repeat("x", 4000) },
		"the key is taken":      func(r *Txn) { r.Idem = "T|dup" }, // not fresh: no error, no row
	}
	on(t, Options{FsyncDelay: 20 * time.Millisecond}, func(t *testing.T, s *Store) { // the delay lets the others queue up
		taken := row(1000)
		taken.ID = NumberAt(time.Time{}.AddDate(2025, 0, 0)) + 1
		insert(t, s, taken)
		dup := row(1001)
		dup.Idem = "T|dup"
		insert(t, s, dup)
		for name, spoil := range poison {
			t.Run(name, func(t *testing.T) {
				var wg sync.WaitGroup
				errs := make([]error, 60)
				for i := range errs {
					r := row(int64(i + 1))
					r.Idem = fmt.Sprintf("T|%s|%d", name, i)
					r.ID += NumberAt(time.UnixMilli(int64(len(name)))) - NumberAt(time.UnixMilli(0))
					if i%20 == 7 {
						spoil(r)
					}
					wg.Go(func() {
						var fresh bool
						if fresh, errs[i] = s.Insert(context.Background(), r); errs[i] == nil && !fresh {
							errs[i] = errors.New("not fresh")
						}
					})
				}
				wg.Wait()
				for i, err := range errs {
					if i%20 != 7 && err != nil {
						t.Errorf("row %d: %v", i, err)
					}
					if i%20 == 7 && (err == nil) != strings.Contains(takes[s.Engine()], name) {
						t.Errorf("row %d: %v", i, err)
					}
				}
			})
		}
	})
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	on(t, Options{FsyncDelay: 5 * time.Millisecond}, func(t *testing.T, s *Store) {
		before := s.Stats().Commits
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				if _, err := s.Insert(context.Background(), row(int64(i+1))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := s.Stats().Commits - before; n > 100 {
			t.Errorf("%d commits for 200 writes", n)
		}
	})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	on(t, Options{Queue: 4, Batch: 1, FsyncDelay: 50 * time.Millisecond}, func(t *testing.T, s *Store) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		busy := 0
		for i := range 50 {
			wg.Go(func() {
				if _, err := s.Insert(context.Background(), row(int64(i+1))); errors.Is(err, ErrBusy) {
					mu.Lock()
					busy++
					mu.Unlock()
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if busy == 0 {
			t.Error("nothing was refused")
		}
	})
}

// req: G-29
func TestTheSameKeyIsStoredOnceAndArrowsAreChecked(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		a, b := row(1), row(2)
		b.Idem = a.Idem
		insert(t, s, a)
		if fresh, err := s.Insert(t.Context(), b); fresh || err != nil {
			t.Fatal(fresh, err)
		}
		o := &Outcome{State: Approved, RC: "00", At: time.Now()}
		if err := s.Finish(t.Context(), a.ID, o, Intent); err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(t.Context(), a.ID, o, Intent); !errors.Is(err, ErrState) {
			t.Fatal(err)
		}
		if x, err := s.ByIdem(t.Context(), a.Idem); err != nil || x.ID != a.ID || x.State != Approved || x.RC != "00" {
			t.Fatal(x, err)
		}
	})
}

// Many try to store one transaction at the same moment, over several connections: one row.
//
// req: G-29
func TestOfManyWithOneKeyOneWins(t *testing.T) {
	on(t, Options{Writers: 4, Batch: 2}, func(t *testing.T, s *Store) {
		for round := range int64(20) {
			var wg sync.WaitGroup
			var mu sync.Mutex
			won := 0
			for i := range int64(16) {
				wg.Go(func() {
					r := row(round*100 + i + 1)
					r.Idem = fmt.Sprint("T|same", round)
					fresh, err := s.Insert(context.Background(), r)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					if fresh {
						won++
					}
				})
			}
			wg.Wait()
			if won != 1 {
				t.Fatalf("%d rows of one key", won)
			}
		}
	})
}

// Writes that take the same rows in opposite order, over several connections.
func TestDeadlocksAreRepeated(t *testing.T) {
	on(t, Options{Writers: 4, Batch: 1, Patience: time.Minute}, func(t *testing.T, s *Store) {
		for _, n := range []string{"a", "b"} {
			if _, err := s.Reserve(t.Context(), n, 1); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		const each = 15
		for g := range 6 {
			wg.Go(func() {
				first, second := "a", "b"
				if g%2 == 1 {
					first, second = second, first
				}
				for range each {
					err := s.write(context.Background(), func(tx *Tx) error {
						for _, n := range []string{first, second} {
							if _, err := tx.exec(`UPDATE SY_NO_SEQUENCE SET LAST_NUMBER=LAST_NUMBER+1 WHERE SEQUENCE_NAME=?`, n); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, n := range []string{"a", "b"} {
			if v, err := s.Reserve(t.Context(), n, 1); err != nil || v != 6*each+2 {
				t.Errorf("%s is at %d, want %d (%v)", n, v, 6*each+2, err)
			}
		}
		t.Logf("%d repeated", s.Stats().Retries)
	})
}

func TestSequenceNumbersAreNeverGivenTwiceAcrossRestarts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, dsn string) {
		last := int64(0)
		for range 3 {
			s := open(t, Options{DSN: dsn})
			first, err := s.Reserve(t.Context(), "x", 10)
			if err != nil || first <= last {
				t.Fatal(first, last, err)
			}
			last = first + 9
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestEveryFieldOfATransactionComesBack(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		now := time.UnixMilli(time.Now().UnixMilli()).UTC()
		in := &Txn{ID: NumberAt(now), Idem: "00000001|m|000001|000007|0200|010000", Digest: []byte{0, 255, 10}, Terminal: "00000001", Branch: "0001", Kind: "withdrawal", Batch: "000001",
			STAN: "000007", Amount: 12345, State: Intent, RC: "00", HostSTAN: "123456", HostTime: "1122093000", Reference: "632609123456", PANMasked: "622200******0123",
			PANIndex: []byte{1, 0, 2}, Request: []byte("\x00\xff'\\"), Note: "备注 'x' \\ ?", Created: now, Updated: now}
		insert(t, s, in)
		at := now.Add(time.Second)
		if err := s.Finish(t.Context(), in.ID, &Outcome{State: Approved, RC: "00", Auth: "A1B2C3", Answer: []byte{7, 0}, At: at}, Intent); err != nil {
			t.Fatal(err)
		}
		got, err := s.ByOriginal(t.Context(), "00000001", "000001", "000007")
		if err != nil {
			t.Fatal(err)
		}
		want := *in
		want.State, want.Auth, want.Answer, want.Updated = Approved, "A1B2C3", []byte{7, 0}, at
		if d := cmp.Diff(&want, got); d != "" {
			t.Error(d)
		}
		if _, err := s.ByOriginal(t.Context(), "00000001", "000001", "000008"); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.ByIdem(t.Context(), strings.ToLower(in.Idem)+" "); !errors.Is(err, ErrNotFound) {
			t.Error("a key with a space at its end is another key:", err)
		}
	})
}
