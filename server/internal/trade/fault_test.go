package trade_test

import (
	"bytes"
	"fmt"
	"maps"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"zhigui/server/api/message"
	"zhigui/server/internal/host"
	"zhigui/server/internal/hsm"
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
	back  *sick        // on the way of the answers, where that is another
	step  atomic.Int64 // of the server's clock
	terms []*term
	mu    sync.Mutex
	said  map[string]map[string]int // per host, how often each code was answered
	money map[string]int64          // per card, what was approved
	wg    sync.WaitGroup
}

const healthyCard, sickCard = card1, card5

// sickness is a host behind a link that has a fault, and what else is wrong meanwhile: the database or the module is slow,
// the clock steps, the day is cut over.
type sickness struct{ link, fault, beside string }

func newBranch(t *testing.T, c sickness) *branch {
	t.Helper()
	door := bankhost.Door{Kind: c.link, Dialect: "cups128", Listen: free(t), Count: 2}
	if c.link == "soap" { // no place for bytes
		door.Dialect = "corejson"
	}
	web := c.link == "http" || c.link == "soap"
	b := &branch{sick: newSick(t, door.Listen, web, false), said: map[string]map[string]int{"core": {}, "sick": {}}, money: map[string]int64{}}
	spec := link.Spec{Kind: c.link, Address: b.sick.ln.Addr().String(), Count: 2}
	switch {
	case c.link == "group":
		spec.Listen = free(t)
		door.Address = spec.Listen
	case c.link == "async":
		spec.Listen = free(t)
		b.back = newSick(t, spec.Listen, false, true)
		door.Address = b.back.ln.Addr().String()
	case web:
		spec.Address = "http://" + spec.Address + "/"
	case c.link == "kafka":
		k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "sick.q", "sick.a"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
		door.Address, door.Request, door.Answer = k.ListenAddrs()[0], "sick.q", "sick.a"
		spec = link.Spec{Kind: "kafka", Address: door.Address, Request: door.Request, Answer: door.Answer}
	}
	if c.fault == "gone" {
		spec.Idle = 2 * time.Second
	}
	r := &rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "sick", dialect: door.Dialect, link: spec,
		limits: host.Limits{InFlight: 24, Queue: 24, Wait: 100 * time.Millisecond, BreakAfter: 8, Slow: 2 * time.Second, Rest: 200 * time.Millisecond}}},
		rules: []route.Rule{{BINs: []string{sickCard}, To: []route.Target{{Host: "sick"}}}},
		opt:   trade.Options{HostTimeout: 5 * time.Second}}
	switch c.beside {
	case "database":
		r.slow = 30 * time.Millisecond
	case "module":
		r.wrap = func(h hsm.HSM) hsm.HSM { return sluggish{h, 10 * time.Millisecond} }
	case "clock":
		r.opt.Now = func() time.Time { return time.Now().Add(time.Duration(b.step.Load())) }
	}
	b.rig = newRigOf(r)
	until(t, "the sick host's link", b.more[0].host.Up)
	for i := range 8 {
		b.terms = append(b.terms, b.terminal(fmt.Sprintf("%08d", i+1), trade.Zone3DES))
	}
	return b
}

// sluggish is a security module that takes its time.
type sluggish struct {
	hsm.HSM
	each time.Duration
}

func (s sluggish) TranslatePIN(from, to hsm.Ref, block, pan []byte) ([]byte, error) {
	time.Sleep(s.each)
	return s.HSM.TranslatePIN(from, to, block, pan)
}

func (s sluggish) AppendMAC(dst []byte, key hsm.Ref, data []byte) ([]byte, error) {
	time.Sleep(s.each)
	return s.HSM.AppendMAC(dst, key, data)
}

// falls lets the host fall sick, or be well again.
func (b *branch) falls(fault string) {
	switch {
	case b.more[0].link.Kind != "kafka":
		b.sick.set(fault)
		if b.back != nil {
			b.back.set(fault)
		}
		if fault == "refuse" {
			b.cut()
		}
	case fault == "well":
		b.bank.Disarm()
	default:
		b.bank.Arm(bankhost.Scenario{Kind: fault, Card: sickCard, MS: 15_000})
	}
}

func (b *branch) cut() {
	b.sick.cut()
	if b.back != nil {
		b.back.cut()
	}
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
	rows := []sickness{{"group", "one link", ""}, {"long", "gone", ""}, {"kafka", "noAnswer", ""}, {"kafka", "late", ""},
		{"long", "silence", "database"}, {"long", "silence", "module"}, {"long", "silence", "clock"}, {"long", "silence", "cut-over"}}
	for _, fault := range []string{"delay", "silence", "reset", "refuse", "half open", "stops reading", "dribble", "endless dribble", "garbage", "bad MAC", "twice", "reorder", "one link"} {
		rows = append(rows, sickness{"long", fault, ""})
	}
	for kind, faults := range map[string][]string{"http": {"silence", "reset", "half open", "stops reading", "endless dribble", "garbage"}, "short": {"silence", "half open", "endless dribble", "garbage"}, "async": {"reset", "half open", "garbage"}} {
		for _, fault := range faults {
			rows = append(rows, sickness{kind, fault, ""})
		}
	}
	rows = append(rows, sickness{"soap", "silence", ""}, sickness{"soap", "garbage", ""})
	var wg sync.WaitGroup
	next := make(chan sickness)
	for range 4 { // they wait more than they work
		wg.Go(func() {
			for c := range next {
				t.Run(strings.TrimSuffix(c.link+"/"+c.fault+"/"+c.beside, "/"), func(t *testing.T) { misbehave(t, c) })
			}
		})
	}
	for _, c := range rows {
		next <- c
	}
	close(next)
	wg.Wait()
}

func misbehave(t *testing.T, c sickness) {
	fault := c.link + "/" + c.fault + "/" + c.beside
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels("fault", fault))) // of all that this one begins
	b := newBranch(t, c)
	b.sick.delay.Store(int64(15 * time.Second)) // longer than a transaction may last
	b.arrive(25)
	b.wg.Wait()
	before := working(t, fault)
	if len(before) < 5 {
		t.Fatalf("the rig's goroutines are not found: %v", before)
	}
	b.falls(c.fault)
	if c.beside != "" {
		b.arrive(50)
		switch c.beside {
		case "clock":
			b.step.Store(int64(-time.Hour))
		case "cut-over":
			tomorrow := time.Now().Add(24 * time.Hour).In(time.FixedZone("", 8*3600)).Format("0102")
			if n := b.bank.CutOver(tomorrow); n != 1 {
				t.Fatal("nobody was told of the day")
			}
		}
		b.arrive(150)
		b.step.Store(int64(24 * time.Hour))
	} else {
		b.arrive(200)
	}
	if h := b.more[0].host.Stats(); h.InFlight > h.Limit {
		t.Errorf("%d requests under way, the limit is %d", h.InFlight, h.Limit)
	}
	b.falls("well")
	if c.fault == "half open" || c.fault == "stops reading" {
		b.cut() // the network notices in the end
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
		t.Errorf("the healthy host: %v %+v", b.said["core"], b.eng.Hosts()[0])
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
		if more = grown(before, working(t, fault)); more["zhigui/server/internal/trade_test.(*sick).pump"] > 0 && b.sick.raw {
			delete(more, "zhigui/server/internal/trade_test.(*sick).pump") // connections at rest, for the next requests
		}
		if len(more) == 0 || t.Failed() {
			break
		}
		if time.Now().After(end) {
			t.Errorf("the fault has left behind: %v", more)
			break
		}
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
