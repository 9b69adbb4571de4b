package trade_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
	simhsm "zhigui/sim/hsm"
)

// A security module that takes its time, for every second command many times as long: customers wait, and nobody is
// refused or charged for nothing.
func TestASlowModuleIsWaitedForAndNothingIsLost(t *testing.T) {
	r, d := deviceRig(t, true)
	var terms []*term
	for i := range 4 {
		terms = append(terms, r.terminal("0000000"+string(rune('1'+i)), []string{trade.Zone3DES, trade.ZoneSM4}[i%2]))
	}
	before := r.balance(card5)
	if err := d.Arm(simhsm.Fault{Kind: "slow", MS: 120, Percent: 50}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var drawn atomic.Int64
	for _, x := range terms {
		wg.Go(func() {
			for range 3 {
				q, a := x.withdraw(card5, 100)
				if a.String(39) != "00" {
					t.Errorf("told %s", a.String(39))
					return
				}
				drawn.Add(100)
				if a := x.do(x.about("0220", q, 100), true); a.String(39) != "00" {
					t.Errorf("confirmation: %s", a.String(39))
				}
			}
		})
	}
	wg.Wait()
	if got := before - r.balance(card5); got != drawn.Load() || got != 1200 || r.eng.Stats().Unknown != 0 {
		t.Errorf("booked %d, drawn %d, %+v", got, drawn.Load(), r.eng.Stats())
	}
	if v := r.bank.Check(); !v.OK {
		t.Error(v)
	}
}

// The host changes its day while its answers get lost: what is in doubt is taken back, each day's book agrees
// with ours, and nothing is left over between the days.
func TestACutOverInTheMidstOfAFaultLeavesNothingBetweenTheDays(t *testing.T) {
	r := newRig(t, false, trade.Options{HostTimeout: 2 * time.Second})
	x, y := r.terminal("00000001", trade.Zone3DES), r.terminal("00000002", trade.Zone3DES)
	today := r.host.Day(time.Now())
	q, a := x.withdraw(card1, 10_000)
	if a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	x.do(x.about("0220", q, 10_000), true)
	r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
	doubt := make(chan string, 1)
	go func() {
		_, a := y.withdraw(card5, 20_000)
		doubt <- a.String(39)
	}()
	until(t, "the bank has booked what it does not answer", func() bool { return r.balance(card5) == 2_000_000-20_000 })
	tomorrow := time.Now().Add(24 * time.Hour).In(time.FixedZone("", 8*3600)).Format("20060102")
	if n := r.bank.CutOver(tomorrow[4:]); n != 1 {
		t.Fatal("nobody was told")
	}
	until(t, "the new day", func() bool { return r.host.Day(time.Now()) == tomorrow })
	if rc := <-doubt; rc != "98" {
		t.Errorf("told %s", rc)
	}
	q, a = x.withdraw(card1, 30_000)
	if a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	x.do(x.about("0220", q, 30_000), true)
	until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	if r.balance(card1) != 2_000_000-40_000 || r.balance(card5) != 2_000_000 {
		t.Errorf("booked %d and %d", 2_000_000-r.balance(card1), 2_000_000-r.balance(card5))
	}
	if v := r.bank.Check(); !v.OK {
		t.Error(v)
	}
	b := &recon.Books{Store: r.st, Products: product.Builtin(), Now: time.Now}
	for day, sum := range map[string]int64{today: 10_000, tomorrow: 30_000} {
		if run, diffs := r.compare(b, "core", day); run.OurAmount != sum || run.TheirAmount != sum || len(diffs) != 0 {
			t.Errorf("%s: %+v %v", day, run, classes(diffs))
		}
	}
	if ts, _, err := r.st.Search(t.Context(), store.Search{Terminal: "00000002", Limit: 5}); err != nil || len(ts) != 1 || ts[0].State != store.Reversed {
		t.Errorf("%v %+v", err, ts)
	}
}
