package trade_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/clearing"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// What customers do at a merchant's terminal goes through the switch and the bank; only what they bought there and
// did not take back is the merchant's.
// req: TX-18
func TestOnlyWhatWasBoughtAtAMerchantsTerminalIsClearedToTheMerchant(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	ctx, now := t.Context(), time.Now()
	if err := r.st.SetMerchant(ctx, &store.Merchant{Number: merchant, Branch: "0001", NameZH: "书店", FeePPM: 10_000, Enabled: true, Shares: []store.Share{{Receiver: "shop", PPM: clearing.Whole}}}, "olga", now); err != nil {
		t.Fatal(err)
	}
	x := r.terminal("00000001", trade.Zone3DES)
	cat := product.Builtin()
	day := ""
	for _, c := range []struct {
		name   string
		amount int64
		arg    string
		void   bool
	}{{"purchase", 5_000, "", false}, {"transfer", 7_000, card5, false}, {"creditRepay", 900, "1234567890", false}, {"wealthBuy", 6_000, "1234567890", false}, {"water", 4_900, "88001234", false}, {"purchase", 3_000, "", true}, {"purchase", 2_000, "", false}} {
		q, a := x.service(cat.Named(c.name), card1, c.amount, c.arg)
		if a.String(39) != "00" || r.txn(x, q).State != store.Confirmed {
			t.Fatal(c.name, a.Describe())
		}
		if day = r.txn(x, q).Day; !c.void {
			continue
		}
		if a := x.do(x.about("0400", q, c.amount), true); a.String(39) != "00" {
			t.Fatal(a.Describe())
		}
		until(t, "the reversal", func() bool { return r.txn(x, q).State == store.Reversed })
	}
	if q, a := x.withdraw(card1, 10_000); a.String(39) != "00" || x.do(x.about("0220", q, 10_000), true).String(39) != "00" {
		t.Fatal(a.Describe())
	}
	got, unsaid, err := clearing.Day(ctx, r.st, cat, []string{"core"}, day, "olga", now)
	want := []store.Entry{{Merchant: merchant, Receiver: clearing.Bank, Count: 2, Gross: 7_000, Amount: 70}, {Merchant: merchant, Receiver: "shop", Count: 2, Gross: 7_000, Amount: 6_930}}
	if diff := cmp.Diff(want, got); diff != "" || unsaid != 0 || err != nil {
		t.Error(diff, unsaid, err)
	}
}
