package trade_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/api/message"
	"zhigui/server/internal/clearing"
	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
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
	if err := r.st.SetMerchant(ctx, &store.Merchant{Number: "water", Branch: "0001", NameZH: "自来水公司", FeePPM: 1_000, Enabled: true, Shares: []store.Share{{Receiver: "waterworks", PPM: clearing.Whole}}}, "olga", now); err != nil {
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
	}{{"purchase", 5_000, "", false}, {"transfer", 7_000, card5, false}, {"creditRepay", 900, "1234567890", false}, {"wealthBuy", 6_000, "1234567890", false}, {"water", 4_900, "88001234", false}, {"water", 800, "88001234", true}, {"power", 600, "88001234", false}, {"purchase", 3_000, "", true}, {"purchase", 2_000, "", false}} {
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
	got, left, err := clearing.Day(ctx, r.st, cat, []string{"core"}, day, "olga", now)
	want := []store.Entry{{Merchant: merchant, Receiver: clearing.Bank, Count: 2, Gross: 7_000, Amount: 70}, {Merchant: merchant, Receiver: "shop", Count: 2, Gross: 7_000, Amount: 6_930},
		{Merchant: "water", Receiver: clearing.Bank, Count: 1, Gross: 4_900, Amount: 5}, {Merchant: "water", Receiver: "waterworks", Count: 1, Gross: 4_900, Amount: 4_895}}
	if diff := cmp.Diff(want, got); diff != "" || left != (store.Left{Unregistered: 1, UnregisteredAmount: 600}) || err != nil {
		t.Error(diff, left, err)
	}
	// The catalogue's later word changes nothing of what was paid under its earlier one, to this third party or to one whom
	// nobody has registered.
	for _, pays := range []string{"pays: party, party: otherworks, ", "pays: other, ", "pays: merchant, ", ""} {
		later := loaded(t, "products:\n- {name: water, title: {zh: 水费, en: Water}, type: '0200', code: '601101', moves: money, "+pays+"fields: [pinBlock, amount, private], steps: [limits, pin, private]}\n")
		got, left, err := clearing.Day(ctx, r.st, later, []string{"core"}, day, "olga", now)
		got = slices.DeleteFunc(got, func(e store.Entry) bool { return e.Merchant == merchant })
		if diff := cmp.Diff(want[2:], got); diff != "" || left.Unregistered != 1 || left.UnregisteredAmount != 600 || err != nil {
			t.Errorf("%q: %s %+v %v", pays, diff, left, err)
		}
	}
}

