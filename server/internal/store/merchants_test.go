package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/dbserver/dbtest"
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
		more := append([]Entry{{Merchant: "102290000000000", Receiver: "bank", Count: 1, Gross: 7, Amount: 7}}, all...)
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
			{"otto", after, moved, nil},     // as it was: it is olga's word yet
			{"olga", after, all, ErrSecond}, // the other receiver's
			{"otto", after, all, nil},
			{"olga", after, more, nil},
			{"otto", after, moved, ErrSecond}, // olga gave another merchant something since, but the shop has otto's
			{"olga", after, all, ErrSecond},
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
			"102290000000001 shop: 49, not 99", "102290000000001 other: 50, not 0",
			"102290000000001 other: 0, not 50", "102290000000001 shop: 99, not 49", "102290000000000 bank: 7, not 0"}
		if diff := cmp.Diff(want, notes); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

// Of two servers that clear a day at once, each from what it has read, one stores its sums: they never mix.
func TestOfTwoClearingsOfADayAtOnceOneIsStored(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, dsn string) {
		s := open(t, Options{DSN: dsn})
		servers := []*Store{s, s}
		if !s.Alone() {
			servers[1] = open(t, Options{DSN: dsn})
		}
		now := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
		for i := range 20 {
			day := time.Date(2026, 10, i+1, 0, 0, 0, 0, time.UTC).Format("20060102")
			sums, errs := make([][]Entry, 2), make([]error, 2)
			begin, done := make(chan struct{}), sync.WaitGroup{}
			for k, x := range servers {
				for r := range 1 + 3*k { // of merchants that only the one has read
					sums[k] = append(sums[k], Entry{Merchant: fmt.Sprintf("10229000000000%d", k), Receiver: fmt.Sprint(r), Count: 1, Gross: 100, Amount: 100})
				}
				done.Go(func() {
					<-begin
					errs[k] = x.SaveClearing(t.Context(), day, sums[k], Left{}, 0, fmt.Sprint(k), now)
				})
			}
			close(begin)
			done.Wait()
			won := slices.Index(errs, nil)
			if won < 0 || !errors.Is(errs[1-won], ErrHeld) {
				t.Fatal(day, errs)
			}
			if got, err := s.Clearing(t.Context(), day); err != nil || cmp.Diff(sums[won], got) != "" {
				t.Fatal(day, err, cmp.Diff(sums[won], got))
			}
		}
	})
}

// Fees and receivers are what a merchant's money goes by: who changed them, from what to what, can be told later.
func TestTheAuditTrailHasWhatAMerchantHadBefore(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
		m := &Merchant{Number: "102290000000007", Branch: "0001", NameZH: "书店", FeePPM: 3_000, FeeMin: 1, FeeMax: 500, Enabled: true, Shares: []Share{{"shop", 900_000}, {"mall", 100_000}}}
		set := func() {
			t.Helper()
			now = now.Add(time.Second)
			if err := s.SetMerchant(t.Context(), m, "olga", now); err != nil {
				t.Fatal(err)
			}
		}
		set()
		set()
		m.FeePPM, m.Shares, m.Enabled = 9_000, []Share{{"mall", 1_000_000}}, false
		set()
		got, err := s.AuditNotes(t.Context(), "merchant.set", m.Number)
		if err != nil {
			t.Fatal(err)
		}
		first := "fee 3000/1000000 (1 to 500), shop 900000, mall 100000"
		if diff := cmp.Diff([]string{"now " + first + ", before nothing", "unchanged " + first, "now out of use, fee 9000/1000000 (1 to 500), mall 1000000, before " + first}, got); diff != "" {
			t.Error(diff)
		}
	})
}
