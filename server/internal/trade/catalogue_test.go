package trade_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// service asks for a product; arg is F62.
func (x *term) service(p *product.Product, card string, amount int64, arg string) (q, a *message.Message) {
	q = x.request(p.Code, card, "123456", amount)
	if arg != "" {
		_ = q.SetString(62, arg)
	}
	return q, x.do(q, true)
}

// Every product of the catalogue is asked for by a terminal, goes through the switch, and is done by
// the bank's own books, contracts and orders.
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
		if want == "00" && r.txn(x, q).State != store.Confirmed {
			t.Fatalf("%s: %s", name, r.txn(x, q).State)
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
	// These have tests of their own: terminal messages with more than one step.
	own := map[string]bool{"balance": true, "withdrawal": true, "pinChange": true, "statement": true, "deposit": true, "cardIssue": true, "cardSpent": true, "passbook": true, "passbookPrinted": true, "purchase": true}
	groups := map[string]bool{}
	for _, p := range cat.All() {
		groups[p.Group] = true
		if own[p.Name] || p.Name == "accountClose" {
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
				arg = "1234567890"
			case "amount":
				amount = 2345
			}
		}
		ask(p.Name, card1, amount, arg, "00")
	}
	special["accountClose"]()
	for _, g := range []string{"BZ-01", "BZ-02", "BZ-03", "BZ-04", "BZ-05", "BZ-06", "BZ-08", "BZ-09", "BZ-10", "BZ-11", "BZ-12", "BZ-13", "BZ-14"} {
		if !groups[g] {
			t.Errorf("nothing for %s", g)
		}
	}
	if v := r.bank.Check(); !v.OK {
		t.Error(v)
	}
}

// A product that nobody has programmed: a line in the bank's catalogue, and every channel that it is
// rolled out to has it; a channel that it is not for has not.
// req: BZ-07 BZ-15
func TestAProductIsPackagedAndRolledOutWithoutCode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "products.yaml")
	if err := os.WriteFile(file, []byte(`products:
- {name: swimmingPool, title: {zh: 游泳馆, en: Swimming pool}, type: "0200", code: "690042", moves: money, fields: [pinBlock, amount, private], steps: [limits, pin, private], channels: ["3des"]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cat, err := product.Load(file, trade.StepNames())
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, false, trade.Options{Products: cat})
	x, y := r.terminal("00000001", trade.Zone3DES), r.terminal("00000002", trade.ZoneSM4)
	if _, a := x.service(cat.Named("swimmingPool"), card1, 3000, "ticket 7"); a.String(39) != "00" || string(a.Get(62)) != "paid biller0042" {
		t.Errorf("%s", a.Describe())
	}
	if _, a := y.service(cat.Named("swimmingPool"), card1, 3000, "ticket 7"); a.String(39) != "12" {
		t.Errorf("a channel that it is not for: %s", a.String(39))
	}
	if _, a := x.withdraw(card1, 100); a.String(39) != "12" {
		t.Errorf("what the catalogue has no more: %s", a.String(39))
	}
	if got := 2_000_000 - r.balance(card1); got != 3000 {
		t.Errorf("booked %d", got)
	}
}
