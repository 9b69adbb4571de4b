package soak

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/host"
	"zhigui/drivers/models/puloonlcdm2000"
	"zhigui/drivers/models/puloonlcdm4000"
	"zhigui/drivers/sdk"
	"zhigui/sim/device"
	"zhigui/sim/device/lcdm2000"
	"zhigui/sim/device/lcdm4000"
)

// notes is where the notes of a virtual dispenser are.
type notes struct {
	paid  int // at the exit or taken: the customer could reach them
	exit  int
	path  int
	there int // everywhere
	load  int // were ever put in
}

// make is what differs between two makes of dispenser.
type maker struct {
	model    sdk.Model
	faults   []string // maker's numbers of jams
	commands string
	start    func(t *testing.T) *device.Sim
	count    func(*device.Sim) notes
}

var makers = []maker{
	{puloonlcdm2000.Model, []string{"33", "35"}, "45,55,56", func(t *testing.T) *device.Sim {
		return device.MustStart(t, device.Config{Model: "lcdm2000", Dispenser: &lcdm2000.Config{NoteMs: 3,
			Upper: lcdm2000.CassetteConfig{Count: 2000, Value: 100}, Lower: lcdm2000.CassetteConfig{Count: 2000, Value: 50}}})
	}, func(s *device.Sim) (n notes) {
		v := s.Physical().(lcdm2000.View)
		for _, b := range v.Path {
			n.path += b.N
		}
		for _, b := range v.Exit {
			n.exit += b.N
		}
		for _, u := range v.Units {
			n.paid += u.Taken
			n.there += u.Count + u.Taken + u.Rejected + u.Removed
			n.load += u.Loaded
		}
		n.paid += n.exit
		n.there += n.exit + n.path
		return n
	}},
	{puloonlcdm4000.Model, []string{"02", "04"}, "52", func(t *testing.T) *device.Sim {
		box := func(value int) lcdm4000.BoxConfig { return lcdm4000.BoxConfig{Count: 2000, Value: value} }
		return device.MustStart(t, device.Config{Model: "lcdm4000", Cash4: &lcdm4000.Config{NoteMs: 3, Boxes: []lcdm4000.BoxConfig{box(100), box(50), box(20), box(10)}}})
	}, func(s *device.Sim) (n notes) {
		v := s.Physical().(lcdm4000.View)
		for _, k := range v.Path {
			n.path += k
		}
		for _, k := range v.Exit {
			n.exit += k
		}
		for _, u := range v.Units {
			n.paid += u.Taken
			n.there += u.Count + u.Taken + u.Rejected + u.Removed
			n.load += u.Loaded
		}
		n.paid += n.exit
		n.there += n.exit + n.path
		return n
	}},
}

// till is a dispenser under its driver with everything going wrong that can.
type till struct {
	maker
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
	rnd *rand.Rand
	// recovered is what the drivers' recoveries said about operations.
	recovered map[api.OpID]api.OpRecord
}

// arm makes the next dispense go wrong, or not.
func (c *till) arm() string {
	fault := func(code string, s device.Stage) {
		if err := c.sim.ArmFault(device.FaultSpec{Code: code, Command: c.commands, Stage: s, Times: 1, After: -1}); err != nil {
			c.t.Fatal(err)
		}
	}
	stage := []device.Stage{device.BeforeMotion, device.MidMotion, device.AfterMotion}[c.rnd.IntN(3)]
	after := time.Duration(c.rnd.IntN(40)) * time.Millisecond
	switch c.rnd.IntN(20) {
	case 0:
		fault(device.FaultPower, stage)
		return "power " + string(stage)
	case 1:
		fault(device.FaultNone, device.ReplyLost)
		return "reply lost"
	case 2:
		code := c.faults[c.rnd.IntN(len(c.faults))]
		fault(code, stage)
		return "jam " + code + " " + string(stage)
	case 3:
		kind := []device.LineFault{device.DropByte, device.BadChecksum, device.Silence, device.Garbage, device.Nak, device.LostAck}[c.rnd.IntN(6)]
		if err := c.sim.ArmLine(kind, 1+c.rnd.IntN(2)); err != nil {
			c.t.Fatal(err)
		}
		return string(kind)
	case 4:
		go func() {
			time.Sleep(after)
			_, _ = c.sim.Do("portVanish", nil)
		}()
		return "port vanishes"
	case 5, 6:
		pid, sig := c.r.Device.PID(), syscall.SIGKILL
		if c.rnd.IntN(3) == 0 {
			sig = syscall.SIGSTOP
		}
		go func() {
			time.Sleep(after)
			if pid > 1 && c.r.Device.PID() == pid {
				_ = syscall.Kill(pid, sig)
			}
		}()
		return sig.String()
	}
	return "nothing"
}

