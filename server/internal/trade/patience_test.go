package trade_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"zhigui/server/api/message/format"
	"zhigui/server/internal/link"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// ears note what the bank is told of the time left.
type ears struct {
	mu   sync.Mutex
	said []string // mti header field
}

// hear is not for the link's own messages (08xx): an echo comes when it likes.
func (e *ears) hear(mti, header, field string) {
	if strings.HasPrefix(mti, "08") {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, mti+" "+header+" "+field)
}

func (e *ears) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	said := e.said
	e.said = nil
	return said
}

// placed is a dialect of the platform with a place for the time left, as a bank's own file gives it one.
func placed(t testing.TB, name string) *format.Dialect {
	t.Helper()
	text, err := format.BuiltinText(name)
	if err != nil {
		t.Fatal(err)
	}
	switch row := "  - {name: timeLeft, canon: timeLeft, "; name {
	case "corefixed":
		text = strings.Replace(text, "  - name: lines\n", row+"type: n, len: 6, exact: true}\n  - name: lines\n", 1)
	case "coredelimited":
		text = strings.Replace(text, "  - name: lines\n", row+"type: n, max: 6}\n  - name: lines\n", 1)
	case "bank128":
		text += "timeLeft: {field: 63, tag: WAIT}\n"
	}
	d, err := format.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The sender's time goes through the switch to the bank by every carrier and format: a request that came too
// late is refused and nothing has happened, the bank is told less than came in, and what takes money back
// is carried out however late it is.
func TestTheTimeLeftTravelsOnEveryHopAndALateRequestIsNotSent(t *testing.T) {
	for _, c := range []struct {
		kind, dialect string
		header        bool // else in a field
	}{
		{"http", "corejson", true}, {"http", "corejson", false}, {"soap", "corexml", true}, {"soap", "corexml", false}, {"kafka", "corejson", true}, {"kafka", "corejson", false},
		{"short", "corefixed", false}, {"short", "coredelimited", false}, {"short", "bank128", false}, {"long", "bank128", false},
	} {
		way := "field"
		if c.header {
			way = "header"
		}
		t.Run(c.kind+"+"+c.dialect+", "+way, func(t *testing.T) {
			d := placed(t, c.dialect)
			door := bankhost.Door{Kind: c.kind, Format: d, Listen: free(t)}
			spec, in := link.Spec{Kind: c.kind, Address: door.Listen}, link.Spec{Kind: c.kind, Listen: free(t)}
			switch c.kind {
			case "http", "soap":
				spec.Address, in.Listen = "http://"+door.Listen+"/", in.Listen+"/pay"
			case "kafka":
				kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "q", "a", "bank.q", "bank.a"))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(kafka.Close)
				broker := kafka.ListenAddrs()[0]
				door.Address, door.Request, door.Answer = broker, "bank.q", "bank.a"
				spec, in = link.Spec{Kind: "kafka", Address: broker, Request: "bank.q", Answer: "bank.a"}, link.Spec{Kind: "kafka", Address: broker, Request: "q", Answer: "a"}
			}
			var e ears
			r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, heard: e.hear, more: []hostOf{{name: "other", dialect: c.dialect, format: d, link: spec}},
				rules: []route.Rule{{Channels: []string{"partner"}, To: []route.Target{{Host: "other"}}}}, opt: trade.Options{HostTimeout: 20 * time.Second}})
			p := r.addPartnerOf(in, d, nil)
			until(t, "the link", r.more[0].host.Up)
			ask := func(q *format.Transaction, left string) string {
				t.Helper()
				p.beside.left = ""
				delete(q.Values, "timeLeft")
				if c.header {
					p.beside.left = left
				} else if left != "" {
					if c.dialect == "corefixed" {
						left = strings.Repeat("0", 6-len(left)) + left
					}
					q.Values["timeLeft"] = left
				}
				a, err := p.exchange(q)
				if err != nil {
					t.Fatal(err)
				}
				return a.Values["response"]
			}
			e.take()
			// Without it, as ever: the bank is told the switch's own time.
			if rc := ask(p.asks("0200", "000000", card1, 1000), ""); rc != "00" {
				t.Fatal(rc)
			}
			told := func(most int) {
				t.Helper()
				said := e.take()
				if len(said) != 1 {
					t.Fatalf("the bank was asked %q", said)
				}
				f := strings.Split(said[0], " ")
				for i, v := range f[1:] {
					if v == "" && i == 0 && (c.kind == "short" || c.kind == "long") { // they have no headers
						continue
					}
					if n, err := strconv.Atoi(v); err != nil || n <= 0 || n >= most {
						t.Errorf("the bank heard %q, want more than 0 and less than %d", said[0], most)
					}
				}
			}
			told(20_001)
			first := p.asks("0200", "000000", card1, 2000)
			if rc := ask(first, "6000"); rc != "00" {
				t.Fatal(rc)
			}
			told(6000)
			late := p.asks("0200", "000000", card1, 4000)
			if rc := ask(late, "0"); rc != "A2" {
				t.Errorf("too late: %s", rc)
			}
			if rc := ask(p.asks("0200", "310000", card1, 0), "0"); rc != "A2" {
				t.Errorf("an inquiry too late: %s", rc)
			}
			cannot := []string{"999999"}
			switch {
			case c.header || c.dialect == "corejson" || c.dialect == "corexml":
				cannot = append(cannot, "-5", "1e9", "9999999999")
			case c.dialect == "bank128":
				cannot = nil // its own packer writes none such; a terminal's test below does
			}
			for _, left := range cannot {
				if rc := ask(p.asks("0200", "000000", card1, 8000), left); rc != "30" {
					t.Errorf("%q: %s", left, rc)
				}
			}
			if c.kind == "kafka" && c.header { // it lay in the broker for longer than its sender waits
				p.beside.at = time.Now().Add(-7 * time.Second)
				if rc := ask(p.asks("0200", "000000", card1, 8000), "6000"); rc != "A2" {
					t.Errorf("a record of before: %s", rc)
				}
				p.beside.at = time.Now().Add(time.Hour) // a clock that is ahead lengthens nothing
				e.take()
				if rc := ask(p.asks("0200", "000000", card1, 100), "6000"); rc != "00" {
					t.Errorf("a record of tomorrow: %s", rc)
				}
				told(6000)
				p.beside.at = time.Time{}
			}
			e.take()
			if rc := ask(late, ""); rc != "00" { // refused, it left nothing behind: the same number may be used
				t.Errorf("the same again, in time: %s", rc)
			}
			if rc := ask(first, "0"); rc != "00" || len(e.take()) != 1 {
				t.Errorf("a late repeat got %s; it has been approved", rc)
			}
			back := p.asks("0400", "000000", card1, 2000)
			delete(back.Values, "pinBlock")
			delete(back.Values, "track2")
			back.Values["stan"], back.Values["original"] = first.Values["stan"], fmt.Sprintf("001122%s1122", first.Values["stan"])
			if c.dialect == "bank128" {
				delete(back.Values, "original")
			} else if rc := ask(back, "0"); rc != "00" {
				t.Errorf("a reversal too late: %s", rc)
			} else {
				until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
				for _, said := range e.take() {
					if said != "0420  " {
						t.Errorf("the bank heard %q with a reversal", said)
					}
				}
				if x, err := r.st.ByOriginal(t.Context(), p.terminal, "001122", first.Values["stan"]); err != nil || x.State != store.Reversed {
					t.Errorf("%+v %v", x, err)
				}
			}
			if v := r.bank.Check(); !v.OK {
				t.Error(v.Problems)
			}
			txns, n, err := r.st.Search(t.Context(), store.Search{Terminal: p.terminal, Limit: 20})
			want := 3
			if c.kind == "kafka" && c.header {
				want++
			}
			if err != nil || n != want {
				t.Errorf("the journal has %d, want %d: %+v %v", n, want, txns, err)
			}
			if s := r.eng.Stats(); s.Late < 2 {
				t.Errorf("counted %d", s.Late)
			}
		})
	}
}

