package trade_test

import (
	"strings"
	"sync"
	"sync/atomic"
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
	sameBooks(t, r, p, 11*1_000)
}

// sameBooks waits until everything has its end, and compares the journal with the bank's book.
func sameBooks(t *testing.T, r *rig, p *partner, least int64) {
	t.Helper()
	until(t, "every end", func() bool { // one that the partner has given up may be under way still
		open, err := r.st.InState(t.Context(), store.Intent, time.Now().Add(time.Hour), 9)
		return err == nil && len(open) == 0 && r.eng.Stats().ReversalsPending == 0
	})
	ts, _, err := r.st.Search(t.Context(), store.Search{Terminal: p.terminal, Limit: 10_000})
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
	if got := 2_000_000 - r.balance(card1); got != sum || sum < least {
		t.Errorf("the bank has booked %d, the journal says %d", got, sum)
	}
	if v := r.bank.Check(); !v.OK {
		t.Error(v.Problems)
	}
}

// Three brokers, of which the one that leads every topic is killed while four customers ask at once, then, when it
// is back and in step, the one that leads now. Whoever has no answer repeats the same request, as partners do: each gets an end, nothing is lost, nothing is
// booked twice.
// req: TX-16
func TestABrokerOfThreeDiesAndNothingIsLostOrDoubled(t *testing.T) {
	if testing.Short() {
		t.Skip("three brokers")
	}
	topics := []string{"q", "a", "bank.q", "bank.a"}
	c := peer.StartKafkaCluster(t, topics...)
	all := strings.Join(peer.KafkaAddresses(c), ",")
	in := link.Spec{Kind: "kafka", Address: all, Request: "q", Answer: "a"}
	out := link.Spec{Kind: "kafka", Address: all, Request: "bank.q", Answer: "bank.a"}
	door := bankhost.Door{Kind: "kafka", Dialect: "corejson", Address: all, Request: "bank.q", Answer: "bank.a"}
	r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "other", dialect: "corejson", link: out}},
		rules: []route.Rule{{Channels: []string{"partner"}, To: []route.Target{{Host: "other"}}}}, opt: trade.Options{HostTimeout: 3 * time.Second}})
	p := r.addPartner(in, "corejson", nil)
	until(t, "the link", r.more[0].host.Up)

	var stop atomic.Bool
	var approved, asked atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	for i := range 4 {
		x := *p
		x.stan, x.send = 10_000*(i+1), carry(t, in, x.d, nil, &beside{})
		wg.Go(func() {
			for !stop.Load() {
				q := x.asks("0200", "000000", card1, 10)
				asked.Add(1)
				time.Sleep(20 * time.Millisecond) // so many a second that all of them can be looked at
				for tries := 1; ; tries++ {
					a, err := x.exchange(q)
					if err == nil {
						if a.Values["response"] == "00" {
							approved.Add(1)
						}
						break
					}
					if tries == 10 {
						t.Errorf("%s has no answer: %v", q.Values["stan"], err)
						return
					}
				}
			}
		})
	}
	more := func(what string, n int64) {
		t.Helper()
		begin := approved.Load()
		until(t, what, func() bool { return approved.Load() >= begin+n })
	}
	more("purchases", 20)
	for round := range 2 {
		leader, _ := peer.KafkaLeader(t.Context(), c, "bank.q")
		if leader < 0 {
			t.Fatal("nobody leads")
		}
		at := time.Now()
		c[leader].Kill()
		more("purchases with two of three", 20)
		t.Logf("broker %d killed: twenty purchases within %v", leader+1, time.Since(at).Round(100*time.Millisecond))
		if round == 1 {
			break
		}
		c[leader].Restart()
		until(t, "three in step", func() bool {
			for _, topic := range topics {
				if _, n := peer.KafkaLeader(t.Context(), c, topic); n != 3 {
					return false
				}
			}
			return true
		})
		more("purchases with all three", 20)
	}
	stop.Store(true)
	wg.Wait()
	sameBooks(t, r, p, 60*10)
	ts, n, err := r.st.Search(t.Context(), store.Search{Terminal: p.terminal, Limit: 10_000})
	if err != nil || int64(n) != asked.Load() {
		t.Errorf("%d rows of the journal, %d were asked, %v", n, asked.Load(), err)
	}
	confirmed := int64(0)
	for _, x := range ts {
		if x.State == store.Confirmed {
			confirmed++
		}
	}
	if confirmed != approved.Load() {
		t.Errorf("%d are booked, customers were told of %d", confirmed, approved.Load())
	}
	t.Logf("%d asked, %d approved", asked.Load(), approved.Load())
}
