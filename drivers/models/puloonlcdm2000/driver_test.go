package puloonlcdm2000_test

import (
	"encoding/json"
	"maps"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/host"
	"zhigui/drivers/models/puloonlcdm2000"
	"zhigui/sim/device"
	"zhigui/sim/device/lcdm2000"
)

func TestMain(m *testing.M) { conformance.Main(m, puloonlcdm2000.Model) }

// quick are the times of a patient device for a test on a virtual one.
var quick = map[string]any{"quietMs": 700, "perNoteMs": 20, "probeMs": 600, "recoverListenMs": 1200, "pollMs": 50, "heldPollMs": 30}

func setup(t *testing.T, c lcdm2000.Config, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	if c.Upper.Count == 0 {
		c.Upper = lcdm2000.CassetteConfig{Count: 100, Value: 100}
	}
	if c.Lower.Count == 0 {
		c.Lower = lcdm2000.CassetteConfig{Count: 50, Value: 50}
	}
	sim := device.MustStart(t, device.Config{Model: "lcdm2000", Dispenser: &c})
	p := maps.Clone(quick)
	maps.Copy(p, more)
	r := conformance.Start(t, puloonlcdm2000.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func counts(u1, u2 int) cash.Dispense {
	return cash.Dispense{Counts: map[string]int{"unit1": u1, "unit2": u2}}
}

func moved(t *testing.T, c api.Completion) cash.Moved {
	t.Helper()
	var m cash.Moved
	if err := json.Unmarshal(c.Payload, &m); err != nil {
		t.Fatalf("payload %s: %v", c.Payload, err)
	}
	return m
}

// dispensed is what the virtual device knows to have left through its exit.
func dispensed(s *device.Sim) map[string]int {
	sum := map[string]int{}
	for _, tr := range s.Physical().(lcdm2000.View).Truth {
		for u, n := range tr.Dispensed {
			if n > 0 {
				sum[u] += n
			}
		}
	}
	return sum
}

// req: X-06
func TestNotesArePaidFromBothUnitsPresentedAndTaken(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{}, nil)
	c, events := r.Do(cash.CmdDispense, counts(3, 2))
	if c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	want := map[string]cash.UnitMoved{"unit1": {Presented: 3, State: "ok"}, "unit2": {Presented: 2, State: "ok"}}
	if diff := cmp.Diff(want, moved(t, c).Units); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{cash.EvStartDispense}, events); diff != "" {
		t.Error(diff)
	}
	r.Event(cash.EvItemsPresented)
	if c, _ := r.Do(cash.CmdDispense, counts(1, 0)); c.ErrorCode != cash.ErrItemsLeft || c.Outcome != api.NotStarted {
		t.Errorf("a second dispense while notes lie at the exit: %+v", c)
	}
	if _, err := sim.Do("takeCash", nil); err != nil {
		t.Fatal(err)
	}
	r.Event(cash.EvItemsTaken)
	if diff := cmp.Diff(map[string]int{"upper": 3, "lower": 2}, dispensed(sim)); diff != "" {
		t.Error(diff)
	}
}

func TestNotesThatAreNotTakenAreDrawnBackAndNotReportedAsTaken(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{}, nil)
	if c, _ := r.Do(cash.CmdDispense, counts(2, 0)); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	c, _ := r.Do(cash.CmdRetract, cash.Retract{})
	if c.Outcome != api.Done || !moved(t, c).Unknown {
		t.Fatalf("%+v", c)
	}
	if v := sim.Physical().(lcdm2000.View); len(v.Exit) != 0 {
		t.Errorf("still at the exit: %+v", v.Exit)
	}
	if c, _ := r.Do(cash.CmdRetract, nil); c.ErrorCode != cash.ErrNoItems {
		t.Errorf("nothing left: %+v", c)
	}
	if r.Saw(cash.EvItemsTaken) {
		t.Error("retracted notes were reported as taken")
	}
}

func TestOnlyWhatPassedTheExitCountsAsPaid(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{Upper: lcdm2000.CassetteConfig{Count: 3, Value: 100}}, nil)
	c, events := r.Do(cash.CmdDispense, counts(5, 0))
	if c.Outcome != api.Failed || c.ErrorCode != cash.ErrCashUnit || c.Vendor == nil || c.Vendor.Code != "38" {
		t.Fatalf("%+v", c)
	}
	m := moved(t, c)
	if diff := cmp.Diff(map[string]cash.UnitMoved{"unit1": {Presented: 3, State: "empty"}}, m.Units); diff != "" || m.Unknown {
		t.Error(diff, m.Unknown)
	}
	if diff := cmp.Diff([]string{cash.EvStartDispense, cash.EvIncomplete}, events); diff != "" {
		t.Error(diff)
	}
	if n := dispensed(sim)["upper"]; n != 3 {
		t.Errorf("the device paid %d", n)
	}
}

