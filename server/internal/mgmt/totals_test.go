package mgmt_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/store"
)

func TestTotalsAddUpEveryMatchHoweverMany(t *testing.T) {
	r := newRig(t)
	begin := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	const n = 2500 // more than any list shows
	for i := range n {
		x := store.Txn{ID: store.NumberAt(begin.Add(time.Duration(i) * time.Second)), Idem: fmt.Sprintf("00000001|%d", i), Digest: []byte{1}, Terminal: "00000001", Kind: "withdrawal", State: store.Confirmed,
			Amount: 100, Created: begin.Add(time.Duration(i) * time.Second), Updated: begin}
		switch i % 5 {
		case 1:
			x.State = store.Declined
		case 2:
			x.State, x.Amount = store.Approved, 0
		}
		if _, err := r.st.Insert(t.Context(), &x); err != nil {
			t.Fatal(err)
		}
	}
	type step struct {
		At     time.Time
		State  string
		Zero   bool
		Count  int64
		Amount int64
	}
	var v struct {
		Count, Amount, Width int64
		From, To             time.Time
		Steps                []step
	}
	olga := r.as("olga")
	if st, code := olga.do("POST", "/transactions/totals", map[string]any{}, &v); st != 200 {
		t.Fatal(st, code)
	}
	if v.Count != n || v.Amount != 100*n/5*4 || !v.From.Equal(begin) || !v.To.Equal(begin.Add((n-1)*time.Second)) || v.Width != 300 {
		t.Errorf("%d matches, %d fen, %s to %s, width %d", v.Count, v.Amount, v.From, v.To, v.Width)
	}
	var sum int64
	for _, s := range v.Steps {
		sum += s.Count
	}
	if sum != n {
		t.Errorf("the steps have %d of %d", sum, n)
	}
	want := []step{{begin, "DECLINED", false, 60, 6000}, {begin, "APPROVED", true, 60, 0}, {begin, "CONFIRMED", false, 180, 18000}}
	if d := cmp.Diff(want, v.Steps[:3]); d != "" {
		t.Error(d)
	}
	if olga.do("POST", "/transactions/totals", map[string]any{"state": "DECLINED", "from": begin.Add(1250 * time.Second)}, &v); v.Count != n/10 {
		t.Errorf("%d match", v.Count)
	}
	if r.as("carl").do("POST", "/transactions/totals", map[string]any{}, &v); v.Count != 0 {
		t.Errorf("a manager of another branch sees %d", v.Count)
	}
}
