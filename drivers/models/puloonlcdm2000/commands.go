package puloonlcdm2000

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/puloon"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver. Commands that move notes do not end early when ctx ends:
// the movement has to be seen through.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case cash.CmdDispense:
		var r cash.Dispense
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.dispense(ctx, r, emit)
	case cash.CmdRetract:
		var r cash.Retract
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.retract(ctx, r)
	case cash.CmdReset:
		return d.reset(ctx)
	case cash.CmdTest:
		return d.test(ctx)
	case cash.CmdGetCommandNonce, cash.CmdClearCommandNonce, cash.CmdGetPresentStatus:
		return d.secure(cmd)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// order is the frame for counts by cash unit.
func (d *driver) order(counts map[string]int) (frame []byte, asked [2]int, refuse *api.Completion) {
	no := func(c api.Completion) ([]byte, [2]int, *api.Completion) { return nil, asked, &c }
	for id, n := range counts {
		u, ok := d.units[id]
		switch {
		case !ok:
			return no(api.Fail(api.NotStarted, cash.ErrCashUnit, fmt.Sprintf("the device has no cash unit %q", id)))
		case n < 0:
			return no(api.Refuse(api.InvalidData, "a count is negative"))
		case n > d.p.MaxNotes-asked[u]:
			return no(api.Fail(api.NotStarted, cash.ErrTooManyItems, fmt.Sprintf("more than %d notes of %s", d.p.MaxNotes, id)))
		}
		asked[u] += n
	}
	digits := func(n int) []byte { return fmt.Appendf(nil, "%02d", n) }
	switch {
	case asked[0] > 0 && asked[1] > 0:
		frame = request(cmdBoth, append(digits(asked[0]), digits(asked[1])...)...)
	case asked[0] > 0:
		frame = request(cmdUpper, digits(asked[0])...)
	case asked[1] > 0:
		frame = request(cmdLower, digits(asked[1])...)
	default:
		return no(api.Refuse(api.InvalidData, "no notes asked for"))
	}
	return frame, asked, nil
}

func (d *driver) dispense(ctx context.Context, r cash.Dispense, emit func(api.Event)) api.Completion {
	if r.Position != "" && r.Position != "outDefault" {
		return api.Fail(api.NotStarted, "unsupportedPosition", "the device has one exit: outDefault")
	}
	frame, asked, refuse := d.order(r.Counts)
	if refuse != nil {
		return *refuse
	}
	defer d.exclusive(ms(d.p.ReplyMs) + time.Duration(asked[0]+asked[1])*ms(d.p.PerNoteMs))()
	if c := d.mayPay(asked); c != nil {
		return *c
	}
	if c := d.show(r.Token); c != nil {
		return *c
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	data, err := d.link.Move(frame, asked[0]+asked[1], func() { emit(api.Event{Name: cash.EvStartDispense}) })
	if err != nil {
		return d.unclear(err)
	}
	done := d.settle(frame[3], data, asked, emit)
	if done.Code == api.InvalidToken && r.Token == "" {
		done.Code = api.AuthorizationRequired
	}
	d.lookTrust()
	return done
}

// mayPay looks at the device before notes move.
func (d *driver) mayPay(asked [2]int) *api.Completion {
	s, err := d.look(d.p.Retries)
	var c api.Completion
	switch {
	case err != nil:
		c = api.Refuse(api.DeviceNotReady, err.Error())
	case s.exit():
		c = api.Fail(api.NotStarted, cash.ErrItemsLeft, "notes lie at the exit")
	case s.path():
		c = api.Fail(api.NotStarted, cash.ErrItemsLeft, "notes lie in the transport")
	case d.trayMissing(s):
		c = d.failed(api.NotStarted, 0x3F)
	case asked[0] > 0 && d.missing(s, 0):
		c = d.failed(api.NotStarted, 0x45)
	case asked[1] > 0 && d.missing(s, 1):
		c = d.failed(api.NotStarted, 0x46)
	default:
		return nil
	}
	return &c
}

// unclear is the completion after a moving command without a result.
func (d *driver) unclear(err error) api.Completion {
	if errors.Is(err, puloon.ErrRefused) {
		return api.Refuse(api.HardwareError, err.Error())
	}
	d.mu.Lock()
	d.unsettle = true
	d.mu.Unlock()
	d.absent()
	return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error(), Payload: payload(cash.Moved{Unknown: true})}
}

