//go:build unix

package conformance_test

import (
	"encoding/json"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/puloonlcdm2000"
	"zhigui/drivers/models/puloonlcdm4000"
	"zhigui/drivers/sdk"
	"zhigui/sim/device"
	"zhigui/sim/device/lcdm2000"
	"zhigui/sim/device/lcdm4000"
)

// dispenser is everything that differs between two makes of cash dispenser: what a
// configuration names (model and profile) and what the virtual device calls its faults.
type dispenser struct {
	model   sdk.Model
	profile map[string]any
	start   func(t *testing.T, inUnit1, noteMs int) *device.Sim
	// The maker's numbers of: a jam before the exit, a jam at the exit.
	jamInside, jamAtExit string
	dispenseCode         string
	// paid is what really left through the exit, by cash unit.
	paid func(*device.Sim) map[string]int
}

var patient = map[string]any{"quietMs": 700, "perNoteMs": 20, "probeMs": 600, "recoverListenMs": 1200, "pollMs": 50, "heldPollMs": 30}

func sums(out map[string]int, names map[string]string, n map[string]int) {
	for u, k := range n {
		if k > 0 {
			out[names[u]] += k
		}
	}
}

var dispensers = []dispenser{
	{model: puloonlcdm2000.Model, profile: patient, jamInside: "33", jamAtExit: "35", dispenseCode: "45,55,56",
		start: func(t *testing.T, n, noteMs int) *device.Sim {
			return device.MustStart(t, device.Config{Model: "lcdm2000", Dispenser: &lcdm2000.Config{NoteMs: noteMs,
				Upper: lcdm2000.CassetteConfig{Count: n, Value: 100}, Lower: lcdm2000.CassetteConfig{Count: 50, Value: 50}}})
		},
		paid: func(s *device.Sim) map[string]int {
			out := map[string]int{}
			for _, c := range s.Physical().(lcdm2000.View).Truth {
				sums(out, map[string]string{"upper": "unit1", "lower": "unit2"}, c.Dispensed)
			}
			return out
		}},
	{model: puloonlcdm4000.Model, profile: patient, jamInside: "02", jamAtExit: "04", dispenseCode: "52",
		start: func(t *testing.T, n, noteMs int) *device.Sim {
			return device.MustStart(t, device.Config{Model: "lcdm4000", Cash4: &lcdm4000.Config{NoteMs: noteMs,
				Boxes: []lcdm4000.BoxConfig{{Count: n, Value: 100}, {Count: 50, Value: 50}, {Count: 50, Value: 20}, {Count: 50, Value: 10}}}})
		},
		paid: func(s *device.Sim) map[string]int {
			out := map[string]int{}
			for _, c := range s.Physical().(lcdm4000.View).Truth {
				sums(out, map[string]string{"1": "unit1", "2": "unit2", "3": "unit3", "4": "unit4"}, c.Dispensed)
			}
			return out
		}},
}

// desk is one dispenser at work under its driver.
type desk struct {
	dispenser
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
}

func (m dispenser) desk(t *testing.T, inUnit1, noteMs int) *desk {
	t.Helper()
	d := &desk{dispenser: m, t: t, sim: m.start(t, inUnit1, noteMs)}
	d.r = conformance.Start(t, m.model, d.sim.Port(), m.profile)
	<-d.r.Recoveries
	return d
}

func (d *desk) do(action string) {
	d.t.Helper()
	if _, err := d.sim.Do(action, nil); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) arm(f device.FaultSpec) {
	d.t.Helper()
	f.Times, f.Command = 1, d.dispenseCode
	if err := d.sim.ArmFault(f); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) kill() {
	d.t.Helper()
	if err := syscall.Kill(d.r.Device.PID(), syscall.SIGKILL); err != nil {
		d.t.Fatal(err)
	}
}

