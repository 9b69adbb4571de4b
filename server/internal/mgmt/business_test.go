package mgmt_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

func TestWhatTheBankHasAgreedOnIsTheBanksOwn(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path string
		body         any
	}{{"GET", "/products", nil}, {"GET", "/limits", nil}, {"POST", "/limits/use", map[string]string{"kind": "terminal", "subject": "00000001"}},
		{"GET", "/merchants", nil}, {"GET", "/clearing", nil}, {"POST", "/clearing", map[string]string{"day": "20261122"}}} {
		for who, want := range map[string]int{"": 401, "anna": 403, "tess": 403, "olga": 200, "root": 200} {
			if st, code := r.as(who).do(c.method, c.path, c.body, nil); st != want {
				t.Errorf("%s %s as %q: %d %s, want %d", c.method, c.path, who, st, code, want)
			}
		}
	}
}

func TestTheProductsShownAreThoseInForce(t *testing.T) {
	r := newRig(t)
	var got []api.Product
	if st, code := r.as("olga").do("GET", "/products", nil, &got); st != 200 {
		t.Fatal(st, code)
	}
	all := product.Builtin().All()
	if len(got) != len(all) {
		t.Fatalf("%d products, want %d", len(got), len(all))
	}
	for i, p := range all {
		g := got[i]
		if g.Name != p.Name || g.Type != p.Type || g.Code != p.Code || g.Moves != string(p.Moves) || g.Pays != string(p.Pays) || g.Confirm != p.Confirm || !slices.Equal(g.Steps, p.Steps) {
			t.Errorf("%+v is not %+v", g, p)
		}
		if len(p.Channels) == 0 && !slices.Equal(g.Channels, []string{"terminals", "bills"}) {
			t.Errorf("%s: channels %v", p.Name, g.Channels)
		}
	}
}

// req: TX-18
func TestWhatIsUsedOfALimitIsToldForOneCard(t *testing.T) {
	r := newRig(t)
	olga := r.as("olga")
	var rules []api.Limit
	if st, _ := olga.do("GET", "/limits", nil, &rules); st != 200 || len(rules) != 4 || rules[0].Name != "cardDay" || rules[0].Code != "61" {
		t.Fatalf("%d %+v", st, rules)
	}
	now := time.Now()
	day := now.In(time.FixedZone("CST", 8*3600)).Format("20060102")
	card := hex.EncodeToString([]byte("6225880000000001")) // the rig's index is the number itself
	txn := &store.Txn{ID: store.NumberAt(now), Idem: "a", Digest: []byte{1}, Terminal: "00000001", Host: "core", Kind: "withdrawal", Amount: 30_000, State: store.Intent, Day: day, Created: now, Updated: now}
	if fresh, over, err := r.st.InsertWithin(t.Context(), txn, []store.Claim{{Rule: "cardDay", Subject: card, Period: day, Amount: 30_000, MaxAmount: 2_000_000, MaxCount: 10}}); !fresh || over != "" || err != nil {
		t.Fatal(fresh, over, err)
	}
	look := func(kind, subject string) (v api.Used) {
		t.Helper()
		if st, code := olga.do("POST", "/limits/use", map[string]string{"kind": kind, "subject": subject}, &v); st != 200 {
			t.Fatal(kind, subject, st, code)
		}
		return v
	}
	v := look("card", "6225880000000001")
	if v.Name != "622588******0001" || v.Blocked || len(v.Uses) != 2 {
		t.Fatalf("%+v", v)
	}
	if u := v.Uses[0]; u.Limit.Name != "cardDay" || u.Period != day || u.UsedAmount != 30_000 || u.UsedCount != 1 {
		t.Errorf("%+v", u)
	}
	if u := v.Uses[1]; u.Limit.Name != "single" || u.Period != "" || u.UsedAmount != 0 {
		t.Errorf("of each transaction by itself nothing is used up: %+v", u)
	}
	if v := look("card", "4111110000000001"); len(v.Uses) != 3 || v.Uses[0].UsedCount != 0 {
		t.Errorf("a limit of some card numbers holds for those only: %+v", v)
	}
	if v := look("terminal", "00000001"); len(v.Uses) != 1 || v.Uses[0].Limit.Name != "hourly" || len(v.Uses[0].Period) != 10 {
		t.Errorf("%+v", v)
	}
	if v := look("channel", "terminals"); len(v.Uses) != 0 {
		t.Errorf("%+v", v)
	}
	olga.do("POST", "/blocks", map[string]string{"kind": "card", "subject": "6225880000000001", "note": "stolen"}, nil)
	if v := look("card", "6225880000000001"); !v.Blocked || v.Note != "stolen" {
		t.Errorf("%+v", v)
	}
	var list []api.Block
	if olga.do("GET", "/blocks", nil, &list); len(list) != 1 || list[0].By != "olga" || time.Since(list[0].At) > time.Hour {
		t.Errorf("who blocked it, and when: %+v", list)
	}
	as, err := r.st.Audits(t.Context(), 20)
	if err != nil || !slices.ContainsFunc(as, func(a store.Audit) bool {
		return a.Action == "limit.view" && a.Target == "622588******0001" && a.User == "olga"
	}) {
		t.Errorf("who asked for a card: %v %+v", err, as)
	}
	for _, bad := range []string{"622588", "6225880000000x01"} {
		if st, _ := olga.do("POST", "/limits/use", map[string]string{"kind": "card", "subject": bad}, nil); st != 400 {
			t.Errorf("%s: %d", bad, st)
		}
	}
}

