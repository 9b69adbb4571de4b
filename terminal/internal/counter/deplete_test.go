package counter

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
)

// recycler is an acceptor with a store, behind the interface of a driver.
type recycler struct {
	driver
	store bool
	does  func() api.Completion // empties it
}

func (r *recycler) Describe(context.Context) (api.Description, error) {
	d := api.Description{Capabilities: []byte(`{"cashAcceptor":{}}`), Commands: map[string]api.Motion{cash.CmdEmpty: api.MovesCash}}
	if r.store {
		d.Capabilities = []byte(`{"cashAcceptor":{},"cashDispenser":{}}`)
	}
	return d, nil
}

func (r *recycler) Status(context.Context) (api.Status, error) {
	b, err := json.Marshal(map[string]any{"common": map[string]string{"device": "online"}, "cashAcceptor": cash.AcceptorStatus{
		Units:     map[string]cash.UnitStatus{cash.BoxUnit: {State: "ok"}, "unit100CNY1": {State: "ok"}, "unit20CNY1": {State: "ok"}},
		NoteTypes: map[string]cash.NoteType{"type100CNY1": {Currency: "CNY", Value: 10000}, "type20CNY1": {Currency: "CNY", Value: 2000}},
	}})
	return api.Status{Full: true, Classes: b}, err
}

func (r *recycler) Execute(context.Context, api.Command, func(api.Event)) api.Completion {
	return r.does()
}

// withStore is a counter whose session has ended, at a recycler.
func withStore(t *testing.T, r *recycler) (c *rig, alarms *[]string) {
	alarms = new([]string)
	c = newRig(t, func(p *Parts) {
		p.Acceptor = device.New(AcceptorID, r)
		must(t, p.Acceptor.Refresh(context.Background()))
		p.Alarm = func(kind, _, _ string) { *alarms = append(*alarms, kind) }
		p.Info.Timeouts.Card = time.Minute // nobody's card is retained, with an alarm, in the midst of it
	})
	return c, alarms
}

const both = `{"depleteSources":[{"source":"unit100CNY1"},{"source":"unit20CNY1"}],"cashUnitTarget":"unitcashbox"}`

func (r *rig) empties(t *testing.T, payload string) api.Completion {
	t.Helper()
	done := r.deplete(context.Background(), &service.Call{Payload: []byte(payload)})
	if p := xfs4iot.Check("command", cash.CmdEmpty, []byte(payload)); len(p) > 0 {
		t.Error(p)
	}
	if p := xfs4iot.Check("completion", cash.CmdEmpty, done.Payload); len(done.Payload) > 0 && len(p) > 0 {
		t.Error(p)
	}
	return done
}

func (r *rig) box() (box map[string]book.BoxNotes, unclear bool) {
	r.Ledger.Read(func(b *book.Book) { box, unclear = b.Box, b.BoxUnclear })
	return box, unclear
}

func moves(o api.Outcome, m cash.Moved) func() api.Completion {
	return func() api.Completion {
		c := service.Done(m)
		c.Outcome = o
		return c
	}
}