// settle turns the device's result of a dispense into the completion. Only EXIT counts are
// paid.
func (d *driver) settle(cmd byte, data []byte, asked [2]int, emit func(api.Event)) api.Completion {
	r, err := parseResult(cmd, data)
	if err != nil {
		return d.unclear(err)
	}
	if r.err == noAuthority {
		return sdk.With(api.Refuse(api.InvalidToken, "the device has no token that authorises this value"), cash.Moved{})
	}
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}, Unknown: faults[r.err].unsure, Uncounted: faults[r.err].inside}
	if _, known := faults[r.err]; !known && !isGood(r.err) {
		moved.Unknown = true
	}
	total, wanted := 0, asked[0]+asked[1]
	d.mu.Lock()
	d.unsettle = false
	switch r.err {
	case 0x38:
		d.empty[0] = true
	case 0x40:
		d.empty[1] = true
	}
	exact := true
	for id, u := range d.units {
		p, ok := r.units[u]
		if !ok {
			continue
		}
		total += p.exit
		exact = exact && p.exit == asked[u]
		if p.exit > asked[u] {
			moved.Unknown = true
		}
		if !isGood(r.err) && p.chk != p.exit+p.rejects {
			moved.Uncounted = true
		}
		state := d.unitState(u)
		if state == "ok" && p.nearEnd {
			state = "low"
		}
		moved.Units[id] = cash.UnitMoved{Presented: p.exit, Rejected: p.rejects, State: state}
	}
	if total > 0 && d.p.Exit == "hold" {
		d.held = true
		d.seen.s0 |= 0x20
	}
	d.mu.Unlock()
	d.env.StatusChanged()

	c := api.Completion{Outcome: api.Done}
	switch {
	case !isGood(r.err):
		c = d.failed(api.Failed, r.err)
	case !exact:
		moved.Unknown = true
		c = api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: fmt.Sprintf("the device says good but counted %d notes at the exit for %d", total, wanted)}
	}
	c.Payload = payload(moved)
	if total < wanted && emit != nil {
		emit(api.Event{Name: cash.EvIncomplete, Payload: payload(map[string]any{"X-units": moved.Units})})
	}
	if total > 0 {
		d.env.Event(cash.EvItemsPresented, map[string]any{"position": "outDefault", "additionalBunches": "0"})
		if d.p.Exit == "spray" {
			d.env.Event(cash.EvItemsTaken, map[string]string{"position": "outDefault"})
		}
	}
	return c
}

// purge sends 44 and gives its error byte.
func (d *driver) purge(ctx context.Context) (byte, *api.Completion) {
	if err := sdk.Moving(ctx); err != nil {
		c := api.Refuse(api.InternalError, err.Error())
		return 0, &c
	}
	d.mu.Lock()
	held := d.held
	d.held = false // what leaves the exit from now on is not taken by the customer
	d.mu.Unlock()
	data, err := d.link.Move(request(cmdPurge), 0, func() {})
	if err == nil && len(data) != 1 {
		err = errLayout
	}
	if err != nil {
		if errors.Is(err, puloon.ErrRefused) {
			d.mu.Lock()
			d.held = held
			d.mu.Unlock()
		}
		c := d.unclear(err)
		return 0, &c
	}
	return data[0], nil
}

// retract draws held notes into the reject tray. The device cannot count them: the result
// is always X-unknown.
func (d *driver) retract(ctx context.Context, r cash.Retract) api.Completion {
	if d.p.Exit != "hold" {
		return api.Refuse(api.UnsupportedCommand, "the device throws notes out: nothing can be drawn back")
	}
	if r.Area != "" && r.Area != "reject" && r.Area != "retract" {
		return api.Fail(api.NotStarted, "invalidRetractPosition", "the device retracts to its reject tray only")
	}
	defer d.exclusive(ms(d.p.ReplyMs))()
	s, err := d.look(d.p.Retries)
	switch {
	case err != nil:
		return api.Refuse(api.DeviceNotReady, err.Error())
	case !s.exit():
		d.taken(s)
		return api.Fail(api.NotStarted, cash.ErrNoItems, "no notes lie at the exit")
	}
	e, c := d.purge(ctx)
	if c != nil {
		return *c
	}
	s, err = d.look(d.p.Retries)
	switch {
	case !isGood(e):
		return sdk.With(d.failed(api.Failed, e), cash.Moved{Unknown: true})
	case err != nil || s.exit():
		return sdk.With(api.Fail(api.Failed, cash.ErrIncompleteRetrac, "notes may still lie at the exit"), cash.Moved{Unknown: true})
	}
	return sdk.Ok(cash.Moved{Unknown: true})
}

func (d *driver) reset(ctx context.Context) api.Completion {
	defer d.exclusive(ms(d.p.ReplyMs))()
	s, err := d.look(d.p.Retries)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	found := s.path() || s.exit()
	e, c := d.purge(ctx)
	if c != nil {
		return *c
	}
	if _, err := d.look(d.p.Retries); err != nil {
		return sdk.With(api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}, cash.Moved{Unknown: found})
	}
	d.mu.Lock()
	d.unsettle = false
	d.mu.Unlock()
	if !isGood(e) {
		return sdk.With(d.failed(api.Failed, e), cash.Moved{Unknown: true})
	}
	if found {
		d.env.Event(cash.EvMediaDetected, map[string]string{"target": "reject"})
	}
	return sdk.Ok(cash.Moved{Unknown: found})
}

// test moves one note of each cassette into the reject tray.
func (d *driver) test(ctx context.Context) api.Completion {
	defer d.exclusive(2 * ms(d.p.ReplyMs))()
	if c := d.mayPay([2]int{}); c != nil {
		return *c
	}
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}}
	for id, u := range d.units {
		if err := sdk.Moving(ctx); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
		cmd := []byte{cmdTestUpper, cmdTestLower}[u]
		data, err := d.link.Move(request(cmd), 1, func() {})
		var r result
		if err == nil {
			r, err = parseResult(cmd, data)
		}
		if err != nil {
			c := d.unclear(err)
			if len(moved.Units) > 0 { // an earlier cassette did move
				c.Outcome = api.Indeterminate
			}
			moved.Unknown = c.Outcome == api.Indeterminate
			return sdk.With(c, moved)
		}
		p := r.units[u]
		moved.Units[id] = cash.UnitMoved{Presented: p.exit, Rejected: p.rejects}
		if !isGood(r.err) {
			moved.Unknown = moved.Unknown || faults[r.err].unsure
			return sdk.With(d.failed(api.Failed, r.err), moved)
		}
	}
	return sdk.Ok(moved)
}

// payload encodes a type of drivers/api, which cannot fail.
func payload(v any) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}
