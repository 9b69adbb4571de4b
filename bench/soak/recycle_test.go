package soak

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/itlnv200"
	"zhigui/sim/device"
	"zhigui/sim/device/itlssp"
)

// recycles does n rounds on one recycler: a deposit into its store, then a payout of some of it, with
// everything going wrong that can. What a payout claims is what came out; the levels that the driver
// reports afterwards are the device's; no note appears or disappears.
func recycles(t *testing.T, n int, seed uint64) {
	sim := device.MustStart(t, device.Config{Model: "itlssp", Acceptor: &itlssp.Config{StackMs: 20, ReadMs: 10, PayMs: 10, CashboxCapacity: 100000, StoreCapacity: 100000,
		Payout: true, Store: map[int]int{100: 2 * batch, 50: 50, 20: 50}}})
	r := conformance.Start(t, itlnv200.Model, sim.Port(), map[string]any{"payout": true, "pollMs": 30, "workPollMs": 5, "replyMs": 100, "settleMs": 150, "stackMs": 3000, "resetMs": 3000, "perNoteMs": 400, "levelsMs": 50})
	go func() {
		for {
			select {
			case <-r.Recoveries:
			case <-t.Context().Done():
				return
			}
		}
	}()
	c := &chaos{t, sim, r, rand.New(rand.NewPCG(seed, 3))}
	stop := c.customer()
	defer stop()
	sure, unsure, full := 0, 0, 0
	for i := range n {
		before := c.heldAndOut()
		var story []string
		if s, _ := r.Do(cash.CmdCashInStart, cash.CashInStart{UseRecycleUnits: true, High: map[string]int{"type20CNY1": 51}}); s.Outcome == api.Done {
			for range 1 + c.rnd.IntN(2) {
				story = append(story, c.arm())
				c.deposit([]int{100, 50, 20}[c.rnd.IntN(3)])
			}
			r.Do(cash.CmdCashInEnd, nil)
		}
		c.heal()
		mid := c.heldAndOut()
		story = append(story, c.armPay())
		cmd := r.Command(cash.CmdDispense, cash.Dispense{Counts: map[string]int{"unit100CNY1": 1 + c.rnd.IntN(2), "unit20CNY1": c.rnd.IntN(2)}})
		ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
		done := r.Device.Execute(ctx, cmd, nil)
		cancel()
		c.heal()
		if done.Outcome == api.Indeterminate {
			if rec, err := r.Device.QueryOp(t.Context(), cmd.Op); err == nil && rec.Completion != nil {
				done = *rec.Completion
			}
		}
		after := c.heldAndOut()
		came := after.out - mid.out
		claimed, certain := value(t, done)
		if done.Outcome == api.Done {
			full++
		}
		switch {
		case mid.held+mid.out-mid.put != before.held+before.out-before.put, after.held+after.out-after.put != before.held+before.out-before.put:
			t.Fatalf("%d %q: notes appeared or disappeared: %+v, %+v, %+v", i, story, before, mid, after)
		case done.Outcome == api.NotStarted && came != 0:
			t.Fatalf("%d %q: not started, but %d came out: %+v", i, story, came, done)
		case certain && claimed != came, claimed > came:
			t.Fatalf("%d %q: it claims %d, %d came out: %+v %s\n%+v", i, story, claimed, came, done, done.Payload, view(sim))
		case !certain:
			unsure++
		default:
			sure++
		}
		if again := r.Device.Execute(t.Context(), cmd, nil); c.heldAndOut().out != after.out && came > 0 { // I2, I6
			t.Fatalf("%d %q: the same payout again moved notes: %+v", i, story, again)
		}
		c.heal()
		c.sameLevels(i, story)
	}
	if unsure > 1+n/20 {
		t.Errorf("%d of %d payouts stay unclear", unsure, n)
	}
	t.Logf("%d payouts certain, %d for a person, %d paid in full", sure, unsure, full)
	if n >= 50 && full < n/2 {
		t.Error("too little went well")
	}
}

// money is where it is, in yuan: inside, paid out to customers, and put in by them.
type money struct{ held, out, put int }

func (c *chaos) heldAndOut() (m money) {
	for _, n := range view(c.sim).Notes {
		switch n.Place {
		case itlssp.Customer:
			if n.PaidOut {
				m.out += n.Value
			}
		case itlssp.Bezel:
			m.out += n.Value
		case itlssp.Cashbox, itlssp.Store, itlssp.Paying:
			m.held += n.Value
		}
		if n.Inserted && n.Place != itlssp.Mouth && (n.Place != itlssp.Customer || n.PaidOut) {
			m.put += n.Value
		}
	}
	return m
}

// customer takes each note that sticks out, until it is stopped; now and then none for a while.
func (c *chaos) customer() (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		t := time.NewTicker(10 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				_, _ = c.sim.Do("takeNotes", nil)
			}
		}
	}()
	return func() { cancel(); <-gone }
}

// armPay makes the payout go wrong, or not.
func (c *chaos) armPay() string {
	stage := []device.Stage{device.BeforeMotion, device.MidMotion, device.AfterMotion}[c.rnd.IntN(3)]
	fault := func(code, cmd string, s device.Stage, times int) string {
		if err := c.sim.ArmFault(device.FaultSpec{Code: code, Command: cmd, Stage: s, Times: times, After: -1}); err != nil {
			c.t.Fatal(err)
		}
		return code + " " + cmd + " " + string(s)
	}
	switch c.rnd.IntN(8) {
	case 0:
		return fault(device.FaultPower, "pay", stage, 1)
	case 1:
		return fault([]string{"B1", "D5", "D9"}[c.rnd.IntN(3)], "pay", stage, 1)
	case 2:
		return fault(device.FaultNone, []string{"46", "07", "22", "58"}[c.rnd.IntN(4)], device.ReplyLost, 1+c.rnd.IntN(5))
	case 3, 4:
		return c.arm()
	}
	return "nothing"
}

// value is what a payout says that the customer could reach, in yuan.
func value(t *testing.T, c api.Completion) (sum int, certain bool) {
	t.Helper()
	var m cash.Moved
	if len(c.Payload) > 0 {
		if err := json.Unmarshal(c.Payload, &m); err != nil {
			t.Fatal(err)
		}
	}
	for id, u := range m.Units {
		sum += u.Presented * map[string]int{"unit100CNY1": 100, "unit50CNY1": 50, "unit20CNY1": 20}[id]
	}
	return sum, c.Outcome != api.Indeterminate && !m.Unknown
}

// sameLevels waits until the driver's levels are the device's.
func (c *chaos) sameLevels(i int, story []string) {
	c.t.Helper()
	for end := time.Now().Add(conformance.Patience); ; time.Sleep(5 * time.Millisecond) {
		var all struct{ CashAcceptor cash.AcceptorStatus }
		s, err := c.r.Device.Status(c.t.Context())
		if err != nil { // a late kill
			c.heal()
		}
		if err == nil && json.Unmarshal(s.Classes, &all) == nil && all.CashAcceptor.Levels != nil {
			v, same := view(c.sim).Levels, true
			for unit, value := range map[string]int{"unit100CNY1": 100, "unit50CNY1": 50, "unit20CNY1": 20} {
				same = same && all.CashAcceptor.Levels[unit] == v[value]
			}
			if same {
				return
			}
		}
		if time.Now().After(end) {
			c.t.Fatalf("%d %q: the driver says %v, the device holds %v", i, story, all.CashAcceptor.Levels, view(c.sim).Levels)
		}
	}
}
