package clearing

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
	"zhigui/sim/dbserver/dbtest"
)

func TestASplitNeverLosesNorMakesAFen(t *testing.T) {
	shares := []store.Share{{Receiver: "a", PPM: 333_333}, {Receiver: "b", PPM: 333_333}, {Receiver: "c", PPM: 333_334}}
	for _, c := range []struct {
		net  int64
		want []int64
	}{{0, []int64{0, 0, 0}}, {1, []int64{0, 0, 1}}, {2, []int64{1, 0, 1}}, {100, []int64{33, 33, 34}}, {3_000_000, []int64{999_999, 999_999, 1_000_002}}} {
		if diff := cmp.Diff(c.want, Split(shares, c.net)); diff != "" {
			t.Errorf("%d: %s", c.net, diff)
		}
	}
	for range 2000 {
		net := rand.Int64N(1 << 50)
		sum := int64(0)
		for _, v := range Split(shares, net) {
			sum += v
		}
		if sum != net {
			t.Fatalf("%d became %d", net, sum)
		}
	}
}

func TestAFeeIsRoundedAndBounded(t *testing.T) {
	m := &store.Merchant{FeePPM: 3_800, FeeMin: 10, FeeMax: 5_000}
	for amount, want := range map[int64]int64{5: 5, 100: 10, 10_000: 38, 13_026: 49, 13_290: 51, 100_000_000: 5_000} {
		if got := Fee(m, amount); got != want {
			t.Errorf("%d: %d, want %d", amount, got, want)
		}
	}
}

const file = `merchants:
- {number: "102290000000001", branch: "0001", name: {zh: 书店, en: Books}, fee: {ppm: 3800, min: 10}, shares: [{to: shop, ppm: 900000}, {to: landlord, ppm: 100000}]}
`

