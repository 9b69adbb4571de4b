package itlnv200_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/sim/device"
	"zhigui/sim/device/itlssp"
)

func moved(t *testing.T, c api.Completion) cash.Moved {
	t.Helper()
	var m cash.Moved
	if err := json.Unmarshal(c.Payload, &m); err != nil {
		t.Fatalf("payload %s: %v", c.Payload, err)
	}
	return m
}

func recycler(t *testing.T) (*device.Sim, *conformance.Rig) {
	return setup(t, itlssp.Config{Payout: true, Store: map[int]int{100: 5, 20: 5}}, nil)
}

func order(hundreds, twenties int) cash.Dispense {
	return cash.Dispense{Counts: map[string]int{"unit100CNY1": hundreds, "unit20CNY1": twenties}}
}

// customer takes each note that comes, until the test ends.
func customer(t *testing.T, sim *device.Sim, notes int) {
	go func() {
		for range notes {
			if sim.Wait(t.Context(), func(st device.State) bool { return st.Physical.(itlssp.View).Places[itlssp.Bezel] == 1 }) != nil {
				return
			}
			_, _ = sim.Do("takeNotes", nil)
		}
	}()
}

func TestDepositedNotesArePaidOutAgain(t *testing.T) {
	sim, r := recycler(t)
	begin(t, r, cash.CashInStart{UseRecycleUnits: true})
	take(t, sim, r, 100)
	c, _ := r.Do(cash.CmdCashInEnd, nil)
	if d := deposited(t, c); d.Types[hundred].Recycled != 1 || view(sim).Levels[100] != 6 {
		t.Fatalf("%+v %+v", d, view(sim))
	}
	customer(t, sim, 3)
	c, events := r.Do(cash.CmdDispense, order(2, 1))
	want := map[string]cash.UnitMoved{"unit100CNY1": {Presented: 2, State: "ok"}, "unit20CNY1": {Presented: 1, State: "ok"}}
	if diff := cmp.Diff(want, moved(t, c).Units); diff != "" || c.Outcome != api.Done || len(events) != 1 {
		t.Errorf("%s %+v %v", diff, c, events)
	}
	r.Event(cash.EvItemsTaken)
	if c, _ := r.Do(cash.CmdDispense, order(9, 0)); c.Outcome != api.NotStarted || c.ErrorCode != cash.ErrNotDispensable {
		t.Errorf("more than there is: %+v", c)
	}
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	if c, _ = r.Do(cash.CmdCashInEnd, nil); deposited(t, c).Types[hundred].Cashbox != 1 {
		t.Errorf("without recycling: %+v", c)
	}
}

func TestAJamInThePayoutSaysExactlyWhatTheCustomerGot(t *testing.T) {
	sim, r := recycler(t)
	customer(t, sim, 3)
	if err := sim.ArmFault(device.FaultSpec{Code: "B1", Stage: device.MidMotion, Times: 1, After: 100}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(cash.CmdDispense, order(2, 1))
	m := moved(t, c)
	sum := 0
	for u, n := range m.Units {
		sum += n.Presented * map[string]int{"unit100CNY1": 100, "unit20CNY1": 20}[u]
	}
	paid := 0
	for _, n := range view(sim).Notes {
		if n.PaidOut {
			paid += n.Value
		}
	}
	if c.Outcome != api.Failed || m.Unknown || !m.Uncounted || sum != paid || paid == 0 {
		t.Errorf("%+v %+v, the device paid %d", c, m, paid)
	}
}

func TestAPowerCutInThePayoutIsSettledByLevelsAndCounters(t *testing.T) {
	sim, r := recycler(t)
	customer(t, sim, 3)
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "pay", Stage: device.MidMotion, Times: 1, After: 100}); err != nil {
		t.Fatal(err)
	}
	cmd := r.Command(cash.CmdDispense, order(3, 0))
	c := r.Device.Execute(t.Context(), cmd, nil)
	if c.Outcome != api.Indeterminate || !moved(t, c).Unknown {
		t.Fatalf("%+v", c)
	}
	sim.PowerRestore()
	rec, err := r.Device.Recover(t.Context())
	if err != nil || len(rec.Ops) != 1 {
		t.Fatalf("%+v, %v", rec, err)
	}
	c = *rec.Ops[0].Completion
	want := map[string]cash.UnitMoved{"unit100CNY1": {Presented: 1, Rejected: 1, State: "ok"}}
	if diff := cmp.Diff(want, moved(t, c).Units); diff != "" || c.Outcome != api.Failed || moved(t, c).Unknown {
		t.Errorf("%s %+v", diff, c)
	}
}

func TestTheStoreIsEmptiedIntoTheCashBox(t *testing.T) {
	sim, r := recycler(t)
	c, _ := r.Do(cash.CmdEmpty, nil)
	m := moved(t, c)
	if v := view(sim); c.Outcome != api.Done || m.Units["unit100CNY1"].Rejected != 5 || v.Places[itlssp.Cashbox] != 10 || v.Places[itlssp.Store] != 0 {
		t.Errorf("%+v %+v", c, v)
	}
}