// A terminal's time stands in its own field; reversal and confirmation are carried out with none left.
func TestATerminalsTimeLeftBoundsTheSwitchButNotItsReversal(t *testing.T) {
	r := newRig(t, false, trade.Options{HostTimeout: 10 * time.Second})
	x := r.terminal("00000001", trade.Zone3DES)
	said := func(proc string, amount int64, left time.Duration) string {
		q := x.request(proc, card1, "123456", amount)
		q.SetTimeLeft(left)
		return x.do(q, true).String(39)
	}
	before := r.balance(card1)
	if rc := said("010000", 10_000, 0); rc != "A2" {
		t.Errorf("too late: %s", rc)
	}
	for _, f63 := range []string{"TL", "TL-00005", "TL999999", "TL00000x"} {
		q := x.request("010000", card1, "123456", 10_000)
		_ = q.SetString(63, f63)
		if rc := x.do(q, true).String(39); rc != "30" {
			t.Errorf("F63 %q: %s", f63, rc)
		}
	}
	if _, n, err := r.st.Search(t.Context(), store.Search{Limit: 9}); n != 0 || err != nil || r.balance(card1) != before {
		t.Errorf("refused, and %d are in the journal (%v)", n, err)
	}
	q := x.request("010000", card1, "123456", 10_000)
	if rc := x.do(q, true).String(39); rc != "00" {
		t.Fatal(rc)
	}
	_ = q.SetString(63, "TLx") // a repeat is a repeat, whatever has become of its time
	if rc := x.do(q, true).String(39); rc != "00" {
		t.Errorf("the repeat of an approved one, with a time that cannot be: %s", rc)
	}
	if rc := x.do(x.about("0400", q, 10_000), true).String(39); rc != "00" {
		t.Error(rc)
	}
	until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	began := time.Now()
	if rc := said("010000", 10_011, 800*time.Millisecond); rc != "98" { // the host is silent
		t.Error(rc)
	}
	if took := time.Since(began); took >= 10*time.Second { // far from either
		t.Errorf("waited %s for a sender that waits 800 ms", took)
	}
	until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	q, a := x.withdraw(card1, 10_000)
	if a.String(39) != "00" {
		t.Fatal(a.String(39))
	}
	back := x.about("0400", q, 10_000)
	back.SetTimeLeft(0)
	if rc := x.do(back, true).String(39); rc != "00" {
		t.Errorf("a reversal with no time left: %s", rc)
	}
	q, _ = x.withdraw(card1, 20_000)
	done := x.about("0220", q, 20_000)
	_ = done.SetString(63, "TLgarbage")
	if rc := x.do(done, true).String(39); rc != "00" {
		t.Errorf("a confirmation with a time that cannot be: %s", rc)
	}
	until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	if got := before - r.balance(card1); got != 20_000 {
		t.Errorf("booked %d", got)
	}
}

// A request that waits here for its turn is refused when its sender waits no more, and the host never hears of it.
func TestARequestIsNotSentWhenItsTimeIsOverInTheQueue(t *testing.T) {
	r := newRigOf(&rig{t: t, dir: t.TempDir(), opt: trade.Options{HostTimeout: 2 * time.Second}})
	r.slow = 400 * time.Millisecond // of a commit
	r.stop()
	r.start()
	x := r.terminal("00000001", trade.Zone3DES)
	if _, a := x.withdraw(card2, 100); a.String(39) != "00" { // so that trace numbers are at hand
		t.Fatal(a.String(39))
	}
	q := x.request("010000", card1, "123456", 10_000)
	q.SetTimeLeft(150 * time.Millisecond)
	if rc := x.do(q, true).String(39); rc != "A2" {
		t.Error(rc)
	}
	if at := r.txn(x, q); at.State != store.NotSent || r.balance(card1) != 2_000_000 {
		t.Errorf("%+v", at)
	}
}