// seen is what a platform learns from one scenario, and the truth beside it.
type seen struct {
	Outcome            api.Outcome
	Code               api.CompletionCode
	ErrorCode          string
	Presented          map[string]int
	Unknown, Uncounted bool
	Paid               map[string]int
	Exit               bool // recovery found notes at the exit
}

func (d *desk) saw(c api.Completion) seen {
	d.t.Helper()
	s := seen{Outcome: c.Outcome, Code: c.Code, ErrorCode: c.ErrorCode, Presented: map[string]int{}, Paid: d.paid(d.sim)}
	var m cash.Moved
	if len(c.Payload) > 0 {
		if err := json.Unmarshal(c.Payload, &m); err != nil {
			d.t.Fatal(err)
		}
	}
	for id, u := range m.Units {
		if u.Presented > 0 {
			s.Presented[id] = u.Presented
		}
	}
	s.Unknown, s.Uncounted = m.Unknown, m.Uncounted
	return s
}

func give(u1, u2 int) cash.Dispense {
	return cash.Dispense{Counts: map[string]int{"unit1": u1, "unit2": u2}}
}

type counts = map[string]int

// proven says that a completion which claims to know is true; one that claims nothing is
// Indeterminate. A make with a better memory may know what another cannot.
func (s seen) proven() bool {
	if s.Outcome == api.Indeterminate {
		return s.Unknown && len(s.Presented) == 0
	}
	return s.Outcome == api.Done && !s.Unknown && cmp.Equal(s.Presented, s.Paid)
}