// req: TX-18
func TestMerchantsAreListedAndADayIsCleared(t *testing.T) {
	r := newRig(t)
	ctx, now := t.Context(), time.Now()
	for i := range 3 {
		m := &store.Merchant{Number: fmt.Sprintf("10229000000000%d", i+1), Branch: "0001", NameZH: []string{"书店", "茶馆", "药房"}[i], NameEN: []string{"Books", "Tea", "Pharmacy"}[i], FeePPM: 3800, FeeMin: 10, FeeMax: 5000, Enabled: true,
			Shares: []store.Share{{Receiver: "shop", PPM: 900_000}, {Receiver: "landlord", PPM: 100_000}}}
		if err := r.st.SetMerchant(ctx, m, "olga", now); err != nil {
			t.Fatal(err)
		}
	}
	olga := r.as("olga")
	var p api.Page[api.Merchant]
	if st, _ := olga.do("GET", "/merchants?size=2", nil, &p); st != 200 || p.Total != 3 || p.Pages != 2 || len(p.Items) != 2 {
		t.Fatalf("%d %+v", st, p)
	}
	if st, _ := olga.do("GET", "/merchants?size=2&page=1", nil, &p); st != 200 || len(p.Items) != 1 || p.Items[0].NameEN != "Pharmacy" {
		t.Errorf("%d %+v", st, p)
	}
	if olga.do("GET", "/merchants?search=BOOK", nil, &p); p.Total != 1 || len(p.Items[0].Shares) != 2 || p.Items[0].FeePPM != 3800 || !slices.Equal(p.Items[0].Terminals, []string{"00000001"}) {
		t.Errorf("%+v", p)
	}
	if olga.do("GET", "/merchants?search=nobody", nil, &p); p.Total != 0 || p.Items == nil {
		t.Errorf("%+v", p)
	}

	day := now.In(time.FixedZone("CST", 8*3600)).Format("20060102")
	var c api.Clearing
	if st, _ := olga.do("GET", "/clearing?day="+day, nil, &c); st != 200 || c.Ran || c.Merchants.Total != 0 || c.Merchants.Items == nil || !c.At.IsZero() {
		t.Errorf("nobody has cleared the day: %d %+v", st, c)
	}
	txn := &store.Txn{ID: store.NumberAt(now), Idem: "a", Digest: []byte{1}, Terminal: "00000001", Merchant: "102290000000001", Host: "core", Kind: "purchase", Amount: 10_001, State: store.Confirmed, Day: day, Created: now, Updated: now}
	if fresh, err := r.st.Insert(ctx, txn); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	for range 2 { // again: replaced, not added
		if st, code := olga.do("POST", "/clearing", map[string]string{"day": day}, &c); st != 200 || !c.Ran || c.By != "olga" {
			t.Fatalf("%d %s %+v", st, code, c)
		}
	}
	if early := c.At.In(time.FixedZone("CST", 8*3600)).Format("20060102") == day; c.Early != early {
		t.Errorf("cleared at %s: early %v", c.At, c.Early)
	}
	if st, _ := olga.do("POST", "/clearing", map[string]string{"day": "20200131"}, &c); st != 200 || c.Early {
		t.Errorf("a day that is long over: %d %+v", st, c)
	}
	if olga.do("GET", "/clearing?day="+day, nil, &c); c.Count != 1 || c.Gross != 10_001 || c.Fee != 38 || c.Merchants.Total != 1 || !c.Ran || time.Since(c.At) > time.Hour {
		t.Fatalf("%+v", c)
	}
	if x := c.Merchants.Items[0]; x.NameZH != "书店" || x.Fee != 38 || !slices.Equal(x.Parts, []api.Given{{Receiver: "shop", Amount: 8967}, {Receiver: "landlord", Amount: 996}}) {
		t.Errorf("%+v", x)
	}
	if as, err := r.st.Audits(ctx, 20); err != nil || !slices.ContainsFunc(as, func(a store.Audit) bool { return a.Action == "clearing.run" && a.Target == day && a.User == "olga" }) {
		t.Errorf("%v %+v", err, as)
	}
	for _, bad := range []string{"20261399", "2026", "29991231"} {
		if st, _ := olga.do("POST", "/clearing", map[string]string{"day": bad}, nil); st != 400 && st != 422 {
			t.Errorf("%s: %d", bad, st)
		}
	}
}
