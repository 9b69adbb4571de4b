package itlnv200_test

import (
	"encoding/json"
	"syscall"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/sim/device"
	"zhigui/sim/device/itlssp"
)

func levels(r *conformance.Rig) map[string]int {
	var st cash.AcceptorStatus
	r.Status("cashAcceptor", &st)
	return st.Levels
}

func TestNotesAboveTheMarkAndUnfitOnesGoIntoTheCashBox(t *testing.T) {
	sim, r := recycler(t)
	begin(t, r, cash.CashInStart{UseRecycleUnits: true, High: map[string]int{hundred: 6, "type20CNY1": 0}})
	for _, v := range []int{100, 100, 20, 50} { // the second hundred is above the mark, a twenty never stays
		take(t, sim, r, v)
	}
	_, _, done := insert(t, sim, r, 50, "unfit")
	conformance.Ended(t, done)
	c, _ := r.Do(cash.CmdCashInEnd, nil)
	d := deposited(t, c)
	for id, want := range map[string][2]int{hundred: {1, 1}, "type20CNY1": {0, 1}, "type50CNY1": {1, 1}} {
		if n := d.Types[id]; n.Recycled != want[0] || n.Cashbox != want[1] {
			t.Errorf("%s: %+v, want %v", id, n, want)
		}
	}
	v, l := view(sim), levels(r)
	if v.Levels[100] != 6 || l["unit100CNY1"] != 6 || l["unit50CNY1"] != 1 || l["unit20CNY1"] != 5 {
		t.Errorf("the device holds %v, the status says %v", v.Levels, l)
	}
	begin(t, r, cash.CashInStart{UseRecycleUnits: true}) // no mark any more
	take(t, sim, r, 100)
	if c, _ = r.Do(cash.CmdCashInEnd, nil); deposited(t, c).Types[hundred].Recycled != 1 {
		t.Errorf("without a mark: %+v", c)
	}
}

func TestEachNoteOfAPayoutIsToldOfWithHowManyFollow(t *testing.T) {
	sim, r := recycler(t)
	cmd := r.Command(cash.CmdDispense, order(2, 0))
	_, done := r.Begin(t.Context(), cmd)
	for _, x := range []struct{ event, more string }{{cash.EvItemsPresented, "1"}, {cash.EvItemsTaken, "1"}, {cash.EvItemsPresented, "0"}, {cash.EvItemsTaken, "0"}} {
		if x.event == cash.EvItemsTaken {
			customer(t, sim, 1)
		}
		raw := r.Event(x.event)
		var b cash.Bunch
		if err := json.Unmarshal(raw, &b); err != nil || b.More != x.more {
			t.Fatalf("%s %s, want %s more", x.event, raw, x.more)
		}
		if p := xfs4iot.Check("unsolicited", x.event, raw); len(p) > 0 {
			t.Error(p)
		}
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if l := levels(r); l["unit100CNY1"] != 3 {
		t.Errorf("the status says %v after the payout", l)
	}
}

func TestAPayoutWhoseFirstNoteIsLeftIsHalted(t *testing.T) {
	sim, r := setup(t, itlssp.Config{Payout: true, Store: map[int]int{100: 5}}, map[string]any{"perNoteMs": 300})
	c, _ := r.Do(cash.CmdDispense, order(3, 0))
	if m := moved(t, c); c.Outcome != api.Failed || c.Code != api.CodeTimeOut || m.Unknown || m.Units["unit100CNY1"].Presented != 1 {
		t.Errorf("%+v %+v", c, m)
	}
	if v := view(sim); v.Places[itlssp.Bezel] != 1 || v.Levels[100] != 4 {
		t.Errorf("%+v", v)
	}
}

func TestADriverThatComesBackHaltsThePayoutAndKnowsWhatCameOut(t *testing.T) {
	sim, r := recycler(t)
	cmd := r.Command(cash.CmdDispense, order(3, 0))
	_, done := r.Begin(t.Context(), cmd)
	wait(t, sim, func(st device.State) bool { return st.Physical.(itlssp.View).Places[itlssp.Bezel] == 1 })
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	rec := <-r.Recoveries
	if len(rec.Ops) != 1 || rec.Ops[0].Completion == nil {
		t.Fatalf("%+v", rec)
	}
	if c := *rec.Ops[0].Completion; moved(t, c).Unknown || moved(t, c).Units["unit100CNY1"].Presented != 1 {
		t.Errorf("%+v %s", c, c.Payload)
	}
	customer(t, sim, 1)
	wait(t, sim, func(st device.State) bool { return st.Physical.(itlssp.View).Places[itlssp.Bezel] == 0 })
	if v := view(sim); v.Job != "" || v.Levels[100] != 4 {
		t.Errorf("it pays on: %+v", v)
	}
}

func TestTheFullCashBoxIsCalledInTheEventAsInTheStatus(t *testing.T) {
	sim, r := setup(t, itlssp.Config{CashboxCapacity: 1}, nil)
	begin(t, r, cash.CashInStart{})
	take(t, sim, r, 100)
	r.Do(cash.CmdCashInEnd, nil)
	raw := r.Event(cash.EvThreshold)
	if p := xfs4iot.Check("unsolicited", cash.EvThreshold, raw); len(p) > 0 {
		t.Error(p)
	}
	var told map[string]cash.StorageUnit
	var st cash.AcceptorStatus
	r.Status("cashAcceptor", &st)
	if err := json.Unmarshal(raw, &told); err != nil || told[cash.BoxUnit].Cash.Status.Replenishment != "full" || st.Units[cash.BoxUnit].State != "full" {
		t.Errorf("%s, status %+v", raw, st.Units)
	}
	act(t, sim, "removeCashbox", nil)
	if p := xfs4iot.Check("unsolicited", cash.EvStorage, r.Event(cash.EvStorage)); len(p) > 0 {
		t.Error(p)
	}
}
