package r30x

import (
	"context"
	"errors"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/biometric"
	"zhigui/drivers/sdk"
)

// read captures one finger, or the same finger twice and joins the two.
func (d *driver) read(ctx context.Context, r biometric.Read, emit func(api.Event)) api.Completion {
	switch {
	case r.Mode != "" && r.Mode != biometric.ModeScan && r.Mode != biometric.ModeMatch:
		return api.Fail(api.NotStarted, biometric.ErrMode, "mode must be scan or match")
	case r.NumCaptures < 0 || r.NumCaptures > 2:
		return api.Refuse(api.InvalidData, "the module captures a finger once or twice")
	}
	for _, t := range r.DataTypes {
		if t.Format != biometric.FormatTemplate1 {
			return api.Fail(api.NotStarted, biometric.ErrFormat, "the module gives its own templates only")
		}
	}
	d.setCaptured(false)
	emit(api.Event{Name: biometric.EvPresent})
	for n := byte(1); n <= byte(max(1, r.NumCaptures)); n++ {
		if n == 2 {
			emit(api.Event{Name: biometric.EvRemove})
			if c := d.until(ctx, false); c != nil {
				return *c
			}
			emit(api.Event{Name: biometric.EvPresent})
		}
		if c := d.capture(ctx, n, emit); c != nil {
			return *c
		}
	}
	if r.NumCaptures == 2 {
		if err := d.hold(func() error { _, err := d.ask(regModel); return err }); err != nil {
			return failed(err, biometric.ErrReadFailed)
		}
	}
	d.setCaptured(true)
	out := biometric.ReadResult{}
	if r.Mode != biometric.ModeMatch && len(r.DataTypes) > 0 {
		var data []byte
		err := d.hold(func() (err error) {
			d.env.Heart.Expect(8 * d.talk.Busy())
			data, err = confirmed(d.talk.ExchangeFor(4*ms(d.p.ReplyMs), packet(d.p.addr, pidCommand, []byte{upChar, 1}), readTemplate))
			return err
		})
		if err != nil {
			return failed(err, biometric.ErrReadFailed)
		}
		out.DataRead = []biometric.Template{{Type: ownType, Data: data}}
	}
	emit(api.Event{Name: biometric.EvRemove})
	return sdk.Ok(out)
}

// capture waits for a finger whose image can be used and makes features in a buffer.
func (d *driver) capture(ctx context.Context, buffer byte, emit func(api.Event)) *api.Completion {
	for seen := false; ; {
		if c := d.until(ctx, true); c != nil {
			return c
		}
		if !seen {
			seen = true
			emit(api.Event{Name: biometric.EvDetected})
		}
		err := d.hold(func() error { _, err := d.ask(imageToTz, buffer); return err })
		var r refusal
		if err == nil {
			return nil
		}
		if !errors.As(err, &r) || r != disorderly && r != fewPoints && r != noImage {
			c := failed(err, biometric.ErrReadFailed)
			return &c
		}
		if c := d.pause(ctx); c != nil { // a poor image: the finger lies badly; take another
			return c
		}
	}
}

// until takes images until a finger is there, or gone.
func (d *driver) until(ctx context.Context, there bool) *api.Completion {
	for {
		if ctx.Err() != nil {
			c := sdk.Ended(ctx)
			return &c
		}
		err := d.hold(func() error { _, err := d.ask(genImage); return err })
		var r refusal
		is := errors.As(err, &r)
		if err != nil && (!is || r != noFinger && r != imageFail) {
			c := failed(err, biometric.ErrReadFailed)
			return &c
		}
		d.mu.Lock()
		changed := d.finger != (err == nil)
		d.finger = err == nil
		d.mu.Unlock()
		if changed {
			d.env.StatusChanged()
		}
		if there == (err == nil) && (there || r == noFinger) {
			return nil
		}
		if c := d.pause(ctx); c != nil {
			return c
		}
	}
}

func (d *driver) pause(ctx context.Context) *api.Completion {
	var c api.Completion
	select {
	case <-time.After(ms(d.p.FingerMs)):
		return nil
	case <-d.talk.Stopped():
		c = api.Refuse(api.DeviceNotReady, "the driver ends")
	case <-ctx.Done():
		c = sdk.Ended(ctx)
	}
	return &c
}
