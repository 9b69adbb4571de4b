package starline

import (
	"context"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/receipt"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver. A job is not stopped half-way when ctx ends.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case printer.CmdPrintReceipt, printer.CmdPrintRaw:
		data, cut, refused := receipt.Job(cmd, d.p.render, unhex(d.p.CutBytes))
		if refused != nil {
			return *refused
		}
		return d.job(ctx, data, cut, emit)
	case printer.CmdControlMedia:
		return sdk.Decoded(cmd, func(r printer.ControlMedia) api.Completion { return d.control(ctx, r, emit) })
	case printer.CmdReset:
		return d.reset(ctx)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// other is what state.Other means.
const other = "head, mechanics or unit error"

// job sends data and waits until the printer has done it.
func (d *driver) job(ctx context.Context, data []byte, cut bool, emit func(api.Event)) api.Completion {
	limit := ms(d.p.JobMs) + time.Duration(len(data))*10*time.Millisecond
	defer d.Take(2 * limit)()
	s, err := d.look()
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	if c := s.Trouble(api.NotStarted, other); c != nil {
		return *c
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if c := d.send(data, s.count, limit); c != nil {
		_ = d.Line.Write(append(append(unhex(d.p.DropBytes), initialise...), d.settings()...))
		return *c
	}
	_ = d.Line.Write(asbOff)
	if cut {
		emit(api.Event{Name: printer.EvMediaPresented})
	}
	return sdk.Ok(nil)
}

// send writes data between the automatic status and an ETB, and follows what the printer
// tells; nil means that it reached the ETB. before is its counter so far.
func (d *driver) send(data []byte, before int, limit time.Duration) *api.Completion {
	d.forget()
	if err := d.Send(append(append(append([]byte(nil), asbOn...), data...), jobEnd...)); err != nil {
		return receipt.Unsure(err)
	}
	end := time.After(limit)
	for {
		select {
		case s := <-d.in:
			_ = d.note(s, nil)
			if c := s.Trouble(api.Failed, other); c != nil && !s.reached {
				return c
			}
			if s.reached && (s.count < 0 || s.count == (before+1)%32) {
				return nil
			}
		case <-end:
			s, err := d.look()
			if err != nil {
				return receipt.Unsure(err)
			}
			if c := s.Trouble(api.Failed, other); c != nil {
				return c
			}
			return receipt.Unsure(line.ErrSilent)
		case <-d.Line.Stopped():
			return receipt.Unsure(line.ErrSilent)
		}
	}
}

// control cuts, then draws back.
func (d *driver) control(ctx context.Context, r printer.ControlMedia, emit func(api.Event)) api.Completion {
	for name, on := range r.MediaControl {
		switch {
		case !on, name == "cut", name == "flush", name == "retract" && d.p.Presenter:
		default:
			return api.Refuse(api.UnsupportedData, fmt.Sprintf("mediaControl %q", name))
		}
	}
	var data []byte
	cut, back := r.MediaControl["cut"], r.MediaControl["retract"]
	if cut {
		data = append(data, unhex(d.p.CutBytes)...)
	}
	if back {
		data = append(data, unhex(d.p.RetractBytes)...)
	}
	return d.job(ctx, data, cut && !back, emit)
}

// reset drops what is buffered and waits for the printer's start.
func (d *driver) reset(ctx context.Context) api.Completion {
	defer d.Take(0)()
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	failed := func(err error) api.Completion {
		return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
	}
	if err := d.Line.Write(unhex(d.p.DropBytes)); err != nil {
		return failed(err)
	}
	s, err := d.look()
	for end := time.Now().Add(ms(d.p.ResetMs)); err != nil && time.Now().Before(end); {
		s, err = d.look()
	}
	if err == nil {
		err = d.Line.Write(append(append([]byte(nil), initialise...), d.settings()...))
	}
	if err != nil {
		return failed(err)
	}
	if c := s.Trouble(api.Failed, other); c != nil {
		return *c
	}
	return sdk.Ok(nil)
}
