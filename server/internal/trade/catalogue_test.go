package trade_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/internal/clearing"
	"zhigui/server/internal/host"
	"zhigui/server/internal/link"
	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// service asks for a product; arg is F62.
func (x *term) service(p *product.Product, card string, amount int64, arg string) (q, a *message.Message) {
	q = x.request(p.Code, card, "123456", amount)
	if arg != "" {
		_ = q.Set(62, []byte(arg))
	}
	return q, x.do(q, true)
}

// Every product of the catalogue is asked for by a terminal, goes through the switch, and is done by
// the bank's own books, contracts and orders: what moves money moves its amount, what does not moves none.
// req: BZ-01 BZ-02 BZ-03 BZ-04 BZ-05 BZ-06 BZ-08 BZ-09 BZ-10 BZ-11 BZ-12 BZ-13 BZ-14
func TestEveryProductOfTheCatalogueIsDoneByTheBank(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	cat := product.Builtin()
	ask := func(name, card string, amount int64, arg, want string) *message.Message {
		t.Helper()
		p := cat.Named(name)
		if p == nil {
			t.Fatalf("no product %s", name)
		}
		q, a := x.service(p, card, amount, arg)
		if a.String(39) != want {
			t.Fatalf("%s: %s, want %s", name, a.String(39), want)
		}
		if want == "00" && p.Confirm {
			if a := x.do(x.about("0220", q, amount), true); a.String(39) != "00" {
				t.Fatalf("%s: confirmation %s", name, a.String(39))
			}
		}
		if s := r.txn(x, q); want == "00" && (s.State != store.Confirmed || s.Kind != name) {
			t.Fatalf("%s: %s %s", name, s.Kind, s.State)
		}
		return a
	}
	// What has a course of its own.
	special := map[string]func(){
		"lossReport": func() {
			ask("lossReport", card1, 0, "", "00")
			if _, a := x.withdraw(card1, 100); a.String(39) != "41" {
				t.Errorf("a lost card draws cash: %s", a.String(39))
			}
		},
		"contractCancel": func() { ask("contractCancel", card1, 0, "1234567890", "00") }, // what contractSign has signed
		"accountClose": func() {
			ask("accountClose", card1, 0, "", "40") // there is money on it
			ask("transfer", card2, 5000, card5, "00")
			ask("accountClose", card2, 0, "", "00")
			ask("transfer", card1, 100, card2, "14")
		},
		"transfer": func() {
			before := r.balance(card5)
			ask("transfer", card1, 700, card5, "00")
			ask("transfer", card1, 99_000_000, card5, "51")
			ask("transfer", card1, 700, "1234", "14")
			if r.balance(card5)-before != 700 {
				t.Error("the transfer did not arrive")
			}
			r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
			q, a := x.service(cat.Named("transfer"), card1, 900, card5)
			if a.String(39) != "98" {
				t.Fatal(a.String(39))
			}
			until(t, "the reversal of a transfer", func() bool { return r.txn(x, q).State == store.Reversed })
			if r.balance(card5)-before != 700 {
				t.Error("a transfer in doubt was not taken back")
			}
		},
		"payee": func() {
			if got := ask("payee", card1, 0, card5, "00").Get(62); len(got) < 2 || got[0] != '*' || bytes.ContainsAny(got, "|;") {
				t.Errorf("the payee is %q", got)
			}
			ask("payee", card1, 0, "1234", "14")
			ask("payee", card1, 0, card1, "14") // oneself
		},
		"creditBill": func() { ask("creditBill", card1, 0, "1234567890", "00") },
		"faceWithdrawal": func() {
			ask("faceWithdrawal", card1, 10000, "0000000000", "63")
			ask("faceWithdrawal", card1, 10000, "1234567890", "00")
		},
		"withdrawalBooking": func() {
			code := string(ask("withdrawalBooking", card1, 0, "30000", "00").Get(62))
			ask("bookedWithdrawal", card1, 20000, code, "40")
			ask("bookedWithdrawal", card1, 30000, code, "00")
			ask("bookedWithdrawal", card1, 30000, code, "40") // once
		},
		"bookedWithdrawal": func() {},
		"billQuery": func() {
			bill := string(ask("billQuery", card1, 0, "88001234!", "00").Get(62))
			var v int64
			for _, c := range bill {
				v = v*10 + int64(c-'0')
			}
			ask("water", card1, v+1, "88001234!", "13")
			ask("water", card1, v, "88001234!", "00")
		},
	}
	special["pinChange"] = func() {
		const card6 = "6225880000000006"
		ask("pinChange", card6, 0, string(x.pinBlock(card6, "654321")), "00")
		ask("balance", card6, 0, "", "55") // with the old one
	}
	special["deposit"] = func() {
		before := r.balance(card5)
		q, a := x.opens(card5)
		if a.String(39) != "00" || r.balance(card5) != before {
			t.Fatalf("a deposit's opening: %s, %d more", a.String(39), r.balance(card5)-before)
		}
		if rc := x.took(q, 30_000); rc != "00" || r.balance(card5)-before != 30_000 {
			t.Errorf("a deposit: %s, %d more", rc, r.balance(card5)-before)
		}
	}
	special["cardIssue"] = func() { ask("cardIssue", blank, 0, who, "00") }
	special["cardSpent"] = func() {
		ask("cardSpent", "6225880000002002", 0, "the session has ended", "00")
		if got := r.status("6225880000002002"); got != "void" {
			t.Errorf("a spent card is %s", got)
		}
	}
	special["passbook"] = func() {
		if got := ask("passbook", card1, 0, "0", "00").String(62); got == "+0" {
			t.Error("the passbook has no lines")
		}
	}
	special["passbookPrinted"] = func() {
		ask("passbookPrinted", card1, 0, "1", "00")
	}
	for _, p := range cat.All() {
		if p.Name == "accountClose" { // the last one
			continue
		}
		if f := special[p.Name]; f != nil {
			f()
			continue
		}
		arg, amount := "", int64(0)
		for _, f := range p.Fields {
			switch f {
			case "private":
				arg = argOf(p.Name)
			case "amount":
				amount = 2345
			}
		}
		x.readies(p.Name)
		before := r.balance(card1)
		ask(p.Name, card1, amount, arg, "00")
		if p.Pays == product.Customer {
			before += 2 * amount
		}
		if got := before - r.balance(card1); got != amount || (p.Moves == product.Money) != (amount > 0) {
			t.Errorf("%s of %d: the account has %d less", p.Name, amount, got)
		}
	}
	special["accountClose"]()
	groups := map[string]bool{}
	for _, p := range cat.All() {
		groups[p.Group] = true
		if _, n, err := r.st.Search(t.Context(), store.Search{Kind: p.Name, State: store.Confirmed, Limit: 1}); err != nil || n == 0 {
			t.Errorf("%s was never done (%v)", p.Name, err)
		}
	}
	for _, g := range []string{"BZ-01", "BZ-02", "BZ-03", "BZ-04", "BZ-05", "BZ-06", "BZ-08", "BZ-09", "BZ-10", "BZ-11", "BZ-12", "BZ-13", "BZ-14"} {
		if !groups[g] {
			t.Errorf("nothing for %s", g)
		}
	}
	if v := r.bank.Check(); !v.OK {
		t.Error(v)
	}
}

