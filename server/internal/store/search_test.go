package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/dbserver/dbtest"
)

// Every key finds what it should, whether the row is in the indexes for searches already or not.
func TestEveryKeyFindsItsTransactions(t *testing.T) {
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	at := func(i int) time.Time { return begin.Add(time.Duration(i) * time.Minute) }
	const n = 400
	on(t, Options{}, func(t *testing.T, s *Store) {
		s.index.end() // the test itself says when rows go into the indexes
		for i := range n {
			insert(t, s, &Txn{ID: NumberAt(at(i)) + 5, Idem: fmt.Sprintf("%08d|m|000001|%06d", i%4, i), Digest: []byte{1}, Terminal: fmt.Sprintf("%08d", i%4), Branch: fmt.Sprintf("%04d", i%2),
				Kind: "withdrawal", Batch: "000001", STAN: fmt.Sprintf("%06d", i/4), Amount: int64(i%10+1) * 100, State: []State{Confirmed, Declined, Suspense, Confirmed}[i%4],
				Merchant: fmt.Sprintf("10229000000000%d", i%3), Host: []string{"core", "spare"}[i%2], Channel: []string{"terminals", "partner"}[i/200], Day: []string{"20261120", "20261121"}[i/300],
				RC: "00", Reference: fmt.Sprintf("%012d", i), PANIndex: []byte{byte(i % 50), 0}, PANMasked: fmt.Sprintf("622200******%04d", i%50), Created: at(i), Updated: at(i)})
		}
		if err := s.write(t.Context(), func(tx *Tx) error {
			_, err := tx.exec(`UPDATE TX_ON_JOURNAL SET AUTHORIZATION_CODE=SUBSTR(REFERENCE_NUMBER, 11, 2), UPDATE_TIME=UPDATE_TIME`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, step := range []string{"none indexed", "half indexed", "all indexed"} {
			switch {
			case s.Engine() != "sqlite" && step != "none indexed":
				return
			case step == "half indexed":
				if k, err := s.indexOnce(t.Context(), at(n/2)); k != n/2 || err != nil {
					t.Fatal(k, err)
				}
			case step == "all indexed":
				if _, err := s.indexOnce(t.Context(), at(2*n)); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range []struct {
				name string
				q    Search
				want func(i int) bool
			}{
				{"nothing asked", Search{}, func(int) bool { return true }},
				{"terminal", Search{Terminal: "00000002"}, func(i int) bool { return i%4 == 2 }},
				{"branch", Search{Branch: "0001"}, func(i int) bool { return i%2 == 1 }},
				{"reference", Search{Reference: "000000000123"}, func(i int) bool { return i == 123 }},
				{"trace number", Search{STAN: "000010"}, func(i int) bool { return i/4 == 10 }},
				{"terminal, batch and trace number", Search{Terminal: "00000002", Batch: "000001", STAN: "000010"}, func(i int) bool { return i == 42 }},
				{"card", Search{PANIndex: []byte{7, 0}}, func(i int) bool { return i%50 == 7 }},
				{"masked card number", Search{MaskedPAN: "622200******0007"}, func(i int) bool { return i%50 == 7 }},
				{"number of the journal", Search{Number: NumberAt(at(77)) + 5}, func(i int) bool { return i == 77 }},
				{"amount", Search{AmountMin: 300, AmountMax: 300}, func(i int) bool { return i%10 == 2 }},
				{"from an amount", Search{AmountMin: 900}, func(i int) bool { return i%10 >= 8 }},
				{"up to an amount", Search{AmountMax: 100}, func(i int) bool { return i%10 == 0 }},
				{"time", Search{From: at(100), To: at(110)}, func(i int) bool { return i >= 100 && i < 110 }},
				{"merchant and terminal", Search{Merchant: "102290000000001", Terminal: "00000002"}, func(i int) bool { return i%3 == 1 && i%4 == 2 }},
				{"authorisation code and time", Search{Auth: "42", From: at(100), To: at(300)}, func(i int) bool { return i == 142 || i == 242 }},
				{"host and card", Search{Host: "spare", PANIndex: []byte{7, 0}}, func(i int) bool { return i%50 == 7 }},
				{"host and card, of another", Search{Host: "core", PANIndex: []byte{7, 0}}, func(int) bool { return false }},
				{"channel and amount", Search{Channel: "partner", AmountMin: 1000}, func(i int) bool { return i >= 200 && i%10 == 9 }},
				{"settlement day and terminal", Search{Day: "20261121", Terminal: "00000003"}, func(i int) bool { return i >= 300 && i%4 == 3 }},
				{"settlement day, host and rare state", Search{Day: "20261120", Host: "core", State: Suspense}, func(i int) bool { return i < 300 && i%4 == 2 }},
				{"common state", Search{State: Declined}, func(i int) bool { return i%4 == 1 }},
				{"rare state", Search{State: Suspense}, func(i int) bool { return i%4 == 2 }},
				{"rare state and amount", Search{State: Suspense, AmountMin: 300}, func(i int) bool { return i%4 == 2 && i%10 >= 2 }},
				{"terminal, time and amount", Search{Terminal: "00000001", From: at(50), To: at(350), AmountMax: 200}, func(i int) bool { return i%4 == 1 && i >= 50 && i < 350 && i%10 < 2 }},
			} {
				want := []string{}
				for i := n - 1; i >= 0; i-- {
					if c.want(i) {
						want = append(want, fmt.Sprintf("%012d", i))
					}
				}
				c.q.Limit = 1000
				ts, count, err := s.Search(t.Context(), c.q)
				got := []string{}
				for _, x := range ts {
					got = append(got, x.Reference)
				}
				if d := cmp.Diff(want, got); d != "" || count != len(want) || err != nil {
					t.Errorf("%s, by %s: %d counted, %v %s", step, c.name, count, err, d)
				}
				c.q.Limit, c.q.Offset = 2, 1
				if ts, _, err := s.Search(t.Context(), c.q); err != nil || len(want) > 2 && (len(ts) != 2 || ts[0].Reference != want[1]) {
					t.Errorf("%s, by %s: the second page is wrong (%v)", step, c.name, err)
				}
				v, err := s.Totals(t.Context(), c.q, func(_, _ time.Time) time.Duration { return time.Hour })
				if err != nil || v.Count != int64(len(want)) {
					t.Errorf("%s, by %s: totals of %d, %v", step, c.name, v.Count, err)
				}
			}
		}
	})
}

// A row whose number is behind the mark of the indexes (the clock went back) is found all the same.
func TestARowBehindTheMarkIsFound(t *testing.T) {
	s := open(t, Options{DSN: dbtest.DSN(t, "sqlite")})
	s.index.end()
	now := time.Now()
	for i := range 3 {
		x := row(int64(i + 1))
		x.ID, x.Reference = NumberAt(now.Add(-time.Duration(10*i)*time.Second)), "same"
		insert(t, s, x)
		if _, err := s.indexOnce(t.Context(), now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, n, err := s.Search(t.Context(), Search{Reference: "same", Limit: 1}); n != i+1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

// In a quiet moment the rows go into the indexes by themselves, and stay there over a restart.
func TestQuietMomentsBringTheIndexesUpToDate(t *testing.T) {
	o := Options{DSN: dbtest.DSN(t, "sqlite")}
	s := open(t, o)
	x := row(1)
	x.ID = NumberAt(time.Now().Add(-time.Minute))
	insert(t, s, x)
	for end := time.Now().Add(30 * time.Second); s.index.mark.Load() < x.ID; {
		if time.Now().After(end) {
			t.Fatal("not indexed")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	var n int
	if err := s.row(t.Context(), `SELECT SEARCH_STATE FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER=?`, x.ID).Scan(&n); n != 1 || err != nil || s.index.mark.Load() != x.ID {
		t.Error(n, s.index.mark.Load(), err)
	}
}

func TestASearchWithoutAnIndexWantsOneThatHasOrADay(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	loose := map[string]Search{"merchant": {Merchant: "m"}, "authorisation code": {Auth: "a"}, "host": {Host: "h"}, "channel": {Channel: "c"}, "settlement day": {Day: "20261122"}, "batch": {Batch: "000001"}, "kind": {Kind: "k"}, "answer": {RC: "51"}}
	for name, q := range loose {
		for by, c := range map[string]struct {
			with  func(q Search) Search
			scans bool
		}{
			"alone":                   {func(q Search) Search { return q }, true},
			"an amount":               {func(q Search) Search { q.AmountMin, q.AmountMax = 1, 1; return q }, true},
			"a branch":                {func(q Search) Search { q.Branch = "0001"; return q }, true},
			"a common state":          {func(q Search) Search { q.State = Confirmed; return q }, true},
			"an end":                  {func(q Search) Search { q.To = now; return q }, true},
			"a week":                  {func(q Search) Search { q.From, q.To = now.Add(-7*widest), now; return q }, true},
			"a begin two days ago":    {func(q Search) Search { q.From = now.Add(-2 * widest); return q }, true},
			"a begin a day ago":       {func(q Search) Search { q.From = now.Add(-widest); return q }, false},
			"a day":                   {func(q Search) Search { q.From, q.To = now.Add(-9*widest), now.Add(-8*widest); return q }, false},
			"a terminal":              {func(q Search) Search { q.Terminal = "t"; return q }, false},
			"a card":                  {func(q Search) Search { q.PANIndex = []byte{1}; return q }, false},
			"a masked card":           {func(q Search) Search { q.MaskedPAN = "6"; return q }, false},
			"a reference":             {func(q Search) Search { q.Reference = "r"; return q }, false},
			"a trace number":          {func(q Search) Search { q.STAN = "s"; return q }, false},
			"a number of the journal": {func(q Search) Search { q.Number = 1; return q }, false},
			"a state that few are in": {func(q Search) Search { q.State = Suspense; return q }, false},
		} {
			if got := c.with(q).Scans(now); got != c.scans {
				t.Errorf("%s with %s: %v", name, by, got)
			}
		}
	}
	for name, q := range map[string]Search{"nothing": {}, "a time": {From: now.Add(-90 * widest)}, "an amount": {AmountMin: 1}, "a state": {State: Declined}} {
		if q.Scans(now) {
			t.Errorf("%s has an index, or is frequent, and is refused", name)
		}
	}
}

// What no index finds is looked for in the asked time only: in a range of the journal's key.
func TestADayWithoutAnIndexIsARangeOfTheKey(t *testing.T) {
	s := open(t, Options{DSN: dbtest.DSN(t, "sqlite")})
	now := time.Now()
	for _, q := range []Search{{Merchant: "m"}, {Auth: "a"}, {Host: "h"}, {Channel: "c"}, {Day: "20261122"}, {Kind: "k", RC: "51", Host: "h"}} {
		q.From, q.To, q.Limit = now.Add(-widest), now, 50
		if plan, err := s.Explain(t.Context(), q, 10); err != nil || !strings.Contains(plan, "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)") || strings.Contains(plan, "SCAN") {
			t.Errorf("%+v: %v\n%s", q, err, plan)
		}
	}
}
