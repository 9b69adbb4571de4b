package cashcodeccnet_test

import (
	"context"
	"encoding/json"
	"syscall"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/cashcodeccnet"
	"zhigui/sim/device"
	"zhigui/sim/device/ccnet"
)

func TestMain(m *testing.M) { conformance.Main(m, cashcodeccnet.Model) }

const hundred = "type100CNY1"

func setup(t *testing.T, c ccnet.Config) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "ccnet", Validator: &c})
	r := conformance.Start(t, cashcodeccnet.Model, sim.Port(), map[string]any{"pollMs": 30, "workPollMs": 5, "replyMs": 300, "stackMs": 5000})
	<-r.Recoveries
	return sim, r
}

func view(s *device.Sim) ccnet.View { return s.Physical().(ccnet.View) }

func act(t *testing.T, s *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := s.Do(action, a); err != nil {
		t.Fatalf("%s: %v", action, err)
	}
}

func wait(t *testing.T, s *device.Sim, ok func(device.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("%v: %+v", err, view(s))
	}
}

func deposited(t *testing.T, c api.Completion) cash.Deposited {
	t.Helper()
	var d cash.Deposited
	if err := json.Unmarshal(c.Payload, &d); err != nil {
		t.Fatalf("payload %s: %v", c.Payload, err)
	}
	return d
}

func begin(t *testing.T, r *conformance.Rig) {
	t.Helper()
	if c, _ := r.Do(cash.CmdCashInStart, cash.CashInStart{}); c.Outcome != api.Done {
		t.Fatalf("start: %+v", c)
	}
}

func take(t *testing.T, sim *device.Sim, r *conformance.Rig, value int) cash.Deposited {
	t.Helper()
	events, done := r.Begin(t.Context(), r.Command(cash.CmdCashIn, nil))
	conformance.Next(t, events, cash.EvInsertItems)
	act(t, sim, "insertNote", device.Args{"value": value})
	c := conformance.Ended(t, done)
	if c.Outcome != api.Done {
		t.Fatalf("cash in: %+v", c)
	}
	return deposited(t, c)
}

// req: X-06
func TestANoteIsMoneyOnlyWhenItIsStacked(t *testing.T) {
	sim, r := setup(t, ccnet.Config{})
	begin(t, r)
	if d := take(t, sim, r, 100); len(d.Credit()) != 0 || d.Types[hundred].Escrow != 1 || view(sim).Stacked != 0 {
		t.Fatalf("%+v", d)
	}
	if d := take(t, sim, r, 50); d.Credit()["CNY"] != 10000 || view(sim).Stacked != 1 {
		t.Fatalf("%+v", d)
	}
	c, _ := r.Do(cash.CmdCashInRollback, nil)
	if d := deposited(t, c); c.Outcome != api.Done || d.Types["type50CNY1"].Returned != 1 || d.Credit()["CNY"] != 10000 || view(sim).Places[ccnet.Mouth] != 1 {
		t.Errorf("%+v %+v", c, d)
	}
	act(t, sim, "takeNotes", nil)
	begin(t, r)
	take(t, sim, r, 20)
	c, _ = r.Do(cash.CmdCashInEnd, nil)
	if d := deposited(t, c); c.Outcome != api.Done || d.Credit()["CNY"] != 2000 || d.Types["type20CNY1"].Cashbox != 1 || view(sim).Mode != "disabled" {
		t.Errorf("%+v %+v", c, d)
	}
}

