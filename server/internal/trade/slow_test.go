package trade_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

func TestASlowDatabaseIsWaitedForAndNothingIsLost(t *testing.T) {
	r := newRigOf(&rig{t: t, dir: t.TempDir(), slow: 60 * time.Millisecond, opt: trade.Options{HostTimeout: 5 * time.Second}})
	var wg sync.WaitGroup
	var drawn atomic.Int64
	for i := range 6 {
		x := r.terminal("0000000"+string(rune('1'+i)), trade.Zone3DES)
		wg.Go(func() {
			for range 4 {
				q, a := x.withdraw(card5, 100)
				if a.String(39) != "00" {
					t.Errorf("told %s", a.String(39))
					return
				}
				drawn.Add(100)
				x.do(x.about("0220", q, 100), true)
			}
		})
	}
	wg.Wait()
	if got := 2_000_000 - r.balance(card5); got != drawn.Load() || got != 2400 || r.eng.Stats().Unknown != 0 {
		t.Errorf("booked %d, drawn %d, %+v", got, drawn.Load(), r.eng.Stats())
	}
}

// The clock goes back an hour, and forward a day, in the middle of the traffic: numbers rise all the
// same, nothing is taken for a repeat, and a reversal that is due is sent.
// req: SN-03
func TestAStepOfTheClockChangesNothingForMoney(t *testing.T) {
	var step atomic.Int64
	r := newRig(t, false, trade.Options{Now: func() time.Time { return time.Now().Add(time.Duration(step.Load())) }})
	x := r.terminal("00000001", trade.Zone3DES)
	var last int64
	drawn := int64(0)
	for _, s := range []time.Duration{0, -time.Hour, 24 * time.Hour, -48 * time.Hour, 0} {
		step.Store(int64(s))
		q, a := x.withdraw(card1, 10_000)
		if a.String(39) != "00" {
			t.Fatalf("after a step of %s: %s", s, a.String(39))
		}
		drawn += 10_000
		if id := r.txn(x, q).ID; id <= last {
			t.Errorf("after a step of %s the number %d follows %d", s, id, last)
		} else {
			last = id
		}
		r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
		q, _ = x.withdraw(card1, 20_000)
		until(t, "the reversal after a step of "+s.String(), func() bool { return r.txn(x, q).State == store.Reversed })
	}
	if got := 2_000_000 - r.balance(card1); got != drawn {
		t.Errorf("booked %d, drawn %d", got, drawn)
	}
}