// req: TX-18
func TestADayOfPaymentsIsClearedToTheLastFen(t *testing.T) {
	ctx := t.Context()
	st, err := store.Open(ctx, store.Options{DSN: dbtest.Chosen(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // test
	f := filepath.Join(t.TempDir(), "merchants.yaml")
	if err := os.WriteFile(f, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for range 2 {
		if n, err := Import(ctx, st, f, "olga", now); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := st.AddTerminal(ctx, &store.Terminal{ID: "P0000001", Merchant: "102290000000001", Branch: "0001", Zone: "pos", Enabled: true, Created: now}); err != nil {
		t.Fatal(err)
	}
	other := &store.Terminal{ID: "P0000002", Merchant: "102290000000009", Branch: "0001", Zone: "pos", Enabled: true, Created: now} // today another merchant's
	if err := st.AddTerminal(ctx, other); err != nil {
		t.Fatal(err)
	}
	day := now.Format("20060102")
	base := store.NumberAt(now)
	for i, x := range []struct {
		kind   string
		amount int64
		state  store.State
	}{{"purchase", 10_001, store.Confirmed}, {"purchase", 333, store.Confirmed}, {"purchase", 5_000, store.Reversed}, {"purchase", 7_000, store.Declined}, {"withdrawal", 10_000, store.Confirmed}, {"water", 1_000, store.Confirmed}, {"transfer", 9_000, store.Confirmed}, {"creditRepay", 8_000, store.Confirmed},
		{"wealthBuy", 6_000, store.Confirmed}, {"purchase", 900, store.ReversalPending}, {"withdrawal", 400, store.Reversed}} {
		v := &store.Txn{ID: base + int64(i), Idem: x.kind + string(rune('a'+i)), Digest: []byte{1}, Terminal: "P0000001", Host: "core", Kind: x.kind, Amount: x.amount, State: x.state, Day: day, Created: now, Updated: now}
		if fresh, err := st.Insert(ctx, v); !fresh || err != nil {
			t.Fatal(fresh, err)
		}
	}
	moved := &store.Txn{ID: base + 90, Idem: "moved", Digest: []byte{1}, Terminal: other.ID, Merchant: "102290000000001", Host: "core", Kind: "purchase", Amount: 2_000, State: store.Confirmed, Day: day, Created: now, Updated: now}
	if fresh, err := st.Insert(ctx, moved); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	want := []store.Entry{{Merchant: "102290000000001", Receiver: Bank, Count: 3, Gross: 12_334, Amount: 58}, {Merchant: "102290000000001", Receiver: "shop", Count: 3, Gross: 12_334, Amount: 11_048},
		{Merchant: "102290000000001", Receiver: "landlord", Count: 3, Gross: 12_334, Amount: 1_228}}
	if by, _, _, err := st.Cleared(ctx, day); !errors.Is(err, store.ErrNotFound) {
		t.Error("cleared before it ran:", by, err)
	}
	water := store.Left{Unregistered: 1, UnregisteredAmount: 1_000}
	for range 2 {
		got, left, err := Day(ctx, st, product.Builtin(), []string{"core"}, day, "olga", now)
		if err != nil || left != water {
			t.Fatal(left, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if by, at, left, err := st.Cleared(ctx, day); by != "olga" || left != water || !at.Equal(now.Truncate(time.Millisecond)) || err != nil {
		t.Error("who cleared it, and when:", by, at, err)
	}
	if got, err := st.Clearing(ctx, day); err != nil || cmp.Diff(want, got) != "" {
		t.Error(err, cmp.Diff(want, got))
	}

	own := filepath.Join(t.TempDir(), "products.yaml") // a bank's own, of before products said whom they pay
	if err := os.WriteFile(own, []byte("products:\n- {name: purchase, type: '0200', code: '000000', moves: money, fields: [amount]}\n- {name: withdrawal, type: '0200', code: '010000', moves: money, confirm: true, fields: [amount]}\n"+
		"- {name: transfer, type: '0200', code: '600301', moves: money, pays: other, fields: [amount]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cat, err := product.Load(own, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := cat.Unsaid(); !cmp.Equal(got, []string{"purchase"}) || product.Builtin().Unsaid() != nil {
		t.Error("who does not say whom he pays:", got)
	}
	for range 2 { // three purchases that say nothing, and water, creditRepay and wealthBuy, which this catalogue does not have
		if got, left, err := Day(ctx, st, cat, []string{"core"}, day, "otto", now); len(got) != 0 || left != (store.Left{Unsaid: 6}) || err != nil {
			t.Fatal("what nobody says is cleared to nobody:", got, left, err)
		}
	}
	if _, _, left, err := st.Cleared(ctx, day); left.Unsaid != 6 || err != nil {
		t.Error(left, err)
	}
}

func TestAWrongFileIsNotTakenAtAll(t *testing.T) {
	for want, change := range map[string][2]string{
		"merchants.yaml:2:12: merchant 1: want the 15": {`"102290000000001"`, `"1"`},
		"the parts make 950000, want 1000000":          {"100000", "50000"},
		"unknown field":                                {"branch", "brunch"},
		"not bank":                                     {"landlord", "bank"},
		"want ppm below":                               {"3800", "1000000"},
		"merchants.yaml:4:12: party water works: want": {"number: water", `number: "water works"`},
		"party 102290000000002: want a short name":     {"number: water", `number: "102290000000002"`},
		"party water: is here twice":                   {"- {number: water", "- {number: water, branch: \"0001\", name: {zh: 水}, fee: {}, shares: [{to: a, ppm: 1000000}]}\n- {number: water"},
	} {
		f := filepath.Join(t.TempDir(), "merchants.yaml")
		if err := os.WriteFile(f, []byte(strings.Replace(file+parties, change[0], change[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if list, err := Load(f); err == nil || !strings.Contains(err.Error(), want) || list != nil {
			t.Errorf("%q: %v", want, err)
		}
	}
}

const parties = `parties:
- {number: water, branch: "0001", name: {zh: 自来水公司, en: Waterworks}, fee: {ppm: 1000, min: 20}, shares: [{to: waterworks, ppm: 1000000}]}
- {number: qrPay, branch: "0001", name: {zh: 银联二维码, en: QR acquirer}, fee: {ppm: 2000}, shares: [{to: acquirer, ppm: 700000}, {to: wallet, ppm: 300000}]}
- {number: insurer, branch: "0001", name: {zh: 保险公司}, fee: {}, shares: [{to: insurer, ppm: 1000000}]}
- {number: gas, branch: "0001", name: {zh: 燃气公司}, disabled: true, fee: {}, shares: [{to: gasworks, ppm: 1000000}]}
`

// Third parties get what customers paid them by their products, at whatever terminal, less the bank's fee; what is in
// dispute is held, and what is for nobody that is known is told.
// req: TX-18
func TestThirdPartiesAreClearedAsMerchantsAre(t *testing.T) {
	ctx := t.Context()
	st, err := store.Open(ctx, store.Options{DSN: dbtest.Chosen(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // test
	f := filepath.Join(t.TempDir(), "merchants.yaml")
	if err := os.WriteFile(f, []byte(file+parties), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if n, err := Import(ctx, st, f, "olga", now); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	cst := time.FixedZone("CST", 8*3600)
	day, yesterday := now.In(cst).Format("20060102"), now.In(cst).AddDate(0, 0, -1).Format("20060102")
	base := store.NumberAt(now)
	put := func(n int64, kind string, amount int64, day, merchant string, state store.State) {
		t.Helper()
		v := &store.Txn{ID: base + n, Idem: kind + string(rune('a'+n)), Digest: []byte{1}, Terminal: "P0000001", Merchant: merchant, Host: "core", Kind: kind, Amount: amount, State: state, Day: day, Created: now, Updated: now}
		if fresh, err := st.Insert(ctx, v); !fresh || err != nil {
			t.Fatal(fresh, err)
		}
	}
	const shop = "102290000000001"
	put(1, "water", 10_000, day, shop, store.Confirmed) // at the shop's terminal, and none of the shop's
	put(2, "water", 30_000, day, "", store.Confirmed)
	put(3, "water", 7_000, day, "", store.Reversed)
	put(4, "water", 9_000, yesterday, "", store.Confirmed)
	put(5, "water", 5_000, day, "", store.Confirmed) // in dispute
	put(6, "qrPay", 10_001, day, shop, store.Confirmed)
	put(7, "insuranceBuy", 400, day, "", store.Confirmed)
	put(8, "agencyInsurance", 600, day, "", store.Confirmed)
	put(9, "gas", 800, day, "", store.Confirmed)
	put(10, "power", 900, day, shop, store.Confirmed)
	put(11, "purchase", 1_000, day, shop, store.Confirmed)
	put(12, "fundRedeem", 2_000, day, shop, store.Confirmed)
	put(13, "purchase", 300, day, shop, store.ClosedByHand) // people know whose it is
	put(14, "water", 70, day, "water", store.ClosedByHand)
	put(15, "withdrawal", 5_000, day, shop, store.ClosedByHand)
	d := &store.Difference{Day: day, Host: "core", Book: "host", Key: "core|5", Class: "oursOnly", Owner: "clearing", Txn: sql.NullInt64{Int64: base + 5, Valid: true}, At: now}
	if err := st.AddDifference(ctx, d); err != nil {
		t.Fatal(err)
	}
	want := []store.Entry{
		{Merchant: shop, Receiver: Bank, Count: 1, Gross: 1_000, Amount: 10}, {Merchant: shop, Receiver: "shop", Count: 1, Gross: 1_000, Amount: 891}, {Merchant: shop, Receiver: "landlord", Count: 1, Gross: 1_000, Amount: 99},
		{Merchant: "insurer", Receiver: Bank, Count: 2, Gross: 1_000}, {Merchant: "insurer", Receiver: "insurer", Count: 2, Gross: 1_000, Amount: 1_000},
		{Merchant: "qrPay", Receiver: Bank, Count: 1, Gross: 10_001, Amount: 20}, {Merchant: "qrPay", Receiver: "acquirer", Count: 1, Gross: 10_001, Amount: 6_987}, {Merchant: "qrPay", Receiver: "wallet", Count: 1, Gross: 10_001, Amount: 2_994},
		{Merchant: "water", Receiver: Bank, Count: 2, Gross: 40_000, Amount: 50}, {Merchant: "water", Receiver: "waterworks", Count: 2, Gross: 40_000, Amount: 39_950},
	}
	left := store.Left{Held: 1, HeldAmount: 5_000, Closed: 1, ClosedAmount: 800, Unregistered: 1, UnregisteredAmount: 900, ByHand: 2, ByHandAmount: 370}
	for range 2 {
		got, l, err := Day(ctx, st, product.Builtin(), []string{"core"}, day, "olga", now)
		if diff := cmp.Diff(want, got); diff != "" || l != left || err != nil {
			t.Error(diff, l, err)
		}
	}
	if got, err := st.Clearing(ctx, day); err != nil || cmp.Diff(want, got) != "" {
		t.Error(err, cmp.Diff(want, got))
	}
	if _, _, l, err := st.Cleared(ctx, day); l != left || err != nil {
		t.Error(l, err)
	}
}

// Running a day again replaces what it pays: not by nothing, when its transactions are in an archive.
func TestADayOfAnArchivedMonthIsNotClearedAgain(t *testing.T) {
	ctx := t.Context()
	st, err := store.Open(ctx, store.Options{DSN: dbtest.Chosen(t), Archives: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // test
	f := filepath.Join(t.TempDir(), "merchants.yaml")
	if err := os.WriteFile(f, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if _, err := Import(ctx, st, f, "olga", now); err != nil {
		t.Fatal(err)
	}
	then := time.Date(now.Year(), now.Month(), 10, 4, 0, 0, 0, time.UTC) // this month, which the tables have a place for
	v := &store.Txn{ID: store.NumberAt(then), Idem: "a", Digest: []byte{1}, Terminal: "P0000001", Merchant: "102290000000001", Host: "core", Kind: "purchase", Amount: 10_000, State: store.Confirmed, Day: then.Format("20060102"), Created: then, Updated: then}
	if fresh, err := st.Insert(ctx, v); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	clear := func() ([]store.Entry, error) {
		out, _, err := Day(ctx, st, product.Builtin(), []string{"core"}, v.Day, "olga", now)
		return out, err
	}
	paid, err := clear()
	if err != nil || len(paid) != 3 {
		t.Fatal(paid, err)
	}
	if _, err := st.Archive(ctx, then, then.AddDate(0, 2, 0)); err != nil {
		t.Fatal(err)
	}
	if out, err := clear(); !errors.Is(err, store.ErrArchived) {
		t.Error(out, err)
	}
	if got, err := st.Clearing(ctx, v.Day); err != nil || cmp.Diff(paid, got) != "" {
		t.Error(err, cmp.Diff(paid, got))
	}
	if _, err := st.Restore(ctx, then); err != nil {
		t.Fatal(err)
	}
	if again, err := clear(); err != nil || cmp.Diff(paid, again) != "" {
		t.Error(err, cmp.Diff(paid, again))
	}
}
