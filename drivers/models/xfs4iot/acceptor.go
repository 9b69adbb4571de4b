package xfs4iot

import (
	"context"
	"encoding/json"
	"math"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/sdk"
)

// acceptor takes the numbers of a cash-in transaction from GetCashInStatus alone: it is
// cumulative, and it outlives a lost link.
type acceptor struct {
	notes
	types  map[string]cash.NoteType
	cashIn cash.CashInStatus
	known  bool // cashIn was answered since the link is up
}

var acceptorCommands = map[string]api.Motion{
	cash.CmdCashInStart: api.MovesCash, cash.CmdCashIn: api.TakesCash, cash.CmdCashInEnd: api.MovesCash, cash.CmdCashInRollback: api.MovesCash,
	cash.CmdReset: api.MovesCash, cash.CmdConfigureNoteTypes: api.Wait,
}

func newAcceptor(d *driver) sdk.Driver {
	a := &acceptor{notes: notes{driver: d}}
	a.more = a.asked
	a.watch()
	return a
}

// asked asks for note types and the cash-in transaction.
func (a *acceptor) asked(ctx context.Context) (note func()) {
	var types struct {
		Items map[string]struct {
			Enabled  bool
			CashItem struct {
				Currency string
				Value    float64
			}
		}
	}
	var at struct {
		Status         string
		NumOfRefused   int
		NoteNumberList items
	}
	errTypes := a.ask(ctx, "CashManagement.GetBankNoteTypes", nil, &types)
	errAt := a.ask(ctx, "CashAcceptor.GetCashInStatus", nil, &at)
	return func() {
		if errTypes == nil {
			a.types = map[string]cash.NoteType{}
			for id, t := range types.Items {
				a.types[id] = cash.NoteType{Currency: t.CashItem.Currency, Value: int64(math.Round(t.CashItem.Value * 100)), Enabled: t.Enabled}
			}
		}
		if a.known = errAt == nil; a.known {
			a.cashIn = a.transaction(at.Status, at.NumOfRefused, at.NoteNumberList)
		}
	}
}

// transaction is the service provider's in our words: what stands in which state is where.
func (a *acceptor) transaction(status string, refused int, list items) cash.CashInStatus {
	out := cash.CashInStatus{Status: status, Deposited: cash.Deposited{Types: map[string]cash.NoteMoved{}, Refused: refused}}
	notes, other := list.by()
	for id, n := range notes {
		t, ok := a.types[id]
		if n == 0 {
			continue
		}
		m := cash.NoteMoved{Currency: t.Currency, Value: t.Value}
		switch {
		case !ok || t.Value <= 0:
			out.Unknown = true // a note without a value is no amount
			continue
		case status == cash.CashInRollback:
			m.Returned = n
		case status == cash.CashInOK:
			m.Credited, m.Cashbox = n, n
		case status == cash.CashInActive && a.p.Escrow:
			m.Escrow = n
		case status == cash.CashInActive:
			m.Credited = n
		}
		out.Types[id] = m
	}
	switch status {
	case cash.CashInOK, cash.CashInRollback, cash.CashInActive, "":
		out.Uncounted = other > 0 // taken, and nobody's amount
	default: // retract, reset, unknown: the standard does not say where which note went
		out.Unknown = true
	}
	return out
}

// Status implements sdk.Driver.
func (a *acceptor) Status() map[string]any {
	out := a.driver.Status()
	a.state.Lock()
	defer a.state.Unlock()
	st := cash.AcceptorStatus{IntermediateStacker: "unknown", StackerItems: "accessUnknown", Transport: "unknown", Units: map[string]cash.UnitStatus{}, NoteTypes: a.types, CashIn: a.cashIn}
	box := "ok"
	for name, u := range a.units {
		if !u.Cash.Configuration.Types.CashIn {
			continue
		}
		if id := a.p.ours(name); id != name {
			st.Units[id] = cash.UnitStatus{State: u.state()}
		}
		switch s := u.state(); {
		case s == "missing", s == "inoperative" && box != "missing", s == "full" && box == "ok":
			box = s
		}
	}
	if _, ok := st.Units[cash.BoxUnit]; !ok && a.units != nil {
		st.Units[cash.BoxUnit] = cash.UnitStatus{State: box} // the worst of those that take notes in
	}
	if l, status := a.current(); l != nil {
		var theirs struct {
			IntermediateStacker, StackerItems string
			Positions                         []position
		}
		decoded(status, "cashAcceptor", &theirs)
		var transports []string
		st.Positions, transports = exits(theirs.Positions)
		st.IntermediateStacker, st.StackerItems = theirs.IntermediateStacker, theirs.StackerItems
		if st.IntermediateStacker == "" {
			st.IntermediateStacker = "empty" // there is none
		}
		st.Transport = path("", transports)
		if !a.known {
			out["common"] = map[string]any{"device": api.Starting, "X-reason": "the cash-in transaction is asked for"}
		}
	}
	out["cashAcceptor"] = st
	return out
}

// Execute implements sdk.Driver.
func (a *acceptor) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	hear := func(ev api.Event) {
		if ev.Name == cash.EvSubCashIn { // its payload is the standard's; ours is cumulative
			a.refresh(context.WithoutCancel(ctx))
			ev.Payload, _ = json.Marshal(a.numbers(api.Done))
		}
		emit(ev)
	}
	switch cmd.Name {
	case cash.CmdCashInStart:
		var r cash.CashInStart
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		cmd.Payload, _ = json.Marshal(startOf(r))
	case cash.CmdConfigureNoteTypes:
		var r cash.ConfigureNoteTypes
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		done := a.run(ctx, cmd, emit)
		a.refresh(context.WithoutCancel(ctx))
		return done
	}
	var object map[string]any
	if err := sdk.Decode(cmd, &object); err != nil {
		return sdk.BadPayload(err)
	}
	done := a.run(ctx, cmd, hear)
	switch done.ErrorCode { // the standard's names for "not now": nothing was moved
	case cash.ErrNoCashIn, cash.ErrCashInActive, cash.ErrNoItems, "exchangeActive":
		done.Outcome = api.NotStarted
	}
	a.refresh(context.WithoutCancel(ctx))
	return sdk.With(done, a.numbers(done.Outcome))
}

// numbers are the completion's payload.
func (a *acceptor) numbers(o api.Outcome) cash.Deposited {
	a.state.Lock()
	defer a.state.Unlock()
	n := a.cashIn.Clone()
	n.Unknown = n.Unknown || !a.known || o == api.Indeterminate
	return n
}

func startOf(r cash.CashInStart) map[string]any {
	out := map[string]any{"useRecycleUnits": r.UseRecycleUnits}
	if r.InputPosition != "" {
		out["inputPosition"] = r.InputPosition
	}
	if r.OutputPosition != "" {
		out["outputPosition"] = r.OutputPosition
	}
	if r.TotalItemsLimit > 0 {
		out["totalItemsLimit"] = r.TotalItemsLimit
	}
	var limits []map[string]any
	for _, l := range r.AmountLimit {
		limits = append(limits, map[string]any{"currency": l.Currency, "value": float64(l.Value) / 100})
	}
	if limits != nil {
		out["amountLimit"] = limits
	}
	return out
}

// Recover implements sdk.Driver. It settles no operation: where the notes are stands in the
// status, whatever led to it.
func (a *acceptor) Recover(ctx context.Context, _ []sdk.OpenOp) (api.Recovery, error) {
	if l, _ := a.current(); l == nil {
		return api.Recovery{}, errLost
	}
	a.refresh(ctx)
	return api.Recovery{}, nil
}