func TestTheStoreOfARecyclerIsEmptiedIntoTheBox(t *testing.T) {
	plain, _ := withStore(t, &recycler{})
	if plain.recyclerCommands() != nil {
		t.Error("an acceptor without a store has the commands")
	}
	dev := &recycler{store: true, does: moves(api.Done, cash.Moved{Units: map[string]cash.UnitMoved{"unit100CNY1": {Rejected: 5}, "unit20CNY1": {Rejected: 3}}})}
	r, alarms := withStore(t, dev)
	if len(r.recyclerCommands()) != 2 {
		t.Fatal(r.recyclerCommands())
	}
	if c := r.empties(t, both); c.ErrorCode != cash.ErrCashInActive {
		t.Errorf("while a customer is served: %+v", c)
	}
	r.EndSession("test")
	for payload, want := range map[string]string{
		`{"depleteSources":[{"source":"unit100CNY1"}],"cashUnitTarget":"unitcashbox"}`:                                                 string(api.UnsupportedData),
		`{"depleteSources":[{"source":"unit100CNY1","numberOfItemsToMove":2},{"source":"unit20CNY1"}],"cashUnitTarget":"unitcashbox"}`: string(api.UnsupportedData),
		`{"depleteSources":[{"source":"unit9"}],"cashUnitTarget":"unitcashbox"}`:                                                       "invalidCashUnit",
		`{"depleteSources":[{"source":"unit100CNY1"},{"source":"unit20CNY1"}],"cashUnitTarget":"unit100CNY1"}`:                         "invalidCashUnit",
		`{}`: "invalidCashUnit",
	} {
		if c := r.empties(t, payload); c.Outcome != api.NotStarted || c.ErrorCode != want && string(c.Code) != want {
			t.Errorf("%s: %+v", payload, c)
		}
	}
	during := dev.does
	dev.does = func() api.Completion {
		if _, unclear := r.box(); !unclear || r.Suspended() == "" {
			t.Error("notes move under a box that is booked as certain, or while customers may come")
		}
		if c := r.startBoxExchange(context.Background(), nil); c.ErrorCode != "exchangeActive" {
			t.Errorf("%+v", c)
		}
		if c := r.endBoxExchange(context.Background(), nil); c.ErrorCode != "noExchangeActive" {
			t.Errorf("%+v", c)
		}
		r.EndExchange()
		if r.Suspended() == "" {
			t.Error("the end of an exchange ended the emptying")
		}
		return during()
	}
	c := r.empties(t, both)
	const want = `{"depleteSourceResults":[{"cashUnitSource":"unit100CNY1","cashItem":"type100CNY1","numberOfItemsRemoved":5},{"cashUnitSource":"unit20CNY1","cashItem":"type20CNY1","numberOfItemsRemoved":3}],"numberOfItemsReceived":8}`
	if c.Outcome != api.Done || string(c.Payload) != want || r.Suspended() != "" || len(*alarms) != 0 {
		t.Errorf("%+v %s %q %v", c, c.Payload, r.Suspended(), *alarms)
	}
	box, unclear := r.box()
	if diff := cmp.Diff(map[string]book.BoxNotes{"type100CNY1": {Currency: "CNY", Value: 10000, Count: 5}, "type20CNY1": {Currency: "CNY", Value: 2000, Count: 3}}, box); diff != "" || unclear {
		t.Error(diff, unclear)
	}
	s := r.depleteSources(context.Background(), &service.Call{})
	if p := xfs4iot.Check("completion", "CashAcceptor.GetDepleteSource", s.Payload); len(p) > 0 || string(s.Payload) != `{"depleteSources":[{"cashUnitSource":"unit100CNY1"},{"cashUnitSource":"unit20CNY1"}]}` {
		t.Error(p, string(s.Payload))
	}
}

func TestAnEmptyingThatIsNotCertainLeavesTheBoxUnclear(t *testing.T) {
	some := cash.Moved{Units: map[string]cash.UnitMoved{"unit100CNY1": {Rejected: 2}}}
	for _, x := range []struct {
		name    string
		does    func() api.Completion
		count   int
		unclear bool
	}{
		{"refused", func() api.Completion { return api.Fail(api.NotStarted, cash.ErrItemsLeft, "a note is in the bezel") }, 0, false},
		{"jammed, counted", moves(api.Failed, some), 2, false},
		{"jammed, a note uncounted", moves(api.Failed, cash.Moved{Units: some.Units, Uncounted: true}), 2, true},
		{"levels and counters differ", moves(api.Failed, cash.Moved{Units: some.Units, Unknown: true}), 2, true},
		{"lost", func() api.Completion { return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError} }, 0, true},
		{"a note nobody knows", moves(api.Done, cash.Moved{Units: map[string]cash.UnitMoved{"unit5EUR1": {Rejected: 2}}}), 0, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			r, alarms := withStore(t, &recycler{store: true, does: x.does})
			r.EndSession("test")
			r.empties(t, both)
			box, unclear := r.box()
			if box["type100CNY1"].Count != x.count || unclear != x.unclear || len(*alarms) > 0 != x.unclear || r.Suspended() != "" {
				t.Errorf("%v %v %v %q", box, unclear, *alarms, r.Suspended())
			}
		})
	}
}
