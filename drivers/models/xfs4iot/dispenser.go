package xfs4iot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/sdk"
)

// dispenser proves what a dispense did: by the service provider's counts before and after,
// and by its present status. A completion alone proves nothing, and neither of the two is
// believed when they differ.
type dispenser struct{ notes }

var dispenserCommands = map[string]api.Motion{
	cash.CmdDispense: api.MovesCash, cash.CmdReject: api.MovesCash, cash.CmdRetract: api.MovesCash, cash.CmdReset: api.MovesCash, cash.CmdTest: api.MovesCash,
	cash.CmdGetCommandNonce: api.Wait, cash.CmdClearCommandNonce: api.Wait, cash.CmdGetPresentStatus: api.Still,
}

func newDispenser(d *driver) sdk.Driver {
	x := &dispenser{notes{driver: d}}
	x.watch()
	return x
}

// Status implements sdk.Driver: the service provider's, in the form that the platform reads.
func (x *dispenser) Status() map[string]any {
	out := x.driver.Status()
	st := cash.Status{Transport: "unknown", Units: map[string]cash.UnitStatus{}, Positions: []cash.Position{{Position: x.p.Exit, PositionStatus: "unknown"}}}
	l, status := x.current()
	x.state.Lock()
	for name, u := range x.units {
		if u.Cash.Configuration.Types.CashOut || x.p.ours(name) != name {
			st.Units[x.p.ours(name)] = cash.UnitStatus{State: u.state()}
		}
	}
	x.state.Unlock()
	if l != nil {
		var theirs struct {
			IntermediateStacker string
			Positions           []position
		}
		decoded(status, "cashDispenser", &theirs)
		list, transports := exits(theirs.Positions)
		if len(list) > 0 {
			st.Positions = list
		}
		st.Transport = path(theirs.IntermediateStacker, transports)
	}
	out["cashDispenser"] = st
	return out
}

// Execute implements sdk.Driver.
func (x *dispenser) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	defer func() {
		if m := dispenserCommands[cmd.Name]; m.Cash() {
			x.refresh(context.WithoutCancel(ctx))
		}
	}()
	switch cmd.Name {
	case cash.CmdDispense:
		return sdk.Decoded(cmd, func(r cash.Dispense) api.Completion { return x.dispense(ctx, cmd, r, emit) })
	case cash.CmdRetract:
		var r cash.Retract
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		area := x.p.Retract
		if r.Area != "" {
			area = r.Area
		}
		// What is drawn in is counted by kind, if at all, not by the unit it came from.
		return x.move(ctx, cmd, map[string]any{"location": map[string]any{"outputPosition": x.p.Exit, "retractArea": area}}, true, emit)
	case cash.CmdReset:
		st, _ := x.Status()["cashDispenser"].(cash.Status)
		found := st.Transport != "empty" || slices.ContainsFunc(st.Positions, func(p cash.Position) bool { return p.PositionStatus != "empty" })
		return x.move(ctx, cmd, map[string]any{}, found, emit)
	case cash.CmdReject:
		return x.move(ctx, cmd, map[string]any{}, false, emit)
	case cash.CmdTest:
		return x.move(ctx, cmd, map[string]any{"target": map[string]string{"target": "reject"}}, false, emit)
	}
	return x.driver.Execute(ctx, cmd, emit)
}

// move runs a command that moves notes to a place of the device; unknown says that its notes
// are nobody's to book.
func (x *dispenser) move(ctx context.Context, cmd api.Command, payload any, unknown bool, emit func(api.Event)) api.Completion {
	cmd.Payload, _ = json.Marshal(payload)
	done := x.run(ctx, cmd, emit)
	if done.Code == api.CommandErrorCode && (done.ErrorCode == cash.ErrNoItems || done.ErrorCode == cash.ErrItemsTaken) {
		return api.Fail(api.NotStarted, done.ErrorCode, done.Description)
	}
	if done.Outcome == api.NotStarted {
		return done
	}
	return sdk.With(done, cash.Moved{Unknown: unknown || done.Outcome != api.Done})
}

// order is what is asked of the service provider, and what it had before.
type order struct {
	Op     api.OpID       `json:"op"`
	Asked  map[string]int `json:"asked"` // by their units
	Before counts         `json:"before"`
}