// take takes the notes of a dispense that went well; false if a late fault is in the way.
func (c *till) take() bool {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		_, _ = c.sim.Do("takeCash", nil)
		s, err := c.r.Device.Status(c.t.Context())
		if err != nil {
			return false
		}
		var all struct{ CashDispenser cash.Status }
		if json.Unmarshal(s.Classes, &all) != nil || c.count(c.sim).exit > 0 {
			continue
		}
		if p := all.CashDispenser.Positions; len(p) > 0 && p[0].PositionStatus == "empty" {
			return true // the driver has noticed
		}
	}
	return false
}

// heal repairs what is broken as an operator would: no note is left inside or at the exit.
func (c *till) heal() {
	c.t.Helper()
	c.sim.ClearFaults()
	c.sim.PowerRestore()
	for end := time.Now().Add(conformance.Patience); ; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("it does not come back: %+v", c.count(c.sim))
		}
		_, _ = c.sim.Do("portReturn", nil)
		_, _ = c.sim.Do("takeCash", nil)
		rec, err := c.r.Device.Recover(c.t.Context())
		if err != nil {
			if s, _ := c.r.Device.State(); s == host.StateFailed || s == host.StateBackoff {
				_ = c.r.Device.Rearm(c.t.Context()) // more kills than a host puts up with
			}
			continue
		}
		c.note(rec)
		n := c.count(c.sim)
		if n.path > 0 {
			c.r.Do(cash.CmdReset, nil)
			continue
		}
		if n.exit == 0 {
			return
		}
	}
}

func (c *till) note(rec api.Recovery) {
	for _, o := range rec.Ops {
		c.recovered[o.Op] = o
	}
}

// withdrawals does n dispenses on one device. What a completion claims is what left the
// device; the same operation sent again moves nothing; no note appears or disappears.
func withdrawals(t *testing.T, m maker, n int, seed uint64) {
	sim := m.start(t)
	r := conformance.Start(t, m.model, sim.Port(), map[string]any{"replyMs": 3000, "quietMs": 600, "perNoteMs": 20, "probeMs": 300, "statusMs": 300, "recoverListenMs": 500, "pollMs": 50, "heldPollMs": 20})
	c := &till{maker: m, t: t, sim: sim, r: r, rnd: rand.New(rand.NewPCG(seed, 2)), recovered: map[api.OpID]api.OpRecord{}}
	ended := map[api.Outcome]int{}
	unknown := 0
	for i := range n {
		dispenses.Add(1)
		before := m.count(sim)
		story := c.arm()
		cmd := r.Command(cash.CmdDispense, cash.Dispense{Counts: map[string]int{"unit1": 1 + c.rnd.IntN(3), "unit2": c.rnd.IntN(3)}})
		ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
		done := r.Device.Execute(ctx, cmd, nil)
		cancel()
		for len(r.Recoveries) > 0 {
			c.note(<-r.Recoveries)
		}
		if done.Outcome != api.Done || story != "nothing" || !c.take() {
			c.heal()
		}
		if done.Outcome == api.Indeterminate { // what the device proves afterwards
			if rec, err := r.Device.QueryOp(t.Context(), cmd.Op); err == nil && rec.Completion != nil {
				done = *rec.Completion
			}
		}
		ended[done.Outcome]++
		after := m.count(sim)
		left := after.paid - before.paid
		claimed, sure := claim(t, done)
		switch {
		case after.there != after.load:
			t.Fatalf("%d %s: %d notes are there, %d were put in", i, story, after.there, after.load)
		case done.Outcome == api.NotStarted && left != 0:
			t.Fatalf("%d %s: not started, but %d notes left: %+v", i, story, left, done)
		case sure && claimed != left, claimed > left:
			t.Fatalf("%d %s: it claims %d notes, %d left: %+v %s", i, story, claimed, left, done, done.Payload)
		case !sure:
			unknown++
		}
		if c.rnd.IntN(4) == 0 { // I2, I6
			again := r.Device.Execute(t.Context(), cmd, nil)
			switch now := m.count(sim); {
			case now.paid == after.paid:
			case left > 0, done.Outcome != api.NotStarted && done.Outcome != api.Indeterminate:
				t.Fatalf("%d %s: the same operation moved notes again: %+v, then %+v", i, story, done, again)
			default: // it died before its driver had heard of it: this was the first time
				c.heal()
				r.Device.Execute(t.Context(), cmd, nil)
				if third := m.count(sim); third.paid != now.paid {
					t.Fatalf("%d %s: the same operation moved notes a second time: %+v, then %+v", i, story, done, again)
				}
			}
		}
		if after.there-after.paid < 200 {
			t.Fatal("the cassettes run empty: make the run shorter")
		}
	}
	t.Logf("%d dispenses: %v, %d for a person to count", n, ended, unknown)
	paid.Add(int64(ended[api.Done]))
}

// claim is how many notes a completion says the customer could reach, and whether it is sure.
func claim(t *testing.T, c api.Completion) (n int, sure bool) {
	t.Helper()
	var m cash.Moved
	if len(c.Payload) > 0 {
		if err := json.Unmarshal(c.Payload, &m); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range m.Units {
		n += u.Presented
	}
	return n, c.Outcome != api.Indeterminate && !m.Unknown
}
