package escposreceipt

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/sdk"
)

const piece = 256

// Execute implements sdk.Driver. A job is not stopped half-way when ctx ends.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case printer.CmdPrintReceipt:
		var r printer.Receipt
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		data, err := render(r, d.p.Columns)
		if err != nil {
			return sdk.BadPayload(err)
		}
		if r.Cut {
			data = append(data, d.cut()...)
		}
		return d.job(ctx, data, r.Cut, emit)
	case printer.CmdPrintRaw:
		var r printer.PrintRaw
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		if len(r.Data) == 0 {
			return api.Refuse(api.InvalidData, "data is empty")
		}
		return d.job(ctx, r.Data, false, emit)
	case printer.CmdControlMedia:
		return sdk.Decoded(cmd, func(r printer.ControlMedia) api.Completion { return d.control(ctx, r, emit) })
	case printer.CmdReset:
		return d.reset(ctx)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func (d *driver) cut() []byte {
	return append([]byte{0x1B, 0x64, byte(d.p.FeedBeforeCut)}, unhex(d.p.CutBytes)...)
}

// unhex decodes a profile value that readProfile has checked.
func unhex(s string) []byte {
	b, _ := hex.DecodeString(s)
	return b
}

// other is what state.Other means.
const other = "head, voltage or unit error"

// job sends data and waits until the printer has done it.
func (d *driver) job(ctx context.Context, data []byte, cut bool, emit func(api.Event)) api.Completion {
	limit := ms(d.p.JobMs) + time.Duration(len(data))*10*time.Millisecond
	defer d.exclusive(2 * limit)()
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
	if c := d.send(data, limit); c != nil {
		_ = d.line.Write(dropBuffer)
		return *c
	}
	_, _ = d.look()
	if cut {
		emit(api.Event{Name: printer.EvMediaPresented})
	}
	return sdk.Ok(nil)
}

// send writes data and the question whether it is printed; nil means it is.
func (d *driver) send(data []byte, limit time.Duration) *api.Completion {
	for {
		select {
		case <-d.in[paper]:
			continue
		default:
		}
		break
	}
	unsure := func(err error) *api.Completion {
		return &api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: fmt.Sprintf("it is not known how much was printed: %v", err)}
	}
	for b := data; len(b) > 0; {
		n := min(piece, len(b))
		if err := d.line.Write(b[:n]); err != nil {
			return unsure(err)
		}
		b = b[n:]
	}
	if err := d.line.Write(jobDone); err != nil {
		return unsure(err)
	}
	end := time.After(limit)
	for {
		select {
		case <-d.in[paper]:
			return nil
		case <-time.After(min(ms(d.p.ReplyMs), time.Second)):
			s, err := d.look()
			if err != nil {
				return unsure(err)
			}
			if c := s.Trouble(api.Failed, other); c != nil {
				return c
			}
		case <-end:
			return unsure(line.ErrSilent)
		case <-d.line.Stopped():
			return unsure(line.ErrSilent)
		}
	}
}

// control cuts, then ejects or retracts.
func (d *driver) control(ctx context.Context, r printer.ControlMedia, emit func(api.Event)) api.Completion {
	var data []byte
	cut, gone := false, false
	for name, on := range r.MediaControl {
		if !on {
			continue
		}
		switch name {
		case "cut", "flush":
			cut = cut || name == "cut"
		case "eject", "retract":
			if !d.p.Presenter {
				return api.Refuse(api.UnsupportedData, "the printer has no presenter")
			}
			gone = true
		default:
			return api.Refuse(api.UnsupportedData, fmt.Sprintf("mediaControl %q", name))
		}
	}
	if cut {
		data = append(data, d.cut()...)
	}
	if r.MediaControl["eject"] {
		data = append(data, unhex(d.p.EjectBytes)...)
	}
	if r.MediaControl["retract"] {
		data = append(data, unhex(d.p.RetractBytes)...)
	}
	d.leaving(gone) // what leaves the exit now is not taken by the customer
	defer d.leaving(false)
	return d.job(ctx, data, cut && !gone, emit)
}

func (d *driver) leaving(on bool) {
	d.mu.Lock()
	d.sent = on
	d.mu.Unlock()
}

// reset drops what is buffered and puts the settings back.
func (d *driver) reset(ctx context.Context) api.Completion {
	defer d.exclusive(0)()
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	for _, b := range [][]byte{dropBuffer, initialise, asbOn} {
		if err := d.line.Write(b); err != nil {
			return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
		}
	}
	s, err := d.look()
	if err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
	}
	if c := s.Trouble(api.Failed, other); c != nil {
		return *c
	}
	return sdk.Ok(nil)
}
