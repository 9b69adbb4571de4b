package itlnv200_test

import (
	"context"
	"encoding/json"
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/itlnv200"
	"zhigui/sim/device"
	"zhigui/sim/device/itlssp"
)

func TestMain(m *testing.M) { conformance.Main(m, itlnv200.Model) }

var quick = map[string]any{"pollMs": 30, "workPollMs": 5, "replyMs": 200, "settleMs": 250, "stackMs": 5000}

const hundred = "type100CNY1"

func setup(t *testing.T, c itlssp.Config, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "itlssp", Acceptor: &c})
	p := maps.Clone(quick)
	maps.Copy(p, more)
	if c.Payout {
		p["payout"] = true
	}
	r := conformance.Start(t, itlnv200.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func view(s *device.Sim) itlssp.View { return s.Physical().(itlssp.View) }

func act(t *testing.T, s *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := s.Do(action, a); err != nil {
		t.Fatalf("%s: %v", action, err)
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

func begin(t *testing.T, r *conformance.Rig, s cash.CashInStart) {
	t.Helper()
	if c, _ := r.Do(cash.CmdCashInStart, s); c.Outcome != api.Done {
		t.Fatalf("start: %+v", c)
	}
}

// insert runs CashIn and puts a note in when the mouth is open.
func insert(t *testing.T, sim *device.Sim, r *conformance.Rig, value int, condition string) (api.Command, <-chan api.Event, <-chan api.Completion) {
	t.Helper()
	cmd := r.Command(cash.CmdCashIn, nil)
	events, done := r.Begin(t.Context(), cmd)
	conformance.Next(t, events, cash.EvInsertItems)
	act(t, sim, "insertNote", device.Args{"value": value, "condition": condition})
	return cmd, events, done
}

func take(t *testing.T, sim *device.Sim, r *conformance.Rig, value int) cash.Deposited {
	t.Helper()
	_, _, done := insert(t, sim, r, value, "genuine")
	c := conformance.Ended(t, done)
	if c.Outcome != api.Done {
		t.Fatalf("cash in: %+v", c)
	}
	return deposited(t, c)
}

func wait(t *testing.T, s *device.Sim, ok func(device.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("%v: %+v", err, view(s))
	}
}

// kept is the money of customers' notes that the device has in cash box and store, minor units.
func kept(s *device.Sim) (sum int64) {
	for _, n := range view(s).Notes {
		if n.Inserted && (n.Place == itlssp.Cashbox || n.Place == itlssp.Store) {
			sum += int64(n.Value) * 100
		}
	}
	return sum
}

// req: X-06
func TestANoteIsMoneyOnlyWhenItIsStackedAndTheNextNoteStacksTheEarlier(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, nil)
	if c, _ := r.Do(cash.CmdCashIn, nil); c.ErrorCode != cash.ErrNoCashIn || c.Outcome != api.NotStarted {
		t.Fatalf("without a transaction: %+v", c)
	}
	begin(t, r, cash.CashInStart{})
	if !view(sim).Secure {
		t.Error("no session keys were agreed")
	}
	d := take(t, sim, r, 100)
	if diff := cmp.Diff(map[string]cash.NoteMoved{hundred: {Currency: "CNY", Value: 10000, Escrow: 1}}, d.Types); diff != "" || len(d.Credit()) != 0 {
		t.Error(diff, d.Credit())
	}
	if kept(sim) != 0 {
		t.Fatal("the note in escrow went into the cash box")
	}
	d = take(t, sim, r, 50)
	if d.Credit()["CNY"] != 10000 || d.Types["type50CNY1"].Escrow != 1 || kept(sim) != 10000 {
		t.Errorf("%+v, the device kept %d", d, kept(sim))
	}
	c, _ := r.Do(cash.CmdCashInEnd, nil)
	want := map[string]cash.NoteMoved{hundred: {Currency: "CNY", Value: 10000, Credited: 1, Cashbox: 1}, "type50CNY1": {Currency: "CNY", Value: 5000, Credited: 1, Cashbox: 1}}
	if diff := cmp.Diff(want, deposited(t, c).Types); diff != "" || c.Outcome != api.Done || kept(sim) != 15000 {
		t.Errorf("%s %+v, the device kept %d", diff, c, kept(sim))
	}
	var st cash.AcceptorStatus
	r.Status("cashAcceptor", &st)
	if st.CashIn.Status != cash.CashInOK || st.CashIn.Credit()["CNY"] != 15000 {
		t.Errorf("%+v", st.CashIn)
	}
	if v := view(sim); v.Enabled {
		t.Error("the mouth is still open")
	}
}

func TestARollbackReturnsWhatIsInEscrowAndSaysWhatIsNot(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	take(t, sim, r, 20)
	c, _ := r.Do(cash.CmdCashInRollback, nil)
	d := deposited(t, c)
	if c.Outcome != api.Done || d.Types["type20CNY1"].Returned != 1 || d.Credit()["CNY"] != 10000 || kept(sim) != 10000 {
		t.Fatalf("%+v %+v, the device kept %d", c, d, kept(sim))
	}
	r.Event(cash.EvItemsTaken)
	act(t, sim, "takeNotes", nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	_, _, done := insert(t, sim, r, 5, "counterfeit") // stacks the hundred, refuses the five
	wait(t, sim, func(st device.State) bool { return st.Physical.(itlssp.View).Places[itlssp.Mouth] == 1 })
	if err := r.Device.Restart(t.Context()); err != nil { // a drain ends the wait
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Canceled {
		t.Fatalf("%+v", c)
	}
	<-r.Recoveries
	r.Ready()
	c, _ = r.Do(cash.CmdCashInRollback, nil)
	if c.Outcome != api.NotStarted || c.ErrorCode != cash.ErrNoItems || deposited(t, c).Credit()["CNY"] != 10000 {
		t.Errorf("a rollback of stacked notes: %+v", c)
	}
	if c, _ := r.Do(cash.CmdCashInEnd, nil); c.Outcome != api.Done || deposited(t, c).Refused != 1 {
		t.Errorf("the transaction was still active: %+v", c)
	}
}

func TestUnwantedNotesAreRefusedWithAReason(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, nil)
	off := cash.ConfigureNoteTypes{Items: []cash.NoteTypeEnabled{{Item: "type1CNY1"}}}
	if c, _ := r.Do(cash.CmdConfigureNoteTypes, off); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	begin(t, r, cash.CashInStart{AmountLimit: []cash.NoteAmount{{Currency: "CNY", Value: 5000}}})
	_, events, done := insert(t, sim, r, 20, "double")
	for i, tc := range []struct {
		value             int
		condition, reason string
	}{{0, "", cash.RefuseBunch}, {50, "counterfeit", cash.RefuseInvalid}, {1, "genuine", cash.RefuseInvalid}, {100, "genuine", cash.RefuseLimitAmount}} {
		if i > 0 {
			act(t, sim, "takeNotes", nil)
			act(t, sim, "insertNote", device.Args{"value": tc.value, "condition": tc.condition})
		}
		var why cash.InputRefuse
		if err := json.Unmarshal(conformance.Next(t, events, cash.EvInputRefuse).Payload, &why); err != nil || why.Reason != tc.reason {
			t.Fatalf("%d %s: %+v, want %s", tc.value, tc.condition, why, tc.reason)
		}
	}
	act(t, sim, "takeNotes", nil)
	act(t, sim, "insertNote", device.Args{"value": 50})
	c := conformance.Ended(t, done)
	if d := deposited(t, c); c.Outcome != api.Done || d.Refused != 3 || d.Types[hundred].Returned != 1 || d.Types["type50CNY1"].Escrow != 1 {
		t.Errorf("%+v %+v", c, d)
	}
}

func TestAJamBeforeTheCreditIsFailedAndNoMoneyUntilAResetPushesTheNoteIn(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	if err := sim.ArmFault(device.FaultSpec{Code: "EA", Stage: device.MidMotion, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(cash.CmdCashInEnd, nil)
	d := deposited(t, c)
	if c.Outcome != api.Failed || c.Vendor == nil || c.Vendor.Code != "EA" || len(d.Credit()) != 0 || !d.Uncounted || d.Unknown {
		t.Fatalf("%+v %+v", c, d)
	}
	c, _ = r.Do(cash.CmdReset, nil)
	if d := deposited(t, c); c.Outcome != api.Done || d.Credit()["CNY"] != 10000 || d.Uncounted || kept(sim) != 10000 {
		t.Errorf("%+v %+v, the device kept %d", c, d, kept(sim))
	}
}

func TestAJamAfterTheCreditKeepsTheCredit(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	if err := sim.ArmFault(device.FaultSpec{Code: "EA", Stage: device.AfterMotion, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(cash.CmdCashInEnd, nil)
	if d := deposited(t, c); c.Outcome != api.Failed || d.Credit()["CNY"] != 10000 || !d.Uncounted || d.Types[hundred].Cashbox != 0 {
		t.Fatalf("%+v %+v", c, d)
	}
	c, _ = r.Do(cash.CmdReset, nil)
	if d := deposited(t, c); d.Credit()["CNY"] != 10000 || d.Types[hundred].Cashbox != 1 {
		t.Errorf("the note was credited again: %+v", d)
	}
}

// A power cut while the note is accepted: nobody knows, until the device is back and its
// counters prove what became of the note.
//
// req: D-03
func TestAPowerCutWhileStackingIsIndeterminateUntilTheCountersProveIt(t *testing.T) {
	for _, tc := range []struct {
		name  string
		stage device.Stage
		money int64
	}{
		{"before the note left escrow", device.BeforeMotion, 0},
		{"before the credit", device.MidMotion, 10000},
		{"after the credit", device.AfterMotion, 10000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, itlssp.Config{StackMs: 40}, nil)
			begin(t, r, cash.CashInStart{})
			take(t, sim, r, 100)
			if err := sim.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "stack", Stage: tc.stage, Times: 1, After: -1}); err != nil {
				t.Fatal(err)
			}
			cmd := r.Command(cash.CmdCashInEnd, nil)
			c := r.Device.Execute(t.Context(), cmd, nil)
			if c.Outcome != api.Indeterminate || !deposited(t, c).Unknown {
				t.Fatalf("%+v", c)
			}
			sim.PowerRestore()
			var rec api.Recovery
			for end := time.Now().Add(conformance.Patience); ; { // the device may still be starting
				var err error
				if rec, err = r.Device.Recover(t.Context()); err == nil {
					break
				}
				if time.Now().After(end) {
					t.Fatal(err)
				}
			}
			if len(rec.Ops) != 1 || rec.Ops[0].Op != cmd.Op {
				t.Fatalf("%+v", rec)
			}
			d := deposited(t, *rec.Ops[0].Completion)
			if rec.Ops[0].Completion.Outcome != api.Done || d.Unknown || d.Credit()["CNY"] != tc.money || kept(sim) != tc.money {
				t.Errorf("%+v %+v, the device kept %d", rec.Ops[0].Completion, d, kept(sim))
			}
			if tc.money == 0 && d.Types[hundred].Returned != 1 {
				t.Errorf("the note came back: %+v", d)
			}
		})
	}
}

func TestADriverKilledWithANoteInEscrowFindsItThereAndDoesNotMoveIt(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	rec := <-r.Recoveries
	r.Ready()
	if v := view(sim); rec.Media["stacker"] != 1 || v.Places[itlssp.Escrow] != 1 {
		t.Fatalf("%+v, %+v", rec, v)
	}
	if c, _ := r.Do(cash.CmdCashInEnd, nil); c.Outcome != api.Done || deposited(t, c).Credit()["CNY"] != 10000 || kept(sim) != 10000 {
		t.Errorf("%+v", c)
	}
}

func TestADriverKilledWhileANoteIsStackedBooksItOnce(t *testing.T) {
	sim, r := setup(t, itlssp.Config{StackMs: 600}, nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	cmd := r.Command(cash.CmdCashInEnd, nil)
	_, done := r.Begin(t.Context(), cmd)
	wait(t, sim, func(st device.State) bool { return st.Physical.(itlssp.View).Places[itlssp.Stacking] == 1 })
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	rec := <-r.Recoveries
	r.Ready()
	if len(rec.Ops) != 1 || rec.Ops[0].Completion.Outcome != api.Done || deposited(t, *rec.Ops[0].Completion).Credit()["CNY"] != 10000 || kept(sim) != 10000 {
		t.Fatalf("%+v, the device kept %d", rec, kept(sim))
	}
	if again := r.Device.Execute(t.Context(), cmd, nil); again.Outcome != api.Done || deposited(t, again).Credit()["CNY"] != 10000 {
		t.Errorf("the same operation again: %+v", again)
	}
}

func TestALostReplyIsAskedForAgainAndAcceptsNoSecondTime(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	if err := sim.ArmFault(device.FaultSpec{Command: "07", Stage: device.ReplyLost, Times: 2, After: -1}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(cash.CmdCashInEnd, nil); c.Outcome != api.Done || deposited(t, c).Types[hundred].Credited != 1 || view(sim).Counts.Stacked != 1 {
		t.Errorf("%+v", c)
	}
}

func TestAnotherFixedKeyDoesNotWork(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "itlssp"})
	p := maps.Clone(quick)
	p["fixedKey"] = "00000000000000AA"
	r := conformance.Launch(t, itlnv200.Model, sim.Port(), p)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := r.Device.WaitReady(ctx); err == nil {
		t.Error("the driver is ready under a wrong key")
	}
	if v := view(sim); !v.Secure {
		t.Error("no keys were exchanged at all")
	}
}

func TestWithoutAnEscrowEachNoteIsMoneyAtOnce(t *testing.T) {
	sim, r := setup(t, itlssp.Config{}, map[string]any{"escrow": 0, "essp": false})
	begin(t, r, cash.CashInStart{})
	if d := take(t, sim, r, 100); d.Credit()["CNY"] != 10000 || kept(sim) != 10000 {
		t.Errorf("%+v", d)
	}
}