// argOf is F62 of a product as the bank wants it.
func argOf(name string) string {
	switch name {
	case "transfer", "payee":
		return card5
	case "batchPay", "batchCollect":
		return card5 + ":2000," + card2 + ":345"
	case "corpAutoTransfer", "corpPooling":
		return card5 + ":500000"
	}
	return "1234567890"
}

// readies has those sign whom a product is about.
func (x *term) readies(name string) {
	if name != "batchCollect" {
		return
	}
	for _, card := range []string{card5, card2} {
		if _, a := x.service(product.Builtin().Named("collectSign"), card, 0, card1); a.String(39) != "00" && a.String(39) != "40" { // 40: it was signed before
			x.t.Fatal(a.Describe())
		}
	}
}

// buys buys what is held, of each kind, for 2345.
func (x *term) buys() {
	x.t.Helper()
	for _, name := range []string{"wealthBuy", "fundBuy", "securitiesIn", "metalBuy"} {
		if _, a := x.service(product.Builtin().Named(name), card1, 2345, argOf(name)); a.String(39) != "00" {
			x.t.Fatal(name, a.Describe())
		}
	}
}

// prepared is a request for a product that the bank would do: amount and F62 as it wants them, its contract or booking made.
func (x *term) prepared(p *product.Product) *message.Message {
	x.t.Helper()
	card, arg, amount := card1, argOf(p.Name), int64(2345)
	x.readies(p.Name)
	signed := func(name, arg string) string {
		_, a := x.service(product.Builtin().Named(name), card1, 0, arg)
		if rc := a.String(39); rc != "00" && (name != "faceSign" || rc != "40") { // 40: it was signed before
			x.t.Fatalf("%s for %s: %s", name, p.Name, rc)
		}
		return string(a.Get(62))
	}
	switch p.Name {
	case "cardIssue":
		card, arg = blank, who
	case "faceWithdrawal":
		signed("faceSign", arg)
	case "bookedWithdrawal":
		arg = signed("withdrawalBooking", "2345")
	}
	if !p.Amount() {
		amount = 0
	}
	q := x.request(p.Code, card, "123456", amount)
	if slices.Contains(p.Fields, "private") {
		_ = q.SetString(62, arg)
	}
	return q
}

