package epsonescp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/sdk"
)

const chunk = 256

// Execute implements sdk.Driver. A job is not stopped half-way when ctx ends.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case printer.CmdPrintPage:
		var r printer.Page
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		if len(r.Fields) == 0 {
			return api.Refuse(api.InvalidData, "there are no fields")
		}
		return d.print(ctx, emit, r.Eject, func(y int) ([]byte, int, error) {
			b, err := d.p.page(r)
			return b, max(y, 1), err
		})
	case printer.CmdPrintReceipt:
		return sdk.Decoded(cmd, func(r printer.Receipt) api.Completion {
			return d.print(ctx, emit, r.Cut, func(y int) ([]byte, int, error) { return d.p.lines(r, y) })
		})
	case printer.CmdPrintRaw:
		var r printer.PrintRaw
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		if len(r.Data) == 0 {
			return api.Refuse(api.InvalidData, "data is empty")
		}
		defer d.exclusive(2 * d.limit(r.Data))()
		return d.job(ctx, r.Data, func() { d.y, d.dirty = 0, true })
	case printer.CmdControlMedia:
		var r printer.ControlMedia
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		for name, on := range r.MediaControl {
			if on && name != "eject" && name != "flush" {
				return api.Refuse(api.UnsupportedData, fmt.Sprintf("mediaControl %q: a page can be ejected only", name))
			}
		}
		if !r.MediaControl["eject"] {
			return sdk.Ok(nil)
		}
		return d.print(ctx, emit, true, func(y int) ([]byte, int, error) { return nil, y, nil })
	case printer.CmdReset:
		defer d.exclusive(2 * d.limit(nil))()
		return d.job(ctx, append(unhex(d.p.Clear), 0x1B, 0x40), func() { d.y, d.dirty = 0, false })
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// limit is how long a job may take: a kilobyte a second is slow for such a printer.
func (d *driver) limit(data []byte) time.Duration {
	return ms(d.p.JobMs) + time.Duration(len(data))*time.Millisecond
}

// print makes a job of what set makes from where the page goes on.
func (d *driver) print(ctx context.Context, emit func(api.Event), eject bool, set func(y int) (data []byte, end int, err error)) api.Completion {
	defer d.exclusive(0)()
	data, end, err := set(d.y)
	switch {
	case errors.Is(err, errPlace):
		return api.Fail(api.NotStarted, printer.ErrMediaOverflow, err.Error())
	case err != nil:
		return sdk.BadPayload(err)
	}
	all := d.p.begin()
	if d.dirty {
		all = append(unhex(d.p.Clear), all...)
	}
	all = append(all, data...)
	if eject && end > 0 {
		all, end = append(all, unhex(d.p.Eject)...), 0
	}
	d.line.Promise(2*d.limit(all) + 30*time.Second)
	c := d.job(ctx, all, func() { d.y, d.dirty = end, false })
	if c.Outcome == api.Done && eject {
		emit(api.Event{Name: printer.EvMediaPresented})
	}
	return c
}

var troubles = map[string]struct{ name, code string }{
	"paper-end": {"paper end", printer.ErrPaperOut}, "jam": {"paper jam", printer.ErrPaperJammed}, "cover": {"cover is open", ""},
	"lever": {"the release lever is in the wrong position", ""}, "fatal": {"fatal error", ""}, "": {"an error that the profile does not know", ""},
}

// trouble is why the printer cannot print, or nil.
func (d *driver) trouble(o api.Outcome, m message) *api.Completion {
	if m.state == paused {
		c := api.Completion{Outcome: o, Code: api.UserError, Description: "printer: it was set to pause", Vendor: &api.VendorError{Code: "pause", Name: "pause"}}
		return &c
	}
	if m.state != inError {
		return nil
	}
	word := d.fault(m.err)
	t := troubles[word]
	c := api.Completion{Outcome: o, Code: api.HardwareError, Description: "printer: " + t.name, Vendor: &api.VendorError{Code: m.err, Name: t.name}}
	if word != "" {
		c.Vendor.Code = word
	}
	if t.code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, t.code
	}
	return &c
}

// job sends data and an echo behind them, and waits until the echo has come and the printer is
// idle. after is called when it has; until then nobody knows how the sheet in the path looks.
func (d *driver) job(ctx context.Context, data []byte, after func()) api.Completion {
	m, err := d.look()
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	if c := d.trouble(api.NotStarted, m); c != nil {
		return *c
	}
	d.mu.Lock()
	owed := d.owed
	d.mu.Unlock()
	if owed != "" {
		return api.Refuse(api.DeviceNotReady, "the rest of an earlier job is still in the printer")
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	d.jobs++
	tag := fmt.Sprintf("%04X", d.jobs%0x10000)
	d.mu.Lock()
	d.owed = tag
	d.mu.Unlock()
	d.y, d.dirty = 0, true
	if c := d.send(append(append(append([]byte(nil), data...), echo(tag)...), tellState...), tag, d.limit(data)); c != nil {
		return *c
	}
	after()
	return sdk.Ok(nil)
}

func unsure(err error) *api.Completion {
	return &api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: fmt.Sprintf("it is not known how much was printed: %v", err)}
}

// send writes and follows what the printer tells; nil means that the job is on the paper. What
// stands in the printer is printed when it can, so trouble leaves the job indeterminate.
func (d *driver) send(all []byte, tag string, limit time.Duration) *api.Completion {
	d.forget()
	for len(all) > 0 {
		n := min(chunk, len(all))
		if err := d.line.Write(all[:n]); err != nil {
			return unsure(d.lost(err))
		}
		all = all[n:]
	}
	end, silence := time.After(limit), time.NewTimer(ms(d.p.SilentMs))
	defer silence.Stop()
	echoed := false
	for {
		select {
		case m := <-d.in:
			silence.Reset(ms(d.p.SilentMs))
			echoed = echoed || m.echo == tag
			if c := d.trouble(api.Indeterminate, m); c != nil {
				c.Description += "; the printer goes on with the job when it can"
				return c
			}
			if echoed && m.state == idle {
				return nil
			}
		case <-silence.C:
			return unsure(d.lost(line.ErrSilent))
		case <-end:
			return unsure(errors.New("it is still at work"))
		case <-d.line.Stopped():
			return unsure(line.ErrSilent)
		}
	}
}
