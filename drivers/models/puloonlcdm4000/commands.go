package puloonlcdm4000

import (
	"bytes"
	"cmp"
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
		return d.dispense(ctx, cmd.Op, r, emit)
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
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// order is the counts by cassette.
func (d *driver) order(counts map[string]int) (asked [cassettes]int, refuse *api.Completion) {
	no := func(c api.Completion) ([cassettes]int, *api.Completion) { return asked, &c }
	total := 0
	for id, n := range counts {
		u, ok := d.units[id]
		switch {
		case !ok:
			return no(api.Fail(api.NotStarted, cash.ErrCashUnit, fmt.Sprintf("the device has no cash unit %q", id)))
		case n < 0:
			return no(api.Refuse(api.InvalidData, "a count is negative"))
		case n > d.p.MaxPerUnit-asked[u] || n > d.p.MaxNotes-total:
			return no(api.Fail(api.NotStarted, cash.ErrTooManyItems, fmt.Sprintf("more than %d notes of %s or %d in all", d.p.MaxPerUnit, id, d.p.MaxNotes)))
		}
		asked[u] += n
		total += n
	}
	if total == 0 {
		return no(api.Refuse(api.InvalidData, "no notes asked for"))
	}
	return asked, nil
}

func sum(counts [cassettes]int) (n int) {
	for _, k := range counts {
		n += k
	}
	return n
}

// tail is what follows the counts of 52 and 53. A device with serial numbers wants the one
// after its last.
func (d *driver) tail() ([]byte, error) {
	if d.p.Tail == "reserved" {
		return bytes.Repeat([]byte{offset}, 9), nil
	}
	data, err := d.link.Ask(cmdSerial, d.p.Retries)
	if err != nil || len(data) < 2 {
		return nil, fmt.Errorf("serial number of the last command: %w", cmp.Or(err, errLayout))
	}
	next := data[1] + 1
	if next < offset || next > 0x7F {
		next = offset
	}
	return []byte{next}, nil
}

func (d *driver) dispense(ctx context.Context, op api.OpID, r cash.Dispense, emit func(api.Event)) api.Completion {
	if r.Position != "" && r.Position != "outDefault" {
		return api.Fail(api.NotStarted, "unsupportedPosition", "the device has one exit: outDefault")
	}
	asked, refuse := d.order(r.Counts)
	if refuse != nil {
		return *refuse
	}
	n := sum(asked)
	defer d.exclusive(ms(d.p.ReplyMs) + time.Duration(n)*ms(d.p.PerNoteMs))()
	if c := d.mayPay(asked); c != nil {
		return *c
	}
	tail, err := d.tail()
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	before, err := d.remember(op)
	if err == nil {
		err = sdk.Moving(ctx)
	}
	if err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	data, err := d.link.Move(request(cmdDispense, quantity(asked, tail)...), n, func() { emit(api.Event{Name: cash.EvStartDispense}) })
	if errors.Is(err, puloon.ErrSilent) {
		if last, ok := d.witness(before); ok {
			data, err = last, nil
		}
	}
	if err != nil {
		return d.unclear(err)
	}
	return d.settle(data, asked, emit)
}

// mayPay looks at the device before notes move.
func (d *driver) mayPay(asked [cassettes]int) *api.Completion {
	s, err := d.look(d.p.Retries)
	var c api.Completion
	switch {
	case err != nil:
		c = api.Refuse(api.DeviceNotReady, err.Error())
		return &c
	case d.atExit(s):
		c = api.Fail(api.NotStarted, cash.ErrItemsLeft, "notes lie at the exit")
		return &c
	case d.onPath(s):
		c = api.Fail(api.NotStarted, cash.ErrItemsLeft, "notes lie in the transport")
		return &c
	case d.noTray(s):
		c = d.failed(api.NotStarted, 0x26)
		return &c
	}
	for u, n := range asked {
		if n > 0 && d.missing(s, u) {
			c = d.failed(api.NotStarted, 0x24)
			return &c
		}
	}
	return nil
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
func (d *driver) settle(data []byte, asked [cassettes]int, emit func(api.Event)) api.Completion {
	r, err := parseResult(data)
	if err != nil {
		return d.unclear(err)
	}
	f, known := faults[r.err]
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}, Unknown: f.unsure || !known && r.err != good, Uncounted: f.inside}
	total, wanted := 0, sum(asked)
	d.mu.Lock()
	d.unsettle = false
	exact := true
	for u := range asked {
		p := r.units[u]
		total += p.exit
		exact = exact && p.exit == asked[u]
		if p.exit > asked[u] {
			moved.Unknown = true
		}
	}
	if r.err == 0x01 { // the first cassette that paid too little is the one that gave none
		for u := range asked {
			if r.units[u].exit < asked[u] {
				d.empty[u] = true
				break
			}
		}
	}
	for id, u := range d.units {
		if p := r.units[u]; asked[u] > 0 || p.exit > 0 || p.rejects > 0 {
			moved.Units[id] = cash.UnitMoved{Presented: p.exit, Rejected: p.rejects, State: d.unitState(u)}
		}
	}
	if total > 0 && d.p.Exit == "hold" {
		d.held = true
		d.seen.disp ^= d.blocked(d.seen)&(1<<bitExit) ^ 1<<bitExit
	}
	d.mu.Unlock()
	d.env.StatusChanged()

	c := api.Completion{Outcome: api.Done}
	switch {
	case r.err != good:
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

// purge sends 51 and gives its error byte.
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
	var r result
	if err == nil {
		r, err = parseResult(data)
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
	return r.err, nil
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
	case !d.atExit(s):
		d.taken(s)
		return api.Fail(api.NotStarted, cash.ErrNoItems, "no notes lie at the exit")
	}
	e, c := d.purge(ctx)
	if c != nil {
		return *c
	}
	s, err = d.look(d.p.Retries)
	switch {
	case e != good:
		return sdk.With(d.failed(api.Failed, e), cash.Moved{Unknown: true})
	case err != nil || d.atExit(s):
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
	found := d.onPath(s) || d.atExit(s)
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
	if e != good {
		return sdk.With(d.failed(api.Failed, e), cash.Moved{Unknown: true})
	}
	if found {
		d.env.Event(cash.EvMediaDetected, map[string]string{"target": "reject"})
	}
	return sdk.Ok(cash.Moved{Unknown: found})
}

// test moves one note of each cassette into the reject tray.
func (d *driver) test(ctx context.Context) api.Completion {
	var asked [cassettes]int
	for _, u := range d.units {
		asked[u] = 1
	}
	defer d.exclusive(2 * ms(d.p.ReplyMs))()
	if c := d.mayPay(asked); c != nil {
		return *c
	}
	tail, err := d.tail()
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	data, err := d.link.Move(request(cmdTest, quantity(asked, tail)...), sum(asked), func() {})
	var r result
	if err == nil {
		r, err = parseResult(data)
	}
	if err != nil {
		return d.unclear(err)
	}
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}}
	for id, u := range d.units {
		moved.Units[id] = cash.UnitMoved{Presented: r.units[u].exit, Rejected: r.units[u].rejects}
	}
	if r.err != good {
		moved.Unknown = faults[r.err].unsure
		return sdk.With(d.failed(api.Failed, r.err), moved)
	}
	return sdk.Ok(moved)
}

// payload encodes a type of drivers/api, which cannot fail.
func payload(v any) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}
