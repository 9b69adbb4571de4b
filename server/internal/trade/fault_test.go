package trade_test

import (
	"bytes"
	"fmt"
	"maps"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/host"
	"zhigui/server/internal/link"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// branch is a rig with a healthy host (core) and one that may fall sick, each for its cards, and
// terminals that arrive whether or not the ones before have been answered.
type branch struct {
	*rig
	sick  *sick
	terms []*term
	mu    sync.Mutex
	said  map[string]map[string]int // per host, how often each code was answered
	money map[string]int64          // per card, what was approved
	wg    sync.WaitGroup
}

const healthyCard, sickCard = card1, card5

func newBranch(t *testing.T, group bool) *branch {
	t.Helper()
	kind := "long"
	if group {
		kind = "group"
	}
	door := bankhost.Door{Kind: kind, Dialect: "cups128", Listen: free(t), Count: 2}
	b := &branch{sick: newSick(t, door.Listen), said: map[string]map[string]int{"core": {}, "sick": {}}, money: map[string]int64{}}
	spec := link.Spec{Kind: kind, Address: b.sick.ln.Addr().String(), Count: 2}
	if group {
		spec.Listen = free(t)
		door.Address = spec.Listen
	}
	b.rig = newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "sick", dialect: "cups128", link: spec,
		limits: host.Limits{InFlight: 24, Queue: 24, Wait: 100 * time.Millisecond, BreakAfter: 8, Slow: 2 * time.Second, Rest: 200 * time.Millisecond}}},
		rules: []route.Rule{{BINs: []string{sickCard}, To: []route.Target{{Host: "sick"}}}},
		opt:   trade.Options{HostTimeout: 5 * time.Second}})
	until(t, "the sick host's link", b.more[0].host.Up)
	for i := range 8 {
		b.terms = append(b.terms, b.terminal(fmt.Sprintf("%08d", i+1), trade.Zone3DES))
	}
	return b
}

// arrive lets n withdrawals arrive, four of five for the sick host, one every few milliseconds.
func (b *branch) arrive(n int) {
	for i := range n {
		name, card := "sick", sickCard
		if i%5 == 0 {
			name, card = "core", healthyCard
		}
		x := b.terms[i%len(b.terms)]
		b.mu.Lock() // a terminal has one counter, which its confirmations use too
		q := x.request("010000", card, "123456", 100)
		b.mu.Unlock()
		b.wg.Go(func() {
			rc := "none"
			a, err := x.try(q, true)
			if err == nil {
				rc = a.String(39)
			}
			b.mu.Lock()
			b.said[name][rc]++
			if rc == "00" {
				b.money[card] += 100
			}
			b.mu.Unlock()
			if rc == "00" {
				if a, err := x.try(b.confirmation(x, q), true); err != nil || a.String(39) != "00" {
					b.t.Errorf("confirmation: %v", err)
				}
			}
		})
		time.Sleep(3 * time.Millisecond) // an open loop: some 300 a second
	}
}

// confirmation is the 0220 of q, built apart from the terminal's counter.
func (b *branch) confirmation(x *term, q *message.Message) *message.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := x.about("0220", q, 100)
	_ = m.Set(11, q.Get(11))
	return m
}

