package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, o Options) *Store {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "db")
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func row(i int64) *Txn {
	now := time.Now()
	return &Txn{ID: i, Idem: fmt.Sprintf("T|%d", i), Digest: []byte{1}, Terminal: "T", Kind: "withdrawal", State: Intent, Created: now, Updated: now}
}

func TestAPoisonRowFailsAloneInItsBatch(t *testing.T) {
	s := open(t, Options{FsyncDelay: 20 * time.Millisecond}) // makes the others queue up
	var wg sync.WaitGroup
	errs := make([]error, 60)
	for i := range errs {
		r := row(int64(i + 1))
		if i%20 == 7 {
			r.Digest = nil // violates NOT NULL
		}
		wg.Go(func() { _, errs[i] = s.Insert(context.Background(), r) })
	}
	wg.Wait()
	for i, err := range errs {
		if (i%20 == 7) != (err != nil) {
			t.Errorf("row %d: %v", i, err)
		}
	}
	if _, n, err := s.Search(t.Context(), Search{Terminal: "T", Limit: 1}); n != 57 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	s := open(t, Options{FsyncDelay: 5 * time.Millisecond})
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
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	s := open(t, Options{Queue: 4, Batch: 1, FsyncDelay: 50 * time.Millisecond})
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
}

// req: G-29
func TestTheSameKeyIsStoredOnceAndArrowsAreChecked(t *testing.T) {
	s := open(t, Options{})
	a, b := row(1), row(2)
	b.Idem = a.Idem
	if fresh, err := s.Insert(t.Context(), a); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if fresh, err := s.Insert(t.Context(), b); fresh || err != nil {
		t.Fatal(fresh, err)
	}
	o := &Outcome{State: Approved, RC: "00", At: time.Now()}
	if err := s.Finish(t.Context(), 1, o, Intent); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(t.Context(), 1, o, Intent); !errors.Is(err, ErrState) {
		t.Fatal(err)
	}
}

func TestSequenceNumbersAreNeverGivenTwiceAcrossRestarts(t *testing.T) {
	p := filepath.Join(t.TempDir(), "db")
	last := int64(0)
	for range 3 {
		s, err := Open(t.Context(), Options{Path: p})
		if err != nil {
			t.Fatal(err)
		}
		first, err := s.Reserve(t.Context(), "x", 10)
		if err != nil || first <= last {
			t.Fatal(first, last, err)
		}
		last = first + 9
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