// Whatever moves money, or hands something over, is taken back when nobody knows what the host did: it had booked each of them.
func TestEveryProductInDoubtIsTakenBack(t *testing.T) {
	r := newRigOf(&rig{t: t, dir: t.TempDir(), limits: host.Limits{BreakAfter: 1000, Slow: time.Minute}, opt: trade.Options{HostTimeout: 2 * time.Second}})
	x := r.terminal("00000001", trade.Zone3DES)
	asked := map[string]*message.Message{}
	x.buys()
	before := r.balance(card1)
	for _, p := range product.Builtin().All() {
		if p.Undone() {
			asked[p.Name] = x.prepared(p)
			r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Proc: p.Code, Count: 1})
		}
	}
	if len(asked) < 40 {
		t.Fatalf("only %d products", len(asked))
	}
	var wg sync.WaitGroup
	for name, q := range asked {
		wg.Go(func() {
			if a, err := x.try(q, true); err != nil || a.String(39) != "98" {
				t.Errorf("%s: %v %v", name, a, err)
			}
		})
	}
	wg.Wait()
	for name, q := range asked {
		until(t, "the reversal of "+name, func() bool { return r.txn(x, q).State == store.Reversed })
	}
	v := r.bank.Check()
	if got := r.balance(card1); !v.OK || got != before || v.Reversals != len(asked)-4 { // a card and transfers, to one or with many, are no withdrawals
		t.Errorf("the account has %d; %+v", got, v)
	}
	if got := r.status(blank); got != "void" {
		t.Errorf("a card that nobody has is %s", got)
	}
}

// Without a field that it needs a product is refused before the host is asked, and with a wrong PIN by the bank; nothing has moved.
func TestNoProductIsDoneWithoutItsFieldsOrWithAWrongPIN(t *testing.T) {
	var asked atomic.Int64
	r := newRigOf(&rig{t: t, dir: t.TempDir(), heard: func(mti, _, _ string) {
		if mti == "0200" || mti == "0100" {
			asked.Add(1)
		}
	}})
	x := r.terminal("00000001", trade.Zone3DES)
	number := map[string]int{"pinBlock": 52, "amount": 4, "private": 62}
	for _, p := range product.Builtin().All() {
		for _, f := range p.Fields {
			q := x.prepared(p)
			_ = q.SetMTI(p.Type)
			q.Unset(number[f])
			before := asked.Load()
			if a := x.do(q, true); a.String(39) != "30" || asked.Load() != before {
				t.Errorf("%s without %s: %s, the host was asked %d times", p.Name, f, a.String(39), asked.Load()-before)
			}
		}
		if !slices.Contains(p.Steps, "pin") || p.Name == "cardIssue" { // its PIN is the new card's
			continue
		}
		q := x.prepared(p)
		_ = q.SetMTI(p.Type)
		if p.Name == "pinChange" {
			_ = q.Set(62, x.pinBlock(card1, "654321"))
		}
		_ = q.Set(52, x.pinBlock(card1, "111111"))
		if a := x.do(q, true); a.String(39) != "55" {
			t.Errorf("%s with a wrong PIN: %s", p.Name, a.String(39))
		}
		if a := x.do(x.request("310000", card1, "123456", 0), true); a.String(39) != "00" { // the tries begin anew
			t.Fatal(a.String(39))
		}
	}
	if got := r.balance(card1); got != 2_000_000 {
		t.Errorf("the account has %d", got)
	}
}

