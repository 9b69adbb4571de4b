package puloon

import (
	"context"
	"errors"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/sdk"
)

// purge clears the path and the exit and gives the device's error.
func (d *Dispenser) purge(ctx context.Context) (byte, *api.Completion) {
	if err := sdk.Moving(ctx); err != nil {
		c := api.Refuse(api.InternalError, err.Error())
		return 0, &c
	}
	d.mu.Lock()
	held := d.held
	d.held = false // what leaves the exit from now on is not taken by the customer
	d.mu.Unlock()
	data, err := d.link.Move(Request(d.o.ID, d.o.Purge), 0, func() {})
	var e byte
	if err == nil {
		e, err = d.o.Purged(data)
	}
	if err != nil {
		if errors.Is(err, line.ErrRefused) {
			d.mu.Lock()
			d.held = held
			d.mu.Unlock()
		}
		c := d.unclear(err)
		return 0, &c
	}
	return e, nil
}

// retract draws held notes into the reject tray. The device cannot count them: the result
// is always X-unknown.
func (d *Dispenser) retract(ctx context.Context, r cash.Retract) api.Completion {
	if !d.o.Hold {
		return api.Refuse(api.UnsupportedCommand, "the device throws notes out: nothing can be drawn back")
	}
	if r.Area != "" && r.Area != "reject" && r.Area != "retract" {
		return api.Fail(api.NotStarted, "invalidRetractPosition", "the device retracts to its reject tray only")
	}
	defer d.Take(d.o.Times.Reply)()
	s, err := d.look(d.o.Times.Retries)
	switch {
	case err != nil:
		return api.Refuse(api.DeviceNotReady, err.Error())
	case !s.Exit:
		d.taken(s)
		return api.Fail(api.NotStarted, cash.ErrNoItems, "no notes lie at the exit")
	}
	e, c := d.purge(ctx)
	if c != nil {
		return *c
	}
	s, err = d.look(d.o.Times.Retries)
	switch {
	case !d.good(e):
		return sdk.With(d.failed(api.Failed, e), cash.Moved{Unknown: true})
	case err != nil || s.Exit:
		return sdk.With(api.Fail(api.Failed, cash.ErrIncompleteRetrac, "notes may still lie at the exit"), cash.Moved{Unknown: true})
	}
	return sdk.Ok(cash.Moved{Unknown: true})
}

func (d *Dispenser) reset(ctx context.Context) api.Completion {
	defer d.Take(d.o.Times.Reply)()
	s, err := d.look(d.o.Times.Retries)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	found := s.Path || s.Exit
	e, c := d.purge(ctx)
	if c != nil {
		return *c
	}
	if _, err := d.look(d.o.Times.Retries); err != nil {
		return sdk.With(api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}, cash.Moved{Unknown: found})
	}
	d.mu.Lock()
	d.unsettle = false
	d.mu.Unlock()
	if !d.good(e) {
		return sdk.With(d.failed(api.Failed, e), cash.Moved{Unknown: true})
	}
	if found {
		d.o.Env.Event(cash.EvMediaDetected, map[string]string{"target": "reject"})
	}
	return sdk.Ok(cash.Moved{Unknown: found})
}

// test moves one note of each cassette into the reject tray.
func (d *Dispenser) test(ctx context.Context) api.Completion {
	asked := make([]int, d.o.Cassettes)
	for _, u := range d.o.Units {
		asked[u] = 1
	}
	defer d.Take(2 * d.o.Times.Reply)()
	if c := d.mayPay(asked); c != nil {
		return *c
	}
	trials, err := d.o.Trials(d.link, asked)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}}
	for _, t := range trials {
		if err := sdk.Moving(ctx); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
		data, err := d.link.Move(t.Frame, sum(t.Asked), func() {})
		var r Result
		if err == nil {
			r, err = d.o.Result(t.Frame[3], data)
		}
		if err != nil {
			c := d.unclear(err)
			if len(moved.Units) > 0 { // an earlier cassette did move
				c.Outcome = api.Indeterminate
			}
			moved.Unknown = c.Outcome == api.Indeterminate
			return sdk.With(c, moved)
		}
		for id, u := range d.o.Units {
			if t.Asked[u] > 0 {
				moved.Units[id] = cash.UnitMoved{Presented: r.Units[u].Exit, Rejected: r.Units[u].Rejects}
			}
		}
		if !d.good(r.Err) {
			moved.Unknown = d.o.Faults[r.Err].Unsure
			return sdk.With(d.failed(api.Failed, r.Err), moved)
		}
	}
	return sdk.Ok(moved)
}
