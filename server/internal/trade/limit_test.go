package trade_test

import (
	"encoding/hex"
	"testing"
	"time"

	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// req: TX-16
func TestALimitRefusesBeforeTheHostIsAskedAndCountsOnlyWhatCameAbout(t *testing.T) {
	rules, err := risk.New([]risk.Rule{{Name: "cardDay", Of: risk.Card, Per: "day", Amount: 50_000, Products: []string{"withdrawal"}},
		{Name: "single", Of: risk.Terminal, Per: "transaction", Amount: 40_000}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, false, trade.Options{Risk: rules})
	x := r.terminal("00000001", trade.Zone3DES)
	withdraw := func(amount int64, want string) {
		t.Helper()
		if _, a := x.withdraw(card1, amount); a.String(39) != want {
			t.Fatalf("%d: %s, want %s", amount, a.String(39), want)
		}
	}
	withdraw(40_100, "61") // in one transaction
	q, a := x.withdraw(card1, 30_000)
	if a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	withdraw(30_000, "61") // in a day
	if a := x.do(q, true); a.String(39) != "00" {
		t.Error("a repeat was taken for another:", a.String(39))
	}
	withdraw(10_001, "51") // the host declines: by the amount's last digits
	withdraw(20_000, "00")
	withdraw(100, "61")
	if a := x.do(x.about("0400", q, 30_000), true); a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	until(t, "the reversal", func() bool { return r.txn(x, q).State == store.Reversed })
	withdraw(30_000, "00")
	withdraw(100, "61")
	if got := 2_000_000 - r.balance(card1); got != 50_000 {
		t.Errorf("booked %d", got)
	}
}

// What was not paid is not used: of 40,000 the machine paid 10,000.
func TestALimitGetsBackWhatWasNotPaid(t *testing.T) {
	rules, err := risk.New([]risk.Rule{{Name: "cardDay", Of: risk.Card, Per: "day", Amount: 50_000, Count: 3}, {Name: "termHour", Of: risk.Terminal, Per: "month", Amount: 50_000}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, false, trade.Options{Risk: rules})
	x := r.terminal("00000001", trade.Zone3DES)
	q, a := x.withdraw(card1, 40_000)
	if a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	if a := x.do(x.about("0220", q, 10_000), true); a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	until(t, "the rest's reversal", func() bool { return r.txn(x, q).State == store.Confirmed })
	for i, want := range []string{"00", "61", "00"} {
		amount := []int64{39_900, 200, 100}[i]
		if _, a := x.withdraw(card1, amount); a.String(39) != want {
			t.Errorf("%d: %s, want %s", amount, a.String(39), want)
		}
	}
	if _, a := x.withdraw(card1, 100); a.String(39) == "00" {
		t.Error("a fourth of three")
	}
	if got := 2_000_000 - r.balance(card1); got != 50_000 {
		t.Errorf("booked %d", got)
	}
}

func TestABlockedOneIsRefusedButMaySayWhatBecameOfWhatItBegan(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.withdraw(card1, 10_000)
	index := hex.EncodeToString(r.hsm.Index([]byte(card2)))
	for _, b := range []store.Block{{Kind: risk.Card, Subject: index, Name: "622588******0002", On: true}, {Kind: risk.Terminal, Subject: "00000001", Name: "00000001", On: true}} {
		if err := r.st.SetBlock(t.Context(), b, "olga", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the terminal's block", func() bool { _, a := x.withdraw(card1, 10_000); return a.String(39) == "58" })
	if a := x.do(x.about("0220", q, 10_000), true); a.String(39) != "00" {
		t.Errorf("confirmation: %s", a.String(39))
	}
	if err := r.st.SetBlock(t.Context(), store.Block{Kind: risk.Terminal, Subject: "00000001"}, "otto", time.Now()); err != nil {
		t.Fatal(err)
	}
	until(t, "service again", func() bool { _, a := x.withdraw(card1, 10_000); return a.String(39) == "00" })
	if _, a := x.withdraw(card2, 100); a.String(39) != "62" {
		t.Errorf("the blocked card: %s", a.String(39))
	}
}