// The fault matrix, open loop: transaction.md §4.6. While one host misbehaves in every way the other
// serves every customer; nothing is lost, nothing is booked twice, and the sick one is back in service
// by itself when it is well.
// req: PT-10 PT-16
func TestAHostThatMisbehavesHurtsOnlyItsOwn(t *testing.T) {
	for _, fault := range []string{"delay", "silence", "reset", "refuse", "half open", "stops reading", "dribble", "garbage", "bad MAC", "twice", "reorder", "one link", "one link of a group"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels("fault", fault))) // of all that this one begins
			b := newBranch(t, fault == "one link of a group")
			b.sick.delay.Store(int64(15 * time.Second)) // longer than a transaction may last
			b.arrive(25)
			b.wg.Wait()
			before := working(t, fault)
			if len(before) < 5 {
				t.Fatalf("the rig's goroutines are not found: %v", before)
			}
			mode := fault
			if fault == "one link of a group" {
				mode = "one link"
			}
			b.sick.set(mode)
			if fault == "refuse" {
				b.sick.cut()
			}
			b.arrive(200)
			if h := b.more[0].host.Stats(); h.InFlight > h.Limit {
				t.Errorf("%d requests under way, the limit is %d", h.InFlight, h.Limit)
			}
			b.sick.set("well")
			if fault == "half open" || fault == "stops reading" {
				b.sick.cut() // the network notices in the end
			}
			b.wg.Wait()
			x := b.terms[0]
			until(t, "service again", func() bool {
				q := x.request("010000", sickCard, "123456", 100)
				a, err := x.try(q, true)
				if err != nil || a.String(39) != "00" {
					return false
				}
				b.money[sickCard] += 100
				_, err = x.try(b.confirmation(x, q), true)
				return err == nil
			})
			until(t, "every reversal", func() bool { return b.eng.Stats().ReversalsPending == 0 })
			if len(b.said["core"]) != 1 || b.said["core"]["00"] != 45 {
				t.Errorf("the healthy host: %v", b.said["core"])
			}
			for rc := range b.said["sick"] {
				if !slices.Contains([]string{"00", "91", "98"}, rc) {
					t.Errorf("the sick host's customers were told %v", b.said["sick"])
				}
			}
			t.Log("sick:", b.said["sick"], b.more[0].host.Stats().Breaker)
			for _, card := range slices.Sorted(maps.Keys(b.money)) {
				if got := 2_000_000 - b.balance(card); got != b.money[card] {
					t.Errorf("card %s: %d booked, %d approved", card, got, b.money[card])
				}
			}
			if v := b.bank.Check(); !v.OK {
				t.Error(v)
			}
			approved := 0
			for _, sum := range b.money {
				approved += int(sum / 100)
			}
			if _, n, err := b.st.Search(t.Context(), store.Search{RC: "00", Limit: 1}); n != approved || err != nil {
				t.Errorf("%d rows of the journal, %d approvals, %v", n, approved, err)
			}
			var more map[string]int
			for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				if more = grown(before, working(t, fault)); len(more) == 0 || t.Failed() {
					break
				}
				if time.Now().After(end) {
					t.Errorf("the fault has left behind: %v", more)
					break
				}
			}
		})
	}
}

// working counts the goroutines of a fault's run by what they are: the function that began them. Workers that wait for a connection to serve stay for the next burst and are left out.
func working(t *testing.T, fault string) map[string]int {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	_, text, _ := strings.Cut(b.String(), "\n") // behind the line with the sum
	for _, g := range strings.Split(text, "\n\n") {
		if !strings.Contains(g, `"fault":"`+fault+`"`) {
			continue
		}
		var count int
		if _, err := fmt.Sscanf(g, "%d @", &count); err != nil {
			continue
		}
		var ours []string
		for _, line := range strings.Split(g, "\n") {
			f := strings.Fields(line)
			if len(f) > 2 && f[0] == "#" && strings.HasPrefix(f[2], "zhigui/") {
				name, _, _ := strings.Cut(f[2], "+")
				ours = append(ours, name)
			}
		}
		if len(ours) == 0 || idle(ours[0]) {
			continue
		}
		n[ours[len(ours)-1]] += count
	}
	return n
}

// idle tells whether a goroutine that stands in a function is a worker without work.
func idle(in string) bool {
	return strings.HasSuffix(in, ".(*Listener).worker") || strings.HasSuffix(in, ".(*Host).worker")
}

// grown is what there is more of than before.
func grown(before, now map[string]int) map[string]int {
	more := map[string]int{}
	for what, n := range now {
		if n > before[what] {
			more[what] = n - before[what]
		}
	}
	return more
}
