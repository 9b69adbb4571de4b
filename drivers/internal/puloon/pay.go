package puloon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver. Commands that move notes do not end early when ctx ends:
// the movement has to be seen through.
func (d *Dispenser) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case cash.CmdDispense:
		return sdk.Decoded(cmd, func(r cash.Dispense) api.Completion { return d.dispense(ctx, cmd.Op, r, emit) })
	case cash.CmdRetract:
		return sdk.Decoded(cmd, func(r cash.Retract) api.Completion { return d.retract(ctx, r) })
	case cash.CmdReset:
		return d.reset(ctx)
	case cash.CmdTest:
		return d.test(ctx)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// order is the counts by cassette.
func (d *Dispenser) order(counts map[string]int) (asked []int, refuse *api.Completion) {
	no := func(c api.Completion) ([]int, *api.Completion) { return nil, &c }
	asked = make([]int, d.o.Cassettes)
	for id, n := range counts {
		u, ok := d.o.Units[id]
		switch {
		case !ok:
			return no(api.Fail(api.NotStarted, cash.ErrCashUnit, fmt.Sprintf("the device has no cash unit %q", id)))
		case n < 0:
			return no(api.Refuse(api.InvalidData, "a count is negative"))
		case n > d.o.PerUnit-asked[u] || n > d.o.Total-sum(asked):
			return no(api.Fail(api.NotStarted, cash.ErrTooManyItems, fmt.Sprintf("more than %d notes of %s or %d in all", d.o.PerUnit, id, d.o.Total)))
		}
		asked[u] += n
	}
	if sum(asked) == 0 {
		return no(api.Refuse(api.InvalidData, "no notes asked for"))
	}
	return asked, nil
}

func sum(counts []int) (n int) {
	for _, k := range counts {
		n += k
	}
	return n
}

func (d *Dispenser) dispense(ctx context.Context, op api.OpID, r cash.Dispense, emit func(api.Event)) api.Completion {
	if r.Position != "" && r.Position != "outDefault" {
		return api.Fail(api.NotStarted, "unsupportedPosition", "the device has one exit: outDefault")
	}
	asked, refuse := d.order(r.Counts)
	if refuse != nil {
		return *refuse
	}
	defer d.Take(d.o.Times.Reply + time.Duration(sum(asked))*d.o.Times.PerNote)()
	if c := d.mayPay(asked); c != nil {
		return *c
	}
	frame, err := d.o.Frame(d.link, asked)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	w, witnessed := d.o.Model.(Witness)
	if witnessed {
		err = w.Before(d.link, op)
	}
	if err == nil && d.o.Show != nil {
		if c := d.o.Show(r.Token); c != nil {
			return *c
		}
	}
	if err == nil {
		err = sdk.Moving(ctx)
	}
	if err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	data, err := d.link.Move(frame, sum(asked), func() { emit(api.Event{Name: cash.EvStartDispense}) })
	if witnessed && errors.Is(err, line.ErrSilent) {
		if last, ok := w.After(d.link, op); ok {
			data, err = last, nil
		}
	}
	if err != nil {
		return d.unclear(err)
	}
	c := d.settle(d.o.Command(asked), data, asked, emit)
	if c.Code == api.InvalidToken && r.Token == "" {
		c.Code = api.AuthorizationRequired
	}
	d.looked()
	return c
}

// mayPay looks at the device before notes move.
func (d *Dispenser) mayPay(asked []int) *api.Completion {
	s, err := d.look(d.o.Times.Retries)
	no := func(c api.Completion) *api.Completion { return &c }
	switch {
	case err != nil:
		return no(api.Refuse(api.DeviceNotReady, err.Error()))
	case s.Exit:
		return no(api.Fail(api.NotStarted, cash.ErrItemsLeft, "notes lie at the exit"))
	case s.Path:
		return no(api.Fail(api.NotStarted, cash.ErrItemsLeft, "notes lie in the transport"))
	case s.NoTray:
		return no(d.failed(api.NotStarted, d.o.NoTray))
	}
	for u, n := range asked {
		if n > 0 && s.Missing[u] {
			return no(d.failed(api.NotStarted, d.o.NoCassette[u]))
		}
	}
	return nil
}

// unclear is the completion after a moving command without a result.
func (d *Dispenser) unclear(err error) api.Completion {
	if errors.Is(err, line.ErrRefused) {
		return api.Refuse(api.HardwareError, err.Error())
	}
	d.mu.Lock()
	d.unsettle = true
	d.mu.Unlock()
	d.absent()
	return sdk.With(api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}, cash.Moved{Unknown: true})
}

func (d *Dispenser) good(e byte) bool { return slices.Contains(d.o.Good, e) }

// settle turns the device's result of a dispense into the completion. Only EXIT counts are
// paid.
func (d *Dispenser) settle(cmd byte, data []byte, asked []int, emit func(api.Event)) api.Completion {
	r, err := d.o.Result(cmd, data)
	if err != nil {
		return d.unclear(err)
	}
	if d.o.Unauthorised != 0 && r.Err == d.o.Unauthorised {
		return sdk.With(api.Refuse(api.InvalidToken, "the device has no token that authorises this value"), cash.Moved{})
	}
	f, known := d.o.Faults[r.Err]
	good := d.good(r.Err)
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}, Unknown: f.Unsure || !known && !good, Uncounted: f.Inside}
	total, wanted, exact := 0, sum(asked), true
	d.mu.Lock()
	d.unsettle = false
	if u := d.o.Emptied(r, asked); u >= 0 {
		d.empty[u] = true
	}
	for u, p := range r.Units {
		total += p.Exit
		exact = exact && p.Exit == asked[u]
		moved.Unknown = moved.Unknown || p.Exit > asked[u]
		moved.Uncounted = moved.Uncounted || p.Inside && !good
	}
	for id, u := range d.o.Units {
		p := r.Units[u]
		if asked[u] == 0 && p.Exit == 0 && p.Rejects == 0 {
			continue
		}
		state := d.unitState(u)
		if state == "ok" && p.NearEnd {
			state = "low"
		}
		moved.Units[id] = cash.UnitMoved{Presented: p.Exit, Rejected: p.Rejects, State: state}
	}
	if total > 0 && d.o.Hold {
		d.held, d.seen.Exit = true, true
	}
	d.mu.Unlock()
	d.o.Env.StatusChanged()

	c := api.Completion{Outcome: api.Done}
	switch {
	case !good:
		c = d.failed(api.Failed, r.Err)
	case !exact:
		moved.Unknown = true
		c = api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: fmt.Sprintf("the device says good but counted %d notes at the exit for %d", total, wanted)}
	}
	if total < wanted && emit != nil {
		b, _ := json.Marshal(map[string]any{"X-units": moved.Units}) // a type of drivers/api
		emit(api.Event{Name: cash.EvIncomplete, Payload: b})
	}
	if total > 0 {
		d.o.Env.Event(cash.EvItemsPresented, map[string]any{"position": "outDefault", "additionalBunches": "0"})
		if !d.o.Hold {
			d.o.Env.Event(cash.EvItemsTaken, map[string]string{"position": "outDefault"})
		}
	}
	return sdk.With(c, moved)
}