// Nobody pays a merchant or a third party that is out of use: it is refused before the bank hears of it. What is not for
// them goes on, and what was approved before is told again.
// req: TX-18
func TestNobodyPaysWhoIsOutOfUse(t *testing.T) {
	var asked atomic.Int64
	r := newRigOf(&rig{t: t, dir: t.TempDir(), heard: func(mti, _, _ string) {
		if mti == "0200" {
			asked.Add(1)
		}
	}})
	x, cat := r.terminal("00000001", trade.Zone3DES), product.Builtin()
	for _, c := range []struct{ number, product, arg string }{{merchant, "purchase", ""}, {"water", "water", "88001234"}} {
		set := func(enabled bool) {
			t.Helper()
			if err := r.st.SetMerchant(t.Context(), &store.Merchant{Number: c.number, Branch: "0001", NameZH: "某", Enabled: enabled, Shares: []store.Share{{Receiver: "shop", PPM: clearing.Whole}}}, "olga", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		pay := func() (*message.Message, string) {
			t.Helper()
			q, a := x.service(cat.Named(c.product), card1, 1_000, c.arg)
			return q, a.String(39)
		}
		before, rc := pay() // nobody has registered it
		if rc != "00" {
			t.Fatal(c.product, rc)
		}
		set(false)
		until(t, "the refusal of "+c.product, func() bool { _, rc = pay(); return rc != "00" })
		now, heard := r.balance(card1), asked.Load()
		_, rc = pay()
		if rc != "03" || r.balance(card1) != now || asked.Load() != heard {
			t.Errorf("%s: %s, %d less, the bank was asked %d times", c.product, rc, now-r.balance(card1), asked.Load()-heard)
		}
		if a := x.do(before, true); a.String(39) != "00" || asked.Load() != heard {
			t.Errorf("%s: a repeat of what was approved: %s", c.product, a.String(39))
		}
		if _, a := x.service(cat.Named("transfer"), card1, 100, card5); a.String(39) != "00" {
			t.Errorf("what is not for %s: %s", c.number, a.String(39))
		}
		set(true)
		until(t, "the approval of "+c.product, func() bool { _, rc = pay(); return rc == "00" })
	}
}

// Money that is taken back after its day was cleared leaves with the day's next run; a payment is taken back as a
// whole or not at all; one that stands though the terminal takes it for reversed is nobody's before two persons have
// said whose.
// req: TX-18
func TestWhatIsTakenBackAfterTheClearingLeavesWithTheNextRun(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	ctx, now := t.Context(), time.Now()
	if err := r.st.SetMerchant(ctx, &store.Merchant{Number: merchant, Branch: "0001", NameZH: "书店", FeePPM: 10_000, Enabled: true, Shares: []store.Share{{Receiver: "shop", PPM: clearing.Whole}}}, "olga", now); err != nil {
		t.Fatal(err)
	}
	x, cat := r.terminal("00000001", trade.Zone3DES), product.Builtin()
	pay := func(amount int64) *message.Message {
		t.Helper()
		q, a := x.service(cat.Named("purchase"), card1, amount, "")
		if a.String(39) != "00" {
			t.Fatal(a.Describe())
		}
		return q
	}
	back, late, kept := pay(5_000), pay(3_000), pay(2_000)
	lost := pay(1_000)
	day := r.txn(x, back).Day
	cleared := func(when string, gross int64, left store.Left) {
		t.Helper()
		for range 2 {
			got, l, err := clearing.Day(ctx, r.st, cat, []string{"core"}, day, "olga", now)
			if err != nil || l != left || len(got) != 2 || got[0].Gross != gross || got[0].Amount+got[1].Amount != gross {
				t.Errorf("%s: %+v, left out %+v, %v; want %d and %+v", when, got, l, err, gross, left)
			}
		}
	}
	cleared("at first", 11_000, store.Left{})
	part := x.about("0400", back, 5_000)
	_ = part.SetString(62, "PD000000002000")
	if a := x.do(part, true); a.String(39) == "00" || r.txn(x, back).State != store.Confirmed {
		t.Error("a part of a payment is not taken back:", a.String(39))
	}
	cleared("after a partial reversal", 11_000, store.Left{})
	r.bank.Arm(bankhost.Scenario{Kind: "decline", Code: "96", MTI: "0420", Count: 1}) // the host is to be asked again
	if a := x.do(x.about("0400", back, 5_000), true); a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	cleared("while it is taken back", 6_000, store.Left{})
	until(t, "the reversal", func() bool { return r.txn(x, back).State == store.Reversed })
	cleared("when it is taken back", 6_000, store.Left{})

	tomorrow := now.Add(24 * time.Hour).In(time.FixedZone("", 8*3600)).Format("20060102")
	r.bank.CutOver(tomorrow[4:])
	until(t, "the new day", func() bool { return r.host.Day(time.Now()) == tomorrow })
	for _, q := range []*message.Message{late, kept} {
		n, _ := q.Number(4)
		if a := x.do(x.about("0400", q, int64(n)), true); a.String(39) != "A1" {
			t.Fatal(a.Describe())
		}
	}
	cleared("while two are in dispute", 1_000, store.Left{Held: 2, HeldAmount: 5_000})
	open, err := r.st.Differences(ctx, day, "", false, 10)
	if err != nil || len(open) != 2 {
		t.Fatal(len(open), err)
	}
	for i, d := range open { // late, kept
		refunded := d.Txn.Int64 == r.txn(x, late).ID
		say := func(who string, refunded bool) bool {
			t.Helper()
			done, err := r.st.SettleDifference(ctx, d.ID, who, "asked", refunded, now)
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		if say("olga", !refunded) || say("otto", refunded) { // not the same word: a proposal of his own
			t.Error("two different words settled it")
		}
		cleared("one person's word does nothing", 1_000, store.Left{Held: int64(2 - i), HeldAmount: 5_000 - int64(i)*3_000, Refunded: int64(i)})
		if !say("olga", refunded) {
			t.Error("the same word of two did not settle it")
		}
	}
	cleared("when people have settled them", 3_000, store.Left{Refunded: 1})

	// What the host's book does not have is not the merchant's yet.
	b := &recon.Books{Store: r.st, Products: cat, Now: time.Now}
	run, diffs, err := b.Host(ctx, "core", day, "", []recon.Row{{Reference: r.txn(x, late).Reference, Amount: 3_000}, {Reference: r.txn(x, kept).Reference, Amount: 2_000}})
	if err == nil {
		err = r.st.SaveRun(ctx, run, diffs)
	}
	if err != nil || len(diffs) != 1 || diffs[0].Txn.Int64 != r.txn(x, lost).ID {
		t.Fatal(err, classes(diffs))
	}
	cleared("while the host's book lacks one", 2_000, store.Left{Held: 1, HeldAmount: 1_000, Refunded: 1})

	if err := r.st.SetMerchant(ctx, &store.Merchant{Number: merchant, Branch: "0001", NameZH: "书店", FeePPM: 10_000, Shares: []store.Share{{Receiver: "shop", PPM: clearing.Whole}}}, "olga", now); err != nil {
		t.Fatal(err)
	}
	want := store.Left{Held: 1, HeldAmount: 1_000, Refunded: 1, Closed: 1, ClosedAmount: 2_000}
	if got, left, err := clearing.Day(ctx, r.st, cat, []string{"core"}, day, "otto", now); err != nil || len(got) != 0 || left != want {
		t.Errorf("a merchant that is out of use: %+v, left out %+v, %v", got, left, err)
	}
	if _, _, left, err := r.st.Cleared(ctx, day); err != nil || left != want {
		t.Errorf("%+v, %v", left, err)
	}
}
