package trade_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// smallCases are of sums that the bank's test accounts have.
func smallCases() *cases.Catalogue { return casesFor(product.Builtin(), "transfer") }

// casesFor are large sums of one product.
func casesFor(cat *product.Catalogue, name string) *cases.Catalogue {
	f, err := os.CreateTemp("", "cases")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // temporary
	_, err = f.WriteString("cases:\n  - {name: largeTransfer, title: {zh: 大额转账, en: Large transfer}, products: [" + name + "], over: 500000, expires: 30m, steps: [{name: identify, by: terminal}, {name: review, by: teller}, {name: approve, by: manager, signers: 2}]}\n")
	if err != nil {
		panic(err)
	}
	c, err := cases.Load(f.Name(), cat)
	if err != nil {
		panic(err)
	}
	return c
}

// readyCase is a case of a large transfer that has gone through all its steps.
func (r *rig) readyCase(x *term, card string, amount int64, to string) *store.Case {
	r.t.Helper()
	ctx, now := r.t.Context(), time.Now()
	k := r.opt.Cases.Named("largeTransfer")
	c, err := r.st.AddCase(ctx, &store.Case{Number: store.NumberAt(now), Kind: k.Name, Terminal: x.id, Request: fmt.Sprint(now.UnixNano()), Branch: "0001", Amount: amount, PAN: message.MaskedPAN([]byte(card)),
		Bound: cases.Bound([]byte(to)), Created: now, Expires: now.Add(k.Expires), Steps: k.Plan(amount)})
	for err == nil && c.State == store.CaseOpen {
		for _, s := range c.Steps {
			if s.State != store.StepCurrent {
				continue
			}
			if s.By == cases.Terminal {
				err = r.st.DoneStep(ctx, c.Number, x.id, s.Name, nil, now)
				break
			}
			as, _ := r.st.CaseApprovals(ctx, c.Number)
			for _, who := range []string{"anna", "ben"}[:s.Signers] {
				err = r.st.Agree(ctx, as[len(as)-1].ID, who, now)
			}
			break
		}
		if err == nil {
			c, err = r.st.Case(ctx, c.Number)
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// req: TX-19
func TestALargeTransferNeedsItsCaseAndTakesItOnce(t *testing.T) {
	r := newRig(t, false, trade.Options{Cases: smallCases()})
	x := r.terminal("00000001", trade.Zone3DES)
	transfer := product.Builtin().Named("transfer")
	const large = 600_100
	before := r.balance(card1)
	ask := func(amount int64, to, want string) *message.Message {
		t.Helper()
		q, a := x.service(transfer, card1, amount, to)
		if a.String(39) != want {
			t.Fatalf("%d: %s, want %s", amount, a.String(39), want)
		}
		return q
	}
	state := func(c *store.Case, want string) {
		t.Helper()
		if c, err := r.st.Case(t.Context(), c.Number); err != nil || c.State != want {
			t.Fatal(c.State, err)
		}
	}
	ask(700, card5, "00")   // a small one as always
	ask(large, card5, "60") // without a case
	c := r.readyCase(x, card1, large, card5)
	ask(large, card2, "60")     // to somebody else
	ask(large+200, card5, "60") // another amount
	state(c, store.CaseReady)
	q := ask(large, card5, "00")
	state(c, store.CaseUsed)
	if got, _ := r.st.Case(t.Context(), c.Number); got.Journal != r.txn(x, q).ID {
		t.Error("the case names", got.Journal)
	}
	if a := x.do(q, true); a.String(39) != "00" {
		t.Error("a repeat of what took it:", a.String(39))
	}
	ask(large, card5, "60") // a second time

	c = r.readyCase(x, card1, large+1000, card5)
	ask(large+1000, "1234", "60")
	q2 := x.request(transfer.Code, card1, "999999", large+1000) // a wrong PIN: the host refuses
	_ = q2.SetString(62, card5)
	if a := x.do(q2, true); a.String(39) != "55" {
		t.Fatal(a.Describe())
	}
	state(c, store.CaseReady) // the customer may try again
	q = ask(large+1000, card5, "00")
	if a := x.do(x.about("0400", q, large+1000), true); a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	until(t, "the reversal", func() bool { return r.txn(x, q).State == store.Reversed })
	state(c, store.CaseReady)

	if got := before - r.balance(card1); got != 700+large {
		t.Errorf("booked %d", got)
	}
}

// A server that dies with a transaction under way takes it back, and gives the case back with it; what
// was approved keeps it.
func TestACaseIsNeitherLostNorUsedTwiceWhereverTheServerDies(t *testing.T) {
	for _, point := range []string{"received", "intent", "answered", "stored"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, false, trade.Options{Cases: smallCases()})
			x := r.terminal("00000001", trade.Zone3DES)
			before := r.balance(card1)
			const large = 600_100
			c := r.readyCase(x, card1, large, card5)
			r.stop()
			p := r.child(x, point)
			q := x.request("600301", card1, "123456", large)
			_ = q.SetString(62, card5)
			_, _ = x.try(q, true)
			_ = p.Wait()
			r.start()
			x.addr = r.lis[trade.Zone3DES].Addr().String()
			done := point == "stored"
			until(t, "an end", func() bool {
				got, err := r.st.Case(t.Context(), c.Number)
				return err == nil && (got.State == store.CaseUsed) == done && (point == "received" || r.txn(x, q).State == map[bool]store.State{true: store.Confirmed, false: r.txn(x, q).State}[done])
			})
			if !done { // it may be sent again, once
				until(t, "the second try", func() bool {
					again := x.request("600301", card1, "123456", large)
					_ = again.SetString(62, card5)
					return x.do(again, true).String(39) == "00"
				})
			}
			again := x.request("600301", card1, "123456", large)
			_ = again.SetString(62, card5)
			if a := x.do(again, true); a.String(39) != "60" {
				t.Error("it was used twice:", a.String(39))
			}
			until(t, "the books", func() bool { return before-r.balance(card1) == large })
			if v := r.bank.Check(); !v.OK {
				t.Error(v.Problems)
			}
		})
	}
}