var cashScenarios = []struct {
	name            string
	inUnit1, noteMs int
	run             func(d *desk) seen
	want            seen
	// mayKnow: nothing has to be equal but the truth: see proven.
	mayKnow bool
}{
	{name: "notes of two units are paid, presented and taken", inUnit1: 100, run: func(d *desk) seen {
		c, _ := d.r.Do(cash.CmdDispense, give(3, 2))
		d.r.Event(cash.EvItemsPresented)
		d.do("takeCash")
		d.r.Event(cash.EvItemsTaken)
		return d.saw(c)
	}, want: seen{Outcome: api.Done, Presented: counts{"unit1": 3, "unit2": 2}, Paid: counts{"unit1": 3, "unit2": 2}}},
	{name: "notes that nobody takes are drawn back and never reported as taken", inUnit1: 100, run: func(d *desk) seen {
		if c, _ := d.r.Do(cash.CmdDispense, give(2, 0)); c.Outcome != api.Done {
			d.t.Fatalf("%+v", c)
		}
		c, _ := d.r.Do(cash.CmdRetract, cash.Retract{})
		if again, _ := d.r.Do(cash.CmdRetract, nil); again.ErrorCode != cash.ErrNoItems {
			d.t.Errorf("nothing is left: %+v", again)
		}
		if d.r.Saw(cash.EvItemsTaken) {
			d.t.Error("retracted notes were reported as taken")
		}
		return d.saw(c)
	}, want: seen{Outcome: api.Done, Unknown: true, Paid: counts{"unit1": 2}}},
	{name: "nothing is paid while notes lie at the exit", inUnit1: 100, run: func(d *desk) seen {
		if c, _ := d.r.Do(cash.CmdDispense, give(1, 0)); c.Outcome != api.Done {
			d.t.Fatalf("%+v", c)
		}
		c, _ := d.r.Do(cash.CmdDispense, give(1, 0))
		return d.saw(c)
	}, want: seen{Outcome: api.NotStarted, Code: api.CommandErrorCode, ErrorCode: cash.ErrItemsLeft, Paid: counts{"unit1": 1}}},
	{name: "a cassette that runs out has paid what passed the exit", inUnit1: 3, run: func(d *desk) seen {
		c, events := d.r.Do(cash.CmdDispense, give(5, 0))
		if !slices.Contains(events, cash.EvIncomplete) {
			d.t.Errorf("events %v", events)
		}
		return d.saw(c)
	}, want: seen{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: cash.ErrCashUnit, Presented: counts{"unit1": 3}, Paid: counts{"unit1": 3}}},
	{name: "a jam before the exit is failed, not indeterminate", inUnit1: 100, run: func(d *desk) seen {
		d.arm(device.FaultSpec{Code: d.jamInside, Stage: device.MidMotion, After: 2})
		c, _ := d.r.Do(cash.CmdDispense, give(4, 0))
		if c.Vendor == nil || c.Vendor.Code != d.jamInside {
			d.t.Errorf("vendor error %+v", c.Vendor)
		}
		return d.saw(c)
	}, want: seen{Outcome: api.Failed, Code: api.HardwareError, Presented: counts{"unit1": 2}, Uncounted: true, Paid: counts{"unit1": 2}}},
	{name: "a jam at the exit makes the count a lower bound", inUnit1: 100, run: func(d *desk) seen {
		d.arm(device.FaultSpec{Code: d.jamAtExit, Stage: device.MidMotion, After: 2})
		c, _ := d.r.Do(cash.CmdDispense, give(4, 0))
		s := d.saw(c)
		s.Uncounted = false // a make with a sensor before the exit may say this too
		return s
	}, want: seen{Outcome: api.Failed, Code: api.HardwareError, Presented: counts{"unit1": 2}, Unknown: true, Paid: counts{"unit1": 2}}},
	{name: "a jam is cleared by Reset and the next payment is exact", inUnit1: 100, run: func(d *desk) seen {
		d.arm(device.FaultSpec{Code: d.jamInside, Stage: device.MidMotion, After: 0})
		if c, _ := d.r.Do(cash.CmdDispense, give(4, 0)); c.Outcome != api.Failed {
			d.t.Fatalf("%+v", c)
		}
		if c, _ := d.r.Do(cash.CmdDispense, give(1, 0)); c.ErrorCode != cash.ErrItemsLeft {
			d.t.Errorf("with a note on the path: %+v", c)
		}
		if c, _ := d.r.Do(cash.CmdReset, nil); c.Outcome != api.Done {
			d.t.Fatalf("%+v", c)
		}
		c, _ := d.r.Do(cash.CmdDispense, give(2, 1))
		return d.saw(c)
	}, want: seen{Outcome: api.Done, Presented: counts{"unit1": 2, "unit2": 1}, Paid: counts{"unit1": 2, "unit2": 1}}},
	{name: "a lost reply is never answered by a second payment", inUnit1: 100, mayKnow: true, run: func(d *desk) seen {
		d.arm(device.FaultSpec{Code: device.FaultNone, Stage: device.ReplyLost, After: -1})
		c, _ := d.r.Do(cash.CmdDispense, give(2, 0))
		s := d.saw(c)
		rec, err := d.r.Device.Recover(d.t.Context())
		s.Exit = err == nil && rec.Media["outDefault"] == -1
		return s
	}, want: seen{Exit: true, Paid: counts{"unit1": 2}}},
	{name: "a driver killed while the device pays settles by what the device tells", inUnit1: 100, noteMs: 150, run: func(d *desk) seen {
		cmd := d.r.Command(cash.CmdDispense, give(6, 0))
		events, done := d.r.Begin(d.t.Context(), cmd)
		conformance.Next(d.t, events, cash.EvStartDispense)
		d.kill()
		if c := conformance.Ended(d.t, done); c.Outcome != api.Indeterminate {
			d.t.Errorf("%+v", c)
		}
		rec := <-d.r.Recoveries
		d.r.Ready()
		if len(rec.Ops) != 1 || rec.Ops[0].Op != cmd.Op {
			d.t.Fatalf("%+v", rec)
		}
		if again := d.r.Device.Execute(d.t.Context(), cmd, nil); again.Outcome != rec.Ops[0].Completion.Outcome {
			d.t.Errorf("the same operation again: %+v", again)
		}
		s := d.saw(*rec.Ops[0].Completion)
		s.Exit = rec.Media["outDefault"] == -1
		return s
	}, want: seen{Outcome: api.Done, Presented: counts{"unit1": 6}, Paid: counts{"unit1": 6}, Exit: true}},
	{name: "power that goes in the middle leaves it indeterminate, and the device not ready until it answers", inUnit1: 100, noteMs: 150, run: func(d *desk) seen {
		events, done := d.r.Begin(d.t.Context(), d.r.Command(cash.CmdDispense, give(5, 0)))
		conformance.Next(d.t, events, cash.EvStartDispense)
		d.sim.PowerCut()
		d.kill()
		if c := conformance.Ended(d.t, done); c.Outcome != api.Indeterminate {
			d.t.Errorf("%+v", c)
		}
		if c, _ := d.r.Do(cash.CmdDispense, give(1, 0)); c.Code != api.DeviceNotReady {
			d.t.Errorf("before the device answered: %+v", c)
		}
		d.sim.PowerRestore()
		d.r.Ready()
		rec := <-d.r.Recoveries
		if len(rec.Ops) != 1 {
			d.t.Fatalf("%+v", rec)
		}
		s := d.saw(*rec.Ops[0].Completion)
		s.Paid = nil // as many as the power allowed
		return s
	}, want: seen{Outcome: api.Indeterminate, Code: api.HardwareError}},
	{name: "a repeated operation is answered from the journal", inUnit1: 100, run: func(d *desk) seen {
		cmd := d.r.Command(cash.CmdDispense, give(2, 0))
		d.r.Device.Execute(d.t.Context(), cmd, nil)
		d.do("takeCash")
		d.r.Event(cash.EvItemsTaken)
		return d.saw(d.r.Device.Execute(d.t.Context(), cmd, nil))
	}, want: seen{Outcome: api.Done, Presented: counts{"unit1": 2}, Paid: counts{"unit1": 2}}},
	{name: "a unit that does not exist is refused", inUnit1: 100, run: func(d *desk) seen {
		c, _ := d.r.Do(cash.CmdDispense, cash.Dispense{Counts: counts{"unit9": 1}})
		return d.saw(c)
	}, want: seen{Outcome: api.NotStarted, Code: api.CommandErrorCode, ErrorCode: cash.ErrCashUnit}},
	{name: "more notes than a cassette may give at once are refused", inUnit1: 100, run: func(d *desk) seen {
		c, _ := d.r.Do(cash.CmdDispense, give(61, 0))
		return d.saw(c)
	}, want: seen{Outcome: api.NotStarted, Code: api.CommandErrorCode, ErrorCode: cash.ErrTooManyItems}},
	{name: "a cassette that was taken out is refused before anything moves", inUnit1: 100, run: func(d *desk) seen {
		if _, err := d.sim.Do("removeUnit", device.Args{"unit": "1"}); err != nil {
			d.t.Fatal(err)
		}
		c, _ := d.r.Do(cash.CmdDispense, give(1, 0))
		return d.saw(c)
	}, want: seen{Outcome: api.NotStarted, Code: api.CommandErrorCode, ErrorCode: cash.ErrCashUnit}},
}

// The model's name and its profile are all that a configuration changes; what the platform
// sees is the same.
//
// req: X-02
func TestEveryCashDispenserBehavesAlike(t *testing.T) {
	t.Parallel()
	for _, sc := range cashScenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range dispensers {
				t.Run(m.model.Name, func(t *testing.T) {
					t.Parallel()
					got := sc.run(m.desk(t, sc.inUnit1, sc.noteMs))
					if sc.mayKnow {
						if !got.proven() {
							t.Errorf("claims what is not so: %+v", got)
						}
						got = seen{Exit: got.Exit, Paid: got.Paid}
					}
					if sc.want.Presented == nil {
						sc.want.Presented = got.Presented
						if len(got.Presented) > 0 {
							t.Errorf("presented %v", got.Presented)
						}
					}
					if len(got.Paid) == 0 {
						got.Paid = nil
					}
					if diff := cmp.Diff(sc.want, got); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}