func (x *dispenser) dispense(ctx context.Context, cmd api.Command, r cash.Dispense, emit func(api.Event)) api.Completion {
	if r.Position != "" && r.Position != "outDefault" && r.Position != x.p.Exit {
		return api.Fail(api.NotStarted, cash.ErrPosition, "the profile names one exit: "+x.p.Exit)
	}
	units, err := x.storage(ctx)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	o := order{Op: cmd.Op, Asked: map[string]int{}, Before: countsOf(units)}
	value, notes := map[string]float64{}, 0
	for id, n := range r.Counts {
		u, ok := units[x.p.theirs(id)]
		switch {
		case !ok:
			return api.Fail(api.NotStarted, cash.ErrCashUnit, fmt.Sprintf("the service provider has no unit %q for %q", x.p.theirs(id), id))
		case n < 0:
			return api.Refuse(api.InvalidData, "a count is negative")
		case n > 0:
			o.Asked[x.p.theirs(id)] = n
			value[u.Cash.Configuration.Currency] += float64(n) * u.Cash.Configuration.Value
			notes += n
		}
	}
	switch {
	case notes == 0:
		return api.Refuse(api.InvalidData, "no notes asked for")
	case notes > x.p.MaxNotes:
		return api.Fail(api.NotStarted, cash.ErrTooManyItems, fmt.Sprintf("more than %d notes", x.p.MaxNotes))
	}
	if err := x.remember(o); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	payload := map[string]any{"position": x.p.Exit,
		"denomination": map[string]any{"denomination": map[string]any{"app": map[string]any{"currencies": value, "counts": o.Asked}}}}
	if r.Token != "" {
		payload["token"] = r.Token
	}
	began := false
	hear := func(ev api.Event) {
		began = began || ev.Name == cash.EvStartDispense
		emit(ev)
	}
	cmd.Payload, _ = json.Marshal(payload)
	done := x.run(ctx, cmd, hear)
	if done.Outcome == api.Done && x.p.Present {
		next := cmd
		next.Name = cash.CmdPresent
		next.Payload, _ = json.Marshal(map[string]string{"position": x.p.Exit})
		if done = x.run(ctx, next, hear); done.Outcome == api.NotStarted { // the notes are on the stacker
			done.Outcome = api.Failed
		}
	}
	if done.Outcome == api.NotStarted && !began {
		x.forget()
		return done
	}
	done = x.prove(ctx, o, done, began)
	if done.Outcome != api.Indeterminate {
		x.forget()
	}
	return done
}

// idle waits until the service provider is there and has ended what it does.
func (x *dispenser) idle(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ms(x.p.SettleMs))
	defer cancel()
	for {
		var st struct{ Common struct{ Device string } }
		if x.ask(ctx, "Common.Status", nil, &st) == nil && st.Common.Device != "deviceBusy" && st.Common.Device != "starting" {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-x.down:
			return false
		case <-time.After(ms(x.p.AgainMs)):
		}
	}
}

// Recover implements sdk.Driver: a dispense that was interrupted is settled when the counts
// that were remembered before it prove it.
func (x *dispenser) Recover(ctx context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	if l, _ := x.current(); l == nil {
		return api.Recovery{}, errLost
	}
	out := api.Recovery{Media: map[string]int{}}
	o, known := x.remembered()
	for _, op := range open {
		if !known || op.Op != o.Op || !op.Moved {
			continue
		}
		done := x.prove(ctx, o, api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "interrupted"}, true)
		if done.Outcome != api.Indeterminate {
			rec := op.OpRecord
			rec.Completion = &done
			out.Ops, out.Note = append(out.Ops, rec), "the service provider's counts prove it"
			x.forget()
		}
	}
	x.refresh(ctx)
	st, _ := x.Status()["cashDispenser"].(cash.Status)
	for _, p := range st.Positions {
		if p.PositionStatus == "notEmpty" {
			out.Media["outDefault"] = -1
		}
	}
	if st.Transport == "notEmpty" {
		out.Media["transport"] = -1
	}
	if len(out.Media) == 0 {
		out.Media = nil
	}
	return out, nil
}