// A product that nobody has programmed: lines in the bank's files, and every channel that it is rolled out to has it, at a third party's
// system that the bank knew nothing of; a channel that it is not for has not.
// req: BZ-15
func TestAProductIsPackagedAndRolledOutWithoutCode(t *testing.T) {
	pool := func(name, code, channels string) string {
		return fmt.Sprintf("- {name: %s, title: {zh: 游泳馆, en: Swimming pool}, type: \"0200\", code: \"%s\", moves: money, pays: other, fields: [pinBlock, amount, private], steps: [limits, pin, private]%s}\n", name, code, channels)
	}
	cat := loaded(t, "products:\n"+pool("swimmingPool", "690042", "")+pool("poolSeason", "690043", `, channels: ["3des"]`))
	door := bankhost.Door{Kind: "http", Dialect: "corejson", Listen: free(t)}
	r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "pool", dialect: "corejson", link: link.Spec{Kind: "http", Address: "http://" + door.Listen + "/"}}},
		rules: []route.Rule{{Products: []string{"swimmingPool"}, To: []route.Target{{Host: "pool"}}}}, opt: trade.Options{Products: cat, HostTimeout: 3 * time.Second}})
	until(t, "the third party", r.more[0].host.Up)
	x, y := r.terminal("00000001", trade.Zone3DES), r.terminal("00000002", trade.ZoneSM4)
	for name, z := range map[string]*term{"3des": x, "sm4": y} {
		q, a := z.service(cat.Named("swimmingPool"), card1, 3000, "ticket 7")
		if a.String(39) != "00" || string(a.Get(62)) != "paid biller0042" || r.txn(z, q).Host != "pool" {
			t.Errorf("%s: %s by %s", name, a.Describe(), r.txn(z, q).Host)
		}
	}
	p := r.addPartner(link.Spec{Kind: "http", Listen: free(t) + "/pay"}, "corexml", nil)
	third := p.asks("0200", "690042", card1, 3000)
	third.Values["private"] = "ticket 8"
	if a, err := p.exchange(third); err != nil || a.Values["response"] != "00" {
		t.Errorf("a partner: %v %v", a, err)
	}
	if _, a := x.service(cat.Named("poolSeason"), card1, 500, "ticket 8"); a.String(39) != "00" {
		t.Errorf("the channel that it is for: %s", a.String(39))
	}
	if _, a := y.service(cat.Named("poolSeason"), card1, 500, "ticket 9"); a.String(39) != "12" {
		t.Errorf("a channel that it is not for: %s", a.String(39))
	}
	if _, a := x.withdraw(card1, 100); a.String(39) != "12" {
		t.Errorf("what the catalogue has no more: %s", a.String(39))
	}
	if got := 2_000_000 - r.balance(card1); got != 9500 {
		t.Errorf("booked %d", got)
	}
}

