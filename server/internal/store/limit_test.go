package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALimitIsNeverExceededAndComesBackWithWhatCameToNothing(t *testing.T) {
	on(t, Options{FsyncDelay: 2 * time.Millisecond}, func(t *testing.T, s *Store) {
		claim := []Claim{{Rule: "day", Subject: "card", Period: "20261122", Amount: 100, MaxAmount: 1000}, {Rule: "hour", Subject: "T", Period: "2026112210", Amount: 100, MaxCount: 12}}
		used := func() [4]int64 {
			a, b, err := s.Used(t.Context(), "day", "card", "20261122")
			c, d, err2 := s.Used(t.Context(), "hour", "T", "2026112210")
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			return [4]int64{a, b, c, d}
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		took, over := []*Txn{}, map[string]int{}
		for i := range int64(40) {
			wg.Go(func() {
				x := row(i)
				fresh, which, err := s.InsertWithin(t.Context(), x, claim)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || fresh == (which != "") {
					t.Error(fresh, which, err)
				}
				if over[which]++; fresh {
					took = append(took, x)
				}
			})
		}
		wg.Wait()
		if len(took) != 10 || over["day"] != 30 || used() != [4]int64{1000, 10, 1000, 10} {
			t.Fatal(len(took), over, used())
		}
		if fresh, which, err := s.InsertWithin(t.Context(), took[0], nil); fresh || which != "" || err != nil || used() != [4]int64{1000, 10, 1000, 10} {
			t.Error("a repeat:", fresh, which, err, used())
		}
		for i, st := range []State{Declined, NotSent, Approved} {
			if err := s.Finish(t.Context(), took[i].ID, &Outcome{State: st, At: time.Now()}, Intent); err != nil {
				t.Fatal(err)
			}
		}
		if used() != [4]int64{800, 8, 800, 8} {
			t.Error("after two that came to nothing:", used())
		}
		r := &Reversal{Txn: took[2].ID, Terminal: "T", Reason: "98", Created: time.Now(), Next: time.Now()}
		if err := s.Finish(t.Context(), took[2].ID, &Outcome{State: ReversalPending, At: time.Now(), Reversal: r}, Approved); err != nil {
			t.Fatal(err)
		}
		for range 2 { // twice: given back once
			if err := s.EndReversal(t.Context(), r, RevDone, "00", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if used() != [4]int64{700, 7, 700, 7} {
			t.Error("after a reversal:", used())
		}
		for i := range int64(5) {
			if _, _, err := s.InsertWithin(t.Context(), row(100+i), claim); err != nil {
				t.Fatal(err)
			}
		}
		if used() != [4]int64{1000, 10, 1000, 10} {
			t.Error("filled again:", used())
		}
		month := []Claim{{Rule: "month", Subject: "card", Period: "202611", Amount: 100, MaxAmount: 1000}}
		if _, _, err := s.InsertWithin(t.Context(), row(200), month); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if a, _, err := s.Used(t.Context(), "month", "card", "202611"); a != 100 || err != nil {
				t.Error("the month goes on:", a, err)
			}
		}()
		if err := s.ForgetUsage(t.Context(), "20261123"); err != nil || used() != [4]int64{} {
			t.Error(err, used())
		}
	})
}

func TestBlocksAreSetLiftedAndAudited(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		at := time.UnixMilli(1763800000000).UTC()
		b := Block{Kind: "card", Subject: fmt.Sprintf("%032x", 7), Name: "622588******0001", Note: "stolen", On: true, By: "olga", At: at}
		for range 2 {
			if err := s.SetBlock(t.Context(), b, "olga", at); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Blocks(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Block{b}, got); diff != "" {
			t.Error(diff)
		}
		b.On = false
		if err := s.SetBlock(t.Context(), b, "olga", time.Now()); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Blocks(t.Context()); err != nil || len(got) != 0 {
			t.Error(got, err)
		}
	})
}
