package gm65

import (
	"context"
	"errors"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/barcode"
	"zhigui/drivers/internal/codeline"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// slice is how long the driver looks at the line before it looks at the context again.
const slice = 50 * time.Millisecond

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case barcode.CmdRead:
		return sdk.Decoded(cmd, func(r barcode.Read) api.Completion { return d.read(ctx, emit) })
	case barcode.CmdReset:
		if err := d.stop(); err != nil {
			return broken(err)
		}
		return sdk.Ok(nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func broken(err error) api.Completion {
	return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "scanner: " + err.Error()}
}

func (d *driver) setReading(on bool) {
	d.mu.Lock()
	d.reading = on
	d.mu.Unlock()
	d.env.StatusChanged()
}

// read lets the module look until a code comes or ctx ends.
func (d *driver) read(ctx context.Context, emit func(api.Event)) (c api.Completion) {
	d.setReading(true)
	defer d.setReading(false)
	_ = d.talk.Hold(d.talk.Busy(), func(port *serialport.Port) error {
		c = d.look(ctx, port, emit)
		return nil
	})
	return c
}

func (d *driver) look(ctx context.Context, port *serialport.Port, emit func(api.Event)) api.Completion {
	line := codeline.Line{Tail: codeline.Tails[d.p.Tail]}
	var again, gap time.Time
	var early []byte // of a code that came while a trigger was answered
	for first := true; ; {
		d.env.Heart.Expect(d.talk.Busy())
		select {
		case <-ctx.Done():
			if err := d.write(zoneTrigger, 0); err != nil {
				return broken(err)
			}
			return sdk.Ended(ctx)
		case <-d.talk.Stopped():
			return api.Refuse(api.DeviceNotReady, "the driver ends")
		default:
		}
		now := time.Now()
		if !line.Pending() && !now.Before(again) {
			if _, err := d.talk.Exchange(command(opWrite, zoneTrigger, 1, d.p.SendCRC), answerAfter(&early)); err != nil {
				return broken(err)
			}
			again = now.Add(ms(d.p.TriggerAgainMs))
			if first {
				first, early = false, nil
				emit(api.Event{Name: barcode.EvPresent})
			}
		}
		b, err := byte(0), error(nil)
		if len(early) > 0 {
			b, early = early[0], early[1:]
		} else {
			b, err = port.Byte(now.Add(slice))
		}
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			if line.Pending() && now.After(gap) { // noise, or a code that stopped: look again
				line.Drop()
				again = now
			}
			continue
		case err != nil:
			d.talk.SetOnline(false)
			return broken(err)
		}
		gap = now.Add(ms(d.p.GapMs))
		if code, done := line.Add(b); done {
			return d.code(code)
		}
	}
}

// code makes the completion; what the code holds is in its payload only.
func (d *driver) code(code []byte) api.Completion {
	if err := codeline.Clean(code); err != nil {
		return api.Fail(api.Failed, barcode.ErrInvalid, err.Error())
	}
	out := barcode.Output{BarcodeData: code}
	if d.p.AimID {
		out.BarcodeData, out.SymbologyName, out.Symbology = codeline.AIM(code)
	}
	return sdk.Ok(barcode.ReadResult{ReadOutput: []barcode.Output{out}})
}
