package puloonlcdm4000_test

import (
	"encoding/json"
	"maps"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/puloonlcdm4000"
	"zhigui/sim/device"
	"zhigui/sim/device/lcdm4000"
)

func TestMain(m *testing.M) { conformance.Main(m, puloonlcdm4000.Model) }

var quick = map[string]any{"quietMs": 700, "perNoteMs": 20, "probeMs": 600, "recoverListenMs": 1200, "pollMs": 50, "heldPollMs": 30}

func setup(t *testing.T, c lcdm4000.Config, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	if c.Boxes == nil {
		c.Boxes = []lcdm4000.BoxConfig{{Count: 100, Value: 100}, {Count: 50, Value: 50}, {Count: 50, Value: 20, Near: 49}, {Count: 50, Value: 10}}
	}
	sim := device.MustStart(t, device.Config{Model: "lcdm4000", Cash4: &c})
	p := maps.Clone(quick)
	maps.Copy(p, more)
	r := conformance.Start(t, puloonlcdm4000.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func counts(n ...int) cash.Dispense {
	d := cash.Dispense{Counts: map[string]int{}}
	for i, k := range n {
		d.Counts[[]string{"unit1", "unit2", "unit3", "unit4"}[i]] = k
	}
	return d
}

func moved(t *testing.T, c api.Completion) cash.Moved {
	t.Helper()
	var m cash.Moved
	if err := json.Unmarshal(c.Payload, &m); err != nil {
		t.Fatalf("payload %s: %v", c.Payload, err)
	}
	return m
}

func paid(s *device.Sim) (n int) {
	for _, c := range s.Physical().(lcdm4000.View).Truth {
		for _, k := range c.Dispensed {
			n += k
		}
	}
	return n
}

func lose(t *testing.T, sim *device.Sim) {
	t.Helper()
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: "52", Stage: device.ReplyLost, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
}

func TestFourCassettesPayInOneCommand(t *testing.T) {
	for name, c := range map[string]lcdm4000.Config{"reserved tail": {}, "serial tail": {Serial: true}, "stray FF": {StrayFF: true}} {
		t.Run(name, func(t *testing.T) {
			tail := "reserved"
			if c.Serial {
				tail = "serial"
			}
			sim, r := setup(t, c, map[string]any{"tail": tail})
			for i := range 2 { // a serial number that stays the same would be refused
				got, _ := r.Do(cash.CmdDispense, counts(4, 3, 2, 1))
				want := map[string]cash.UnitMoved{"unit1": {Presented: 4, State: "ok"}, "unit2": {Presented: 3, State: "ok"}, "unit3": {Presented: 2, State: "low"}, "unit4": {Presented: 1, State: "ok"}}
				if i == 0 {
					want["unit3"] = cash.UnitMoved{Presented: 2, State: "ok"} // as seen before it paid
				}
				if diff := cmp.Diff(want, moved(t, got).Units); diff != "" || got.Outcome != api.Done {
					t.Fatal(diff, got)
				}
				if _, err := sim.Do("takeCash", nil); err != nil {
					t.Fatal(err)
				}
				r.Event(cash.EvItemsTaken)
			}
		})
	}
}

// The device's record of its last movement settles a lost reply, but only when it differs
// from the one before: an equal record may be the old one.
func TestTheLastResultSettlesALostReplyOnlyWhenItIsNew(t *testing.T) {
	sim, r := setup(t, lcdm4000.Config{Exit: "spray"}, map[string]any{"exit": "spray"})
	lose(t, sim)
	c, _ := r.Do(cash.CmdDispense, counts(2, 1))
	if c.Outcome != api.Done || moved(t, c).Units["unit1"].Presented != 2 || moved(t, c).Unknown {
		t.Fatalf("%+v", c)
	}
	lose(t, sim)
	if c, _ := r.Do(cash.CmdDispense, counts(2, 1)); c.Outcome != api.Indeterminate {
		t.Errorf("the same counts again: %+v", c)
	}
	if n := paid(sim); n != 6 {
		t.Errorf("the device paid %d", n)
	}
}

func TestACommandThatWasNotHeardIsNotSettledByAnOldResult(t *testing.T) {
	sim, r := setup(t, lcdm4000.Config{Exit: "spray"}, map[string]any{"exit": "spray", "pollMs": 600000, "heldPollMs": 600000})
	if c, _ := r.Do(cash.CmdDispense, counts(2)); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "52", Stage: device.BeforeMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	_, done := r.Begin(t.Context(), r.Command(cash.CmdDispense, counts(3)))
	ctx := t.Context()
	if err := sim.Wait(ctx, func(s device.State) bool { return !s.Power }); err != nil {
		t.Fatal(err)
	}
	sim.PowerRestore()
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Errorf("%+v", c)
	}
	if n := paid(sim); n != 2 {
		t.Errorf("the device paid %d", n)
	}
}

// The driver dies after the device has finished and given up repeating its answer.
//
// req: D-03
func TestAfterACrashTheLastResultIsStillThere(t *testing.T) {
	sim, r := setup(t, lcdm4000.Config{NoteMs: 100}, nil)
	lose(t, sim)
	cmd := r.Command(cash.CmdDispense, counts(4, 0, 1))
	events, done := r.Begin(t.Context(), cmd)
	conformance.Next(t, events, cash.EvStartDispense)
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	conformance.Ended(t, done)
	rec := <-r.Recoveries
	r.Ready()
	if len(rec.Ops) != 1 || rec.Ops[0].Completion.Outcome != api.Done || moved(t, *rec.Ops[0].Completion).Units["unit3"].Presented != 1 {
		t.Fatalf("%+v", rec)
	}
	if n := paid(sim); n != 5 {
		t.Errorf("the device paid %d", n)
	}
}

func TestANoteOfAnotherCassetteMakesTheCountsUnknown(t *testing.T) {
	sim, r := setup(t, lcdm4000.Config{}, nil)
	if err := sim.ArmFault(device.FaultSpec{Code: "40", Stage: device.MidMotion, Times: 1, After: 1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(cash.CmdDispense, counts(0, 3))
	if c.Outcome != api.Failed || !moved(t, c).Unknown || c.Vendor.Code != "40" {
		t.Errorf("%+v", c)
	}
}

func TestARefusalBeforeTheMotionSaysSo(t *testing.T) {
	sim, r := setup(t, lcdm4000.Config{}, nil)
	if _, err := sim.Do("setStatus", device.Args{"name": "rejectTray", "value": "absent"}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(cash.CmdDispense, counts(1)); c.Outcome != api.NotStarted || c.Vendor.Code != "26" {
		t.Errorf("%+v", c)
	}
	if c, _ := r.Do(cash.CmdTest, nil); c.Outcome != api.NotStarted {
		t.Errorf("%+v", c)
	}
	if _, err := sim.Do("emptyRejectTray", nil); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(cash.CmdTest, nil); c.Outcome != api.Done || moved(t, c).Units["unit4"].Rejected != 1 || paid(sim) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestLineFaultsNeverPayTwice(t *testing.T) {
	for _, k := range []device.LineFault{device.Nak, device.LostAck, device.LateAck, device.BadChecksum, device.DropByte, device.Garbage, device.DuplicateReply, device.Silence} {
		for skip := range 3 { // the status, the last result or the movement meets it
			t.Run(string(k), func(t *testing.T) {
				t.Parallel()
				sim, r := setup(t, lcdm4000.Config{Exit: "spray"}, map[string]any{"exit": "spray", "pollMs": 600000, "heldPollMs": 600000, "statusMs": 300})
				if err := sim.ArmLine(k, skip+1); err != nil {
					t.Fatal(err)
				}
				c, _ := r.Do(cash.CmdDispense, counts(2))
				n := paid(sim)
				switch c.Outcome {
				case api.Done:
					if n != 2 || moved(t, c).Units["unit1"].Presented != 2 {
						t.Errorf("%+v, paid %d", c, n)
					}
				case api.NotStarted:
					if n != 0 {
						t.Errorf("%+v, paid %d", c, n)
					}
				case api.Indeterminate:
					if n > 2 {
						t.Errorf("%+v, paid %d", c, n)
					}
				default:
					t.Errorf("%+v, paid %d", c, n)
				}
			})
		}
	}
}