func TestARefusedNoteIsCountedOnceWithItsReason(t *testing.T) {
	sim, r := setup(t, ccnet.Config{})
	begin(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	events, done := r.Begin(ctx, r.Command(cash.CmdCashIn, nil))
	conformance.Next(t, events, cash.EvInsertItems)
	act(t, sim, "insertNote", device.Args{"value": 100, "condition": "counterfeit"})
	var why cash.InputRefuse
	if err := json.Unmarshal(conformance.Next(t, events, cash.EvInputRefuse).Payload, &why); err != nil || why.Reason != cash.RefuseInvalid {
		t.Errorf("%+v, %v", why, err)
	}
	cancel()
	if c := conformance.Ended(t, done); c.Outcome != api.Canceled || deposited(t, c).Refused != 1 {
		t.Errorf("%+v", c)
	}
}

// Without counters only what the device repeats until it is acknowledged is proof.
//
// req: D-03
func TestADriverKilledWhileANoteIsStackedLearnsItFromTheRepetition(t *testing.T) {
	sim, r := setup(t, ccnet.Config{StackMs: 500})
	begin(t, r)
	take(t, sim, r, 100)
	cmd := r.Command(cash.CmdCashInEnd, nil)
	_, done := r.Begin(t.Context(), cmd)
	wait(t, sim, func(st device.State) bool { return st.Physical.(ccnet.View).Mode == "stacking" })
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	rec := <-r.Recoveries
	if len(rec.Ops) != 1 || rec.Ops[0].Completion.Outcome != api.Done || deposited(t, *rec.Ops[0].Completion).Credit()["CNY"] != 10000 || view(sim).Stacked != 1 {
		t.Errorf("%+v", rec)
	}
}

func TestAPowerCutWhileStackingIsProvedWhereTheDeviceProvesIt(t *testing.T) {
	for _, tc := range []struct {
		name    string
		stage   device.Stage
		credit  int64
		unknown bool
	}{
		{"the note is still in the validator", device.BeforeMotion, 0, false},
		{"the note is in the stacker", device.MidMotion, 10000, false},
		{"the note is stacked and the result is lost", device.AfterMotion, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, ccnet.Config{})
			begin(t, r)
			take(t, sim, r, 100)
			if err := sim.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "stack", Stage: tc.stage, Times: 1, After: -1}); err != nil {
				t.Fatal(err)
			}
			c, _ := r.Do(cash.CmdCashInEnd, nil)
			if c.Outcome != api.Indeterminate || !deposited(t, c).Unknown {
				t.Fatalf("%+v", c)
			}
			sim.PowerRestore()
			if _, err := r.Device.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			c, _ = r.Do(cash.CmdReset, nil)
			d := deposited(t, c)
			if c.Outcome != api.Done || d.Credit()["CNY"] != tc.credit || d.Unknown != tc.unknown {
				t.Errorf("%+v %+v", c, d)
			}
			kept := int64(view(sim).Places[ccnet.Cassette]) * 10000
			if !tc.unknown && kept != tc.credit || tc.unknown && kept < tc.credit {
				t.Errorf("credited %d, the device kept %d", d.Credit()["CNY"], kept)
			}
		})
	}
}

func TestALostReplyToStackIsLookedAtAndTheNoteIsStackedOnce(t *testing.T) {
	for _, kind := range []device.LineFault{device.Silence, device.DropByte, device.BadChecksum, device.DuplicateReply} {
		sim, r := setup(t, ccnet.Config{})
		begin(t, r)
		take(t, sim, r, 100)
		if err := sim.ArmLine(kind, 2); err != nil {
			t.Fatal(err)
		}
		c, _ := r.Do(cash.CmdCashInEnd, nil)
		if d := deposited(t, c); c.Outcome != api.Done || d.Credit()["CNY"] != 10000 || view(sim).Stacked != 1 {
			t.Errorf("%s: %+v %+v", kind, c, d)
		}
	}
}

func TestAStackerJamIsNoMoneyAndStaysUnknownAfterReset(t *testing.T) {
	sim, r := setup(t, ccnet.Config{})
	begin(t, r)
	take(t, sim, r, 100)
	if err := sim.ArmFault(device.FaultSpec{Code: "44", Stage: device.MidMotion, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(cash.CmdCashInEnd, nil)
	if d := deposited(t, c); c.Outcome != api.Failed || c.Vendor.Code != "44" || len(d.Credit()) != 0 || !d.Uncounted {
		t.Fatalf("%+v %+v", c, d)
	}
	c, _ = r.Do(cash.CmdReset, nil)
	if d := deposited(t, c); len(d.Credit()) != 0 || !d.Unknown {
		t.Errorf("%+v %+v", c, d)
	}
}
