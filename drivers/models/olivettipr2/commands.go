package olivettipr2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case printer.CmdInsertMedia:
		defer d.exclusive()()
		return d.insert(ctx, "insertPassbook", emit)
	case printer.CmdPrintPassbook:
		return sdk.Decoded(cmd, func(r printer.Passbook) api.Completion { return d.print(ctx, r) })
	case printer.CmdReadStripe:
		return d.readStripe()
	case printer.CmdWriteStripe:
		return sdk.Decoded(cmd, func(r printer.Stripe) api.Completion { return d.writeStripe(ctx, r) })
	case printer.CmdControlPassbook:
		return sdk.Decoded(cmd, func(r printer.ControlPassbook) api.Completion { return d.turn(ctx, r, emit) })
	case printer.CmdControlMedia:
		var r printer.ControlMedia
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		for name, on := range r.MediaControl {
			if on && name != "eject" && name != "flush" {
				return api.Refuse(api.UnsupportedData, fmt.Sprintf("mediaControl %q: a book can be ejected only", name))
			}
		}
		defer d.exclusive()()
		if !r.MediaControl["eject"] {
			return sdk.Ok(nil)
		}
		return d.eject(ctx, emit)
	case printer.CmdReset:
		return d.reset(ctx)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

var troubles = map[string]struct{ name, code string }{
	"jam": {"document jam", printer.ErrMediaJammed}, "cover": {"cover is open", ""}, "local": {"the printer is off line (local)", ""},
	"stripe": {"magnetic stripe error", printer.ErrStripe}, "": {"a status that the profile does not know", ""},
}

// trouble is what the printer's state keeps it from, or nil.
func (d *driver) trouble(o api.Outcome) *api.Completion {
	state, _ := d.now()
	if state == "ready" {
		return nil
	}
	t := troubles[state]
	v := api.VendorError{Code: d.p.Status[state], Name: t.name}
	if other, ok := d.p.VendorCodes[v.Code]; ok {
		v = other
	}
	c := api.Completion{Outcome: o, Code: api.HardwareError, Description: "printer: " + t.name, Vendor: &v}
	if t.code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, t.code
	}
	return &c
}

// ready looks at the printer before a command that needs the book inside; nil means go on. An
// old stripe error is cleared: it belongs to an earlier command.
func (d *driver) ready() *api.Completion {
	if err := d.look(); err != nil {
		c := api.Refuse(api.DeviceNotReady, err.Error())
		return &c
	}
	if state, _ := d.now(); state == "stripe" {
		if err := d.line.Write(cmdClear); err == nil {
			err = d.look()
		}
	}
	if c := d.trouble(api.NotStarted); c != nil {
		return c
	}
	if _, where := d.now(); where != "inside" {
		c := api.Fail(api.NotStarted, printer.ErrNoMedia, "there is no passbook in the printer")
		return &c
	}
	return nil
}

// insert waits until a book lies inside; the printer draws it in and aligns it.
func (d *driver) insert(ctx context.Context, prompt string, emit func(api.Event)) api.Completion {
	tick := time.NewTicker(min(ms(d.p.PollMs), 200*time.Millisecond))
	defer tick.Stop()
	asked := false
	for {
		if err := d.look(); err != nil {
			return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
		}
		if c := d.trouble(api.Failed); c != nil {
			return *c
		}
		if _, where := d.now(); where == "inside" {
			if asked {
				emit(api.Event{Name: printer.EvMediaInserted})
			}
			return sdk.Ok(nil)
		}
		if !asked {
			b, _ := json.Marshal(printer.NoMedia{UserPrompt: prompt})
			emit(api.Event{Name: printer.EvNoMedia, Payload: b})
			asked = true
		}
		select {
		case <-ctx.Done():
			return sdk.Ended(ctx)
		case <-d.line.Stopped():
			return api.Refuse(api.DeviceNotReady, "the driver ends")
		case <-tick.C:
		}
	}
}

// settled asks for the status behind what was sent: the printer answers in order, so an answer
// means that all before it is done.
func (d *driver) settled(limit time.Duration) *api.Completion {
	unsure := func(err error) *api.Completion {
		return &api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: fmt.Sprintf("it is not known how much was done: %v", err)}
	}
	if err := d.line.Write(cmdStatus); err != nil {
		return unsure(err)
	}
	if _, err := d.await(gotStatus, limit); err != nil {
		return unsure(err)
	}
	if err := d.look(); err != nil {
		return unsure(err)
	}
	return d.trouble(api.Failed)
}