// A product that is a line of data is composed of what those of the platform are: limits and a case of several people before the bank is
// asked, a reversal when nobody knows what it did, a third party that is paid by the clearing, books that agree.
// req: BZ-15
func TestAProductOfDataAloneHasAllThatOthersHave(t *testing.T) {
	cat := loaded(t, "products:\n- {name: swimmingPool, title: {zh: 游泳馆, en: Pool}, type: '0200', code: '690042', moves: money, pays: party, party: pools, fields: [pinBlock, amount, private], steps: [limits, pin, private]}\n")
	rules, err := risk.New([]risk.Rule{{Name: "pool", Of: risk.Card, Per: "day", Amount: 700_000, Products: []string{"swimmingPool"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, false, trade.Options{Products: cat, Risk: rules, Cases: casesFor(cat, "swimmingPool")})
	if err := r.st.SetMerchant(t.Context(), &store.Merchant{Number: "pools", Branch: "0001", NameZH: "游泳馆", FeePPM: 10_000, Enabled: true, Shares: []store.Share{{Receiver: "baths", PPM: clearing.Whole}}}, "olga", time.Now()); err != nil {
		t.Fatal(err)
	}
	x, pool := r.terminal("00000001", trade.Zone3DES), cat.Named("swimmingPool")
	pay := func(amount int64, want string) *message.Message {
		t.Helper()
		q, a := x.service(pool, card1, amount, "ticket 7")
		if a.String(39) != want {
			t.Errorf("%d: %s, want %s", amount, a.String(39), want)
		}
		return q
	}
	pay(3_000, "00")
	pay(600_100, "60") // people must agree first
	r.readyCase(x, card1, 600_100, "ticket 7")
	pay(600_100, "00")
	pay(97_000, "61") // over what a card may pay there in a day
	r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
	q := pay(2_000, "98")
	until(t, "the reversal", func() bool { return r.txn(x, q).State == store.Reversed })
	pay(96_900, "00") // whose share of the limit was given back
	if got := 2_000_000 - r.balance(card1); got != 700_000 || !r.bank.Check().OK {
		t.Errorf("booked %d", got)
	}
	day := r.txn(x, q).Day
	if run, diffs := r.compare(&recon.Books{Store: r.st, Products: cat, Now: time.Now}, "core", day); len(diffs) != 0 || run.OurAmount != 700_000 {
		t.Errorf("%+v %v", run, classes(diffs))
	}
	got, left, err := clearing.Day(t.Context(), r.st, cat, []string{"core"}, day, "olga", time.Now())
	want := []store.Entry{{Merchant: "pools", Receiver: clearing.Bank, Count: 3, Gross: 700_000, Amount: 7_000}, {Merchant: "pools", Receiver: "baths", Count: 3, Gross: 700_000, Amount: 693_000}}
	if diff := cmp.Diff(want, got); diff != "" || left != (store.Left{}) || err != nil {
		t.Error(diff, left, err)
	}
}

// What is done before the host is asked is what the catalogue's line says: a rule of the regulator (a limit, a PIN, what must be told) is a word in it.
// req: TX-34 BZ-07
func TestAProductsStepsAreChangedByItsLine(t *testing.T) {
	rules, err := risk.New([]risk.Rule{{Name: "single", Of: risk.Card, Per: "transaction", Amount: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ fields, steps, rc, why string }{
		{"pinBlock, amount, private", "limits, pin, private", "61", "over the limit"},
		{"pinBlock, amount, private", "pin, private", "00", "no limit"},
		{"pinBlock, amount, private", "private", "99", "the bank gets no PIN"},
		{"pinBlock, amount, private", "pin", "30", "the bank is not told for what"},
		{"amount, private", "pin, private", "99", "the pin's step has no PIN"},
	} {
		t.Run(c.why, func(t *testing.T) {
			cat := loaded(t, "products:\n- {name: pool, title: {zh: 游泳馆, en: Pool}, type: '0200', code: '690042', moves: money, pays: other, fields: ["+c.fields+"], steps: ["+c.steps+"]}\n")
			r := newRig(t, false, trade.Options{Products: cat, Risk: rules})
			x := r.terminal("00000001", trade.Zone3DES)
			q := x.request("690042", card1, "123456", 1500)
			_ = q.SetString(62, "ticket 7")
			if !strings.Contains(c.fields, "pinBlock") {
				q.Unset(52)
			}
			if a := x.do(q, true); a.String(39) != c.rc {
				t.Errorf("%s, want %s", a.String(39), c.rc)
			}
			if got := 2_000_000 - r.balance(card1); got != map[bool]int64{true: 1500}[c.rc == "00"] {
				t.Errorf("booked %d", got)
			}
		})
	}
}

// What the host's messages have no place for is not left out: the product is not for that host, and nothing is sent.
func TestAHostWithoutAPlaceForWhatAProductHandsOverIsNotAsked(t *testing.T) {
	const text = `kind: json
name: poor
charset: utf-8
frame: {prefix: binary4, max: 65536}
mac: {field: mac, form: hex, bytes: 8, cover: body}
table:
  - {name: code, canon: type, type: n, max: 4, path: head/code}
  - {name: serial, canon: stan, type: n, max: 6, path: body/serial}
  - {name: mac, path: head/mac}
  - {name: account, canon: pan, type: n, max: 19, mask: pan, path: body/account}
  - {name: product, canon: procCode, type: n, max: 6, path: body/product}
  - {name: amount, canon: amount, type: n, max: 12, path: body/amount}
  - {name: response, canon: response, type: an, max: 2, path: body/response}
  - {name: transmitTime, canon: transmitTime, type: an, max: 10, path: body/time}
  - {name: terminal, canon: terminal, type: ans, max: 8, path: body/terminal}
`
	const pinField = "  - {name: pin, canon: pinBlock, type: b, max: 16, as: base64, mask: secret, path: body/pin}\n"
	for _, c := range []struct{ more, product, why string }{
		{"", "withdrawal", "a PIN"}, {pinField, "transfer", "the account that gets it"}, {pinField, "pinChange", "the new PIN"},
	} {
		t.Run(c.why, func(t *testing.T) {
			d, err := format.Load(fstest.MapFS{"poor.yaml": {Data: []byte(text + c.more)}}, "poor.yaml")
			if err != nil {
				t.Fatal(err)
			}
			door := bankhost.Door{Kind: "long", Format: d, Listen: free(t)}
			var asked atomic.Int64
			r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "poor", format: d, dialect: "corejson", link: link.Spec{Kind: "long", Address: door.Listen}}},
				rules: []route.Rule{{Products: []string{c.product}, To: []route.Target{{Host: "poor"}}}}, heard: func(mti, _, _ string) {
					if mti == "0200" {
						asked.Add(1)
					}
				}})
			x := r.terminal("00000001", trade.Zone3DES)
			q := x.prepared(product.Builtin().Named(c.product))
			if c.product == "pinChange" {
				_ = q.Set(62, x.pinBlock(card1, "654321"))
			}
			if a := x.do(q, true); a.String(39) != "92" || asked.Load() != 0 || r.balance(card1) != 2_000_000 {
				t.Errorf("%s, the host was asked %d times, the account has %d", a.String(39), asked.Load(), r.balance(card1))
			}
		})
	}
}

// A core system of another kind takes the place of the bank's: terminals and products stay as they are.
// req: BZ-07
func TestAnotherCoreSystemIsNothingToTheTerminals(t *testing.T) {
	for _, c := range []struct{ kind, dialect string }{{"long", "bank128"}, {"http", "corexml"}, {"http", "corejson"}, {"long", "corefixed"}, {"short", "coredelimited"}, {"short", "coresop"}} {
		t.Run(c.dialect, func(t *testing.T) {
			door := bankhost.Door{Kind: c.kind, Dialect: c.dialect, Listen: free(t)}
			spec := link.Spec{Kind: c.kind, Address: door.Listen}
			if c.kind == "http" {
				spec.Address = "http://" + door.Listen + "/"
			}
			r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "other", dialect: c.dialect, link: spec}},
				rules: []route.Rule{{To: []route.Target{{Host: "other"}}}}, opt: trade.Options{HostTimeout: 3 * time.Second}})
			until(t, "the other core", r.more[0].host.Up)
			x := r.terminal("00000001", trade.Zone3DES)
			if a := x.do(x.request("310000", card1, "123456", 0), true); a.String(39) != "00" || !a.Has(54) {
				t.Errorf("balance: %s", a.Describe())
			}
			if a := x.do(x.request("310000", card1, "111111", 0), true); a.String(39) != "55" {
				t.Errorf("a wrong PIN: %s", a.String(39))
			}
			q, a := x.withdraw(card1, 10000)
			if a.String(39) != "00" {
				t.Fatal("withdrawal:", a.String(39))
			}
			if a := x.do(x.about("0220", q, 10000), true); a.String(39) != "00" {
				t.Errorf("confirmation: %s", a.String(39))
			}
			if _, a := x.service(product.Builtin().Named("transfer"), card1, 700, card5); a.String(39) != "00" {
				t.Errorf("transfer: %s", a.String(39))
			}
			if got := 2_000_000 - r.balance(card1); got != 10700 || r.txn(x, q).Host != "other" {
				t.Errorf("booked %d by %s", got, r.txn(x, q).Host)
			}
		})
	}
}
