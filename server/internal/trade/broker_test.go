package trade_test

import (
	"testing"
	"time"

	"zhigui/server/internal/link"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
	"zhigui/sim/peer"
)

// Apache Kafka's own broker carries a partner's requests to the switch and the switch's to the bank. It is
// killed in between: what was under way ends as the journal says, and the next request goes through.
// req: TX-16
func TestARealBrokerCarriesTransactionsAndMayDie(t *testing.T) {
	b := peer.StartKafka(t)
	in := link.Spec{Kind: "kafka", Address: b.Address, Request: "q", Answer: "a"}
	out := link.Spec{Kind: "kafka", Address: b.Address, Request: "bank.q", Answer: "bank.a"}
	door := bankhost.Door{Kind: "kafka", Dialect: "corejson", Address: b.Address, Request: "bank.q", Answer: "bank.a"}
	r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "other", dialect: "corejson", link: out}},
		rules: []route.Rule{{Channels: []string{"partner"}, To: []route.Target{{Host: "other"}}}}, opt: trade.Options{HostTimeout: 3 * time.Second}})
	p := r.addPartner(in, "corejson", nil)
	until(t, "the link", r.more[0].host.Up)
	ask := func(amount int64) bool {
		a, err := p.ask("0200", "000000", card1, amount)
		return err == nil && a.Values["response"] == "00"
	}
	for i := range int64(5) {
		until(t, "a purchase", func() bool { return ask(1_000 + 100*i) })
	}
	b.Kill()
	b.Restart()
	until(t, "a purchase with the broker back", func() bool { return ask(2_000) })
	for i := range int64(5) {
		if !ask(3_000 + 100*i) {
			t.Error("refused although the broker is back")
		}
	}
	until(t, "every end", func() bool { // one that the partner has given up may be under way still
		open, err := r.st.InState(t.Context(), store.Intent, time.Now().Add(time.Hour), 9)
		return err == nil && len(open) == 0 && r.eng.Stats().ReversalsPending == 0
	})
	ts, _, err := r.st.Search(t.Context(), store.Search{Terminal: p.terminal, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, x := range ts {
		switch x.State {
		case store.Confirmed:
			sum += x.Amount
		case store.Reversed, store.ReversalAbsent, store.NotSent, store.Declined:
		default:
			t.Errorf("%d is %s", x.ID, x.State)
		}
	}
	if got := 2_000_000 - r.balance(card1); got != sum || sum < 11*1_000 {
		t.Errorf("the bank has booked %d, the journal says %d", got, sum)
	}
	if v := r.bank.Check(); !v.OK {
		t.Error(v.Problems)
	}
}