func (d *driver) print(ctx context.Context, r printer.Passbook) api.Completion {
	data, err := d.p.render(r.Lines)
	switch {
	case errors.Is(err, errPlace):
		return api.Fail(api.NotStarted, printer.ErrMediaOverflow, err.Error())
	case err != nil:
		return sdk.BadPayload(err)
	case len(r.Lines) == 0:
		return api.Refuse(api.InvalidData, "there are no lines")
	}
	defer d.exclusive()()
	if c := d.ready(); c != nil {
		return *c
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	limit := time.Duration(len(r.Lines)) * ms(d.p.MotionMs)
	d.line.Promise(limit + 60*time.Second)
	d.line.Discard()
	if err := d.line.Write(data); err != nil {
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}
	}
	if c := d.settled(limit); c != nil {
		return *c
	}
	return sdk.Ok(nil)
}

// stripe reads the stripe, under the line lock.
func (d *driver) stripe() (string, *api.Completion) {
	raw, err := d.ask(cmdReadStripe, gotStripe, ms(d.p.MotionMs))
	if err != nil {
		return "", &api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
	}
	data, err := stripeData(raw)
	if err != nil {
		c := api.Fail(api.Failed, printer.ErrStripe, err.Error())
		return "", &c
	}
	return data, nil
}

func (d *driver) readStripe() api.Completion {
	defer d.exclusive()()
	if c := d.ready(); c != nil {
		return *c
	}
	data, c := d.stripe()
	switch {
	case c != nil:
		return *c
	case data == "":
		return api.Fail(api.Failed, printer.ErrNoStripe, "the stripe holds no data")
	}
	return sdk.Ok(printer.Stripe{Data: data})
}

// writeStripe writes, lets the printer check, and reads what is there now: only that counts.
func (d *driver) writeStripe(ctx context.Context, r printer.Stripe) api.Completion {
	if err := d.p.writable(r.Data); err != nil {
		return sdk.BadPayload(err)
	}
	defer d.exclusive()()
	if c := d.ready(); c != nil {
		return *c
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	data := append([]byte{esc, 't'}, r.Data...)
	data = append(append(data, gs), cmdCheck...)
	d.line.Discard()
	if err := d.line.Write(data); err != nil {
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}
	}
	if c := d.settled(2 * ms(d.p.MotionMs)); c != nil && c.Outcome != api.Indeterminate {
		return *c
	}
	now, c := d.stripe()
	switch {
	case c != nil && c.ErrorCode == "":
		c.Outcome = api.Indeterminate
		return *c
	case c != nil || now != r.Data:
		return api.Fail(api.Failed, printer.ErrStripe, "the stripe does not hold what was written")
	}
	return sdk.Ok(nil)
}

// eject brings the book to the mouth, under the line lock.
func (d *driver) eject(ctx context.Context, emit func(api.Event)) api.Completion {
	if err := d.look(); err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	_, where := d.now()
	if where == "none" {
		return api.Fail(api.NotStarted, printer.ErrNoMedia, "there is no passbook in the printer")
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if where == "inside" {
		d.line.Discard()
		if err := d.line.Write(cmdEject); err != nil {
			return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}
		}
		c := d.settled(ms(d.p.MotionMs))
		if _, where = d.now(); c != nil && (c.Outcome != api.Indeterminate || where == "inside") {
			return *c
		}
		if where == "inside" {
			return api.Fail(api.Failed, printer.ErrMediaJammed, "the passbook is still inside")
		}
	}
	emit(api.Event{Name: printer.EvMediaPresented})
	d.mu.Lock()
	d.offered = true
	d.mu.Unlock()
	if where == "none" { // taken before the first look
		_ = d.look()
	}
	return sdk.Ok(nil)
}

// turn lets the customer turn the page: this printer has no page turner.
func (d *driver) turn(ctx context.Context, r printer.ControlPassbook, emit func(api.Event)) api.Completion {
	if r.Action != "forward" && r.Action != "backward" || r.Count < 0 || r.Count > d.p.Pages {
		return api.Refuse(api.UnsupportedData, "ControlPassbook: action must be forward or backward, and count the pages of a book at most")
	}
	defer d.exclusive()()
	if c := d.ready(); c != nil {
		return *c
	}
	if c := d.eject(ctx, emit); c.Outcome != api.Done {
		return c
	}
	return d.insert(ctx, "turnPage", emit)
}

func (d *driver) reset(ctx context.Context) api.Completion {
	defer d.exclusive()()
	if err := d.look(); err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	for _, b := range [][]byte{cmdReset, cmdClear, cmdControlled} {
		if err := d.line.Write(b); err != nil {
			return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
		}
	}
	if err := d.look(); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
	}
	if c := d.trouble(api.Failed); c != nil {
		return *c
	}
	return sdk.Ok(nil)
}
