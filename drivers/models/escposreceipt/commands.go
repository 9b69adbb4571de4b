package escposreceipt

import (
	"bytes"
	"context"
	"encoding/hex"
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
		data, cut, refused := receipt.Job(cmd, func(r printer.Receipt) ([]byte, error) { return render(r, d.p.Columns) }, d.cut())
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
	if c := d.send(data, limit); c != nil {
		_ = d.Line.Write(dropBuffer)
		return *c
	}
	_, _ = d.look()
	if cut {
		emit(api.Event{Name: printer.EvMediaPresented})
	}
	return sdk.Ok(nil)
}

// answers is how many answers to GS r end a job: it is asked twice, because a byte 00 that the line made up
// looks like one, and what was printed before the first answer is on the paper.
const answers = 2

// send writes data and the question whether it is printed; nil means it is.
func (d *driver) send(data []byte, limit time.Duration) *api.Completion {
	d.forget(paper)
	if err := d.Send(append(append([]byte(nil), data...), bytes.Repeat(jobDone, answers)...)); err != nil {
		return receipt.Unsure(err)
	}
	end := time.After(limit)
	for heard := 0; ; {
		select {
		case <-d.in[paper]:
			if heard++; heard == answers {
				return nil
			}
		case <-time.After(min(ms(d.p.ReplyMs), time.Second)):
			s, err := d.look()
			if err != nil {
				return receipt.Unsure(err)
			}
			if c := s.Trouble(api.Failed, other); c != nil {
				return c
			}
		case <-end:
			return receipt.Unsure(line.ErrSilent)
		case <-d.Line.Stopped():
			return receipt.Unsure(line.ErrSilent)
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
	d.Leaving(gone) // what leaves the exit now is not taken by the customer
	defer d.Leaving(false)
	return d.job(ctx, data, cut && !gone, emit)
}

// reset drops what is buffered and puts the settings back.
func (d *driver) reset(ctx context.Context) api.Completion {
	defer d.Take(0)()
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	for _, b := range [][]byte{dropBuffer, initialise, asbOn} {
		if err := d.Line.Write(b); err != nil {
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