func TestAJamIsFailedWithTheVendorsErrorAndUncountedNotesInside(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{}, nil)
	if err := sim.ArmFault(device.FaultSpec{Code: "33", Stage: device.MidMotion, Times: 1, After: 2}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(cash.CmdDispense, counts(4, 0))
	if c.Outcome != api.Failed || c.Code != api.HardwareError || c.Vendor == nil || c.Vendor.Code != "33" || c.Vendor.Name == "" {
		t.Fatalf("%+v", c)
	}
	if m := moved(t, c); m.Unknown || !m.Uncounted || m.Units["unit1"].Presented != 2 {
		t.Errorf("%+v", m)
	}
}

func TestALostResultIsIndeterminateAndTheSensorsSayWhereTheNotesLie(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{}, nil)
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: "45", Stage: device.ReplyLost, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(cash.CmdDispense, counts(2, 0))
	if c.Outcome != api.Indeterminate || !moved(t, c).Unknown {
		t.Fatalf("%+v", c)
	}
	rec, err := r.Device.Recover(t.Context())
	if err != nil || rec.Media["outDefault"] != -1 {
		t.Fatalf("%+v, %v", rec, err)
	}
	if n := dispensed(sim)["upper"]; n != 2 {
		t.Errorf("the device paid %d", n)
	}
}

// req: D-03
func TestADriverKilledWhileTheDevicePaysLearnsTheResultFromItsRepetition(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{NoteMs: 150}, nil)
	cmd := r.Command(cash.CmdDispense, counts(6, 0))
	events, done := r.Begin(t.Context(), cmd)
	conformance.Next(t, events, cash.EvStartDispense)
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	r.Ready()
	rec := <-r.Recoveries
	if len(rec.Ops) != 1 || rec.Ops[0].Op != cmd.Op || rec.Ops[0].Completion.Outcome != api.Done || moved(t, *rec.Ops[0].Completion).Units["unit1"].Presented != 6 {
		t.Fatalf("%+v", rec)
	}
	if rec.Media["outDefault"] != -1 {
		t.Errorf("media: %+v", rec.Media)
	}
	if again := r.Device.Execute(t.Context(), cmd, nil); again.Outcome != api.Done {
		t.Errorf("the same operation again: %+v", again)
	}
	if n := dispensed(sim)["upper"]; n != 6 {
		t.Errorf("the device paid %d", n)
	}
	if _, err := sim.Do("takeCash", nil); err != nil {
		t.Fatal(err)
	}
	r.Event(cash.EvItemsTaken)
}

func TestAPowerCutInTheMiddleIsIndeterminateAndNotReadyUntilTheDeviceAnswers(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{NoteMs: 100}, nil)
	events, done := r.Begin(t.Context(), r.Command(cash.CmdDispense, counts(5, 0)))
	conformance.Next(t, events, cash.EvStartDispense)
	sim.PowerCut()
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	r.NotReady(host.StateRecovering)
	if c, _ := r.Do(cash.CmdDispense, counts(1, 0)); c.Code != api.DeviceNotReady {
		t.Errorf("before the device answered: %+v", c)
	}
	sim.PowerRestore()
	r.Ready()
	rec := <-r.Recoveries
	if len(rec.Ops) != 1 || rec.Ops[0].Completion.Outcome != api.Indeterminate {
		t.Errorf("%+v", rec)
	}
}

func TestCountsThatTheDeviceCannotPayAreRefusedBeforeAnythingMoves(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{}, nil)
	for _, tc := range []struct {
		name string
		give any
		code api.CompletionCode
		err  string
	}{
		{"too many", counts(61, 0), api.CommandErrorCode, cash.ErrTooManyItems},
		{"none", counts(0, 0), api.InvalidData, ""},
		{"negative", counts(-1, 2), api.InvalidData, ""},
		{"no such unit", cash.Dispense{Counts: map[string]int{"unit9": 1}}, api.CommandErrorCode, cash.ErrCashUnit},
		{"no such position", cash.Dispense{Counts: map[string]int{"unit1": 1}, Position: "outRear"}, api.CommandErrorCode, "unsupportedPosition"},
		{"not an object", []int{1}, api.InvalidData, ""},
	} {
		c, _ := r.Do(cash.CmdDispense, tc.give)
		if c.Outcome != api.NotStarted || c.Code != tc.code || c.ErrorCode != tc.err {
			t.Errorf("%s: %+v", tc.name, c)
		}
	}
	if _, err := sim.Do("removeUnit", device.Args{"unit": "lower"}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(cash.CmdDispense, counts(0, 1)); c.Outcome != api.NotStarted || c.Vendor.Code != "46" {
		t.Errorf("cassette out: %+v", c)
	}
	if n := len(dispensed(sim)); n != 0 {
		t.Errorf("notes moved: %v", dispensed(sim))
	}
}
