package counter

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// recyclerCommands are there when the acceptor has a store: it pays like a dispenser, and is emptied if
// its driver can do that.
func (c *Counter) recyclerCommands() map[string]service.Command {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	desc, err := c.Acceptor.Describe(ctx)
	var caps map[string]json.RawMessage
	if err != nil || json.Unmarshal(desc.Capabilities, &caps) != nil || caps["cashDispenser"] == nil {
		return nil
	}
	out := map[string]service.Command{}
	if c.Recycler != nil && c.Info.Pay != "never" {
		t := c.recycler()
		out["CashDispenser.GetMixTypes"] = service.Command{Async: true, Handle: c.mixTypes}
		out["CashDispenser.Denominate"] = service.Command{Handle: c.at(t, c.denominate)}
		out[cash.CmdDispense] = service.Command{Handle: c.at(t, c.dispense)}
		out["CashDispenser.GetPresentStatus"] = service.Command{Async: true, Handle: c.at(t, c.presentStatus)}
	}
	if _, can := desc.Commands[cash.CmdEmpty]; can {
		out[cash.CmdEmpty] = service.Command{Handle: outside(c.deplete)}
		out["CashAcceptor.GetDepleteSource"] = service.Command{Async: true, Handle: c.depleteSources}
	}
	return out
}

// recycles are the units of the store.
func (c *Counter) recycles() (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(c.acceptorStatus().Units)) {
		if id != cash.BoxUnit {
			ids = append(ids, id)
		}
	}
	return ids
}

// depleted is what came out of one unit.
type depleted struct {
	Source string `json:"cashUnitSource"`
	Item   string `json:"cashItem,omitempty"`
	Moved  int    `json:"numberOfItemsRemoved,omitempty"`
}

func (c *Counter) depleteSources(_ context.Context, call *service.Call) api.Completion {
	var req struct {
		CashUnitTarget string `json:"cashUnitTarget"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	out := []depleted{}
	if req.CashUnitTarget == "" || req.CashUnitTarget == cash.BoxUnit {
		for _, id := range c.recycles() {
			out = append(out, depleted{Source: id})
		}
	}
	return service.Done(map[string]any{"depleteSources": out})
}

// deplete moves the whole store into the cash box; the devices can do no less.
func (c *Counter) deplete(ctx context.Context, call *service.Call) api.Completion {
	var req struct {
		DepleteSources []struct {
			Source              string `json:"source"`
			NumberOfItemsToMove *int   `json:"numberOfItemsToMove"`
		} `json:"depleteSources"`
		CashUnitTarget string `json:"cashUnitTarget"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	units, asked := c.recycles(), map[string]bool{}
	if len(units) == 0 {
		return api.Refuse(api.DeviceNotReady, "the device has not said yet what it holds")
	}
	for _, s := range req.DepleteSources {
		switch {
		case !slices.Contains(units, s.Source):
			return api.Fail(api.NotStarted, "invalidCashUnit", "not a unit of the store: see GetDepleteSource")
		case s.NumberOfItemsToMove != nil:
			return api.Refuse(api.UnsupportedData, "the device empties its store: no number of notes can be asked for")
		}
		asked[s.Source] = true
	}
	switch {
	case req.CashUnitTarget != cash.BoxUnit:
		return api.Fail(api.NotStarted, "invalidCashUnit", "notes go into "+cash.BoxUnit)
	case len(asked) == 0 || len(asked) != len(units):
		return api.Refuse(api.UnsupportedData, "the device empties its store: all of its units are wanted")
	}
	if no := c.openBox(boxDepleting, boxDepletingWhy); no != nil {
		if no.ErrorCode == "transactionActive" { // the standard has no such code here
			no.ErrorCode = cash.ErrCashInActive
		}
		return *no
	}
	defer c.Recount() // for what is in doubt
	defer c.closeBox(boxDepletingWhy)
	return c.moveStore(ctx, call)
}

// moveStore books the box as unclear before notes move, and what came into it after.
func (c *Counter) moveStore(ctx context.Context, call *service.Call) api.Completion {
	var was bool
	c.Ledger.Read(func(b *book.Book) { was = b.BoxUnclear })
	keep := func(d book.Depleted) error {
		return c.Ledger.Log(ej.Counts, ej.Record{Device: AcceptorID}, book.CountsData{Depleted: &d, By: "XFS4IoT client"})
	}
	if err := keep(book.Depleted{Unclear: true, Doubt: true}); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	types := c.acceptorStatus().NoteTypes
	done := c.Acceptor.Run(ctx, cash.CmdEmpty, nil, call.Emit)
	var moved cash.Moved
	known := done.Outcome == api.NotStarted || done.Outcome != api.Indeterminate && json.Unmarshal(done.Payload, &moved) == nil && !moved.Unknown
	d := book.Depleted{Into: map[string]book.BoxNotes{}, Unclear: was || !known || moved.Uncounted, Doubt: !known || moved.Uncounted}
	results, total := []depleted{}, 0
	for _, id := range slices.Sorted(maps.Keys(moved.Units)) {
		n, item := moved.Units[id].Rejected, cash.NoteTypeOf(id)
		if n == 0 {
			continue
		}
		t, listed := types[item]
		if !listed {
			d.Unclear, d.Doubt = true, true // a note that the device does not list
			continue
		}
		d.Into[item] = book.BoxNotes{Currency: t.Currency, Value: t.Value, Count: n}
		results, total = append(results, depleted{id, item, n}), total+n
	}
	if err := keep(d); err != nil {
		done = api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	if done.Outcome == api.NotStarted {
		return done
	}
	if d.Unclear && !was {
		c.Alarm("depleteUnclear", cmp.Or(done.Description, "what went into the cash box is not certain: a person counts"), "")
	}
	done.Payload = service.Done(map[string]any{"numberOfItemsReceived": total, "depleteSourceResults": results}).Payload
	return done
}
