package puloon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/sdk"
)

// Recover listens before it speaks: a device whose last result got no acknowledgement
// repeats it, and one that is still paying out answers nobody. It moves nothing.
func (d *Dispenser) Recover(ctx context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	defer d.Take(d.o.Max)()
	if err := d.line.Present(); err != nil {
		return api.Recovery{}, err
	}
	var last *sdk.OpenOp // the newest operation that may have moved notes
	for i := range open {
		if open[i].Moved {
			last = &open[i]
		}
	}
	listen := time.Duration(0)
	if last != nil {
		listen = d.o.Listen
	}
	s, err := d.firstWord(ctx, listen)
	if err != nil {
		return api.Recovery{}, err
	}
	out := api.Recovery{Media: map[string]int{}}
	if last != nil {
		if c := d.fromLate(*last); c != nil {
			rec := last.OpRecord
			rec.Completion = c
			out.Ops = append(out.Ops, rec)
			out.Note = "the device told its result again"
		}
	}
	d.link.Stray = nil
	if s.Exit {
		out.Media["outDefault"] = -1
		d.mu.Lock()
		d.held = d.o.Hold
		d.mu.Unlock()
	}
	if s.Path {
		out.Media["transport"] = -1
	}
	if len(out.Media) == 0 {
		out.Media = nil
	}
	if d.o.ROM != 0 {
		if rom, err := d.link.Ask(d.o.ROM, 1); err == nil && len(rom) >= 4 {
			d.mu.Lock()
			d.firmware = string(rom[:4])
			d.mu.Unlock()
		}
	}
	d.looked()
	d.mu.Lock()
	d.unsettle = last != nil && len(out.Ops) == 0
	d.mu.Unlock()
	d.o.Env.StatusChanged()
	return out, nil
}

// firstWord listens for at least that long and then asks until the device answers.
func (d *Dispenser) firstWord(ctx context.Context, listen time.Duration) (Sensors, error) {
	end := time.Now().Add(d.o.Max)
	wait := listen
	for {
		if _, err := d.link.Hear(wait); err != nil {
			return Sensors{}, err
		}
		s, err := d.look(1)
		switch {
		case err == nil:
			return s, nil
		case !errors.Is(err, line.ErrSilent):
			return Sensors{}, err
		case ctx.Err() != nil:
			return Sensors{}, ctx.Err()
		case time.Now().After(end), listen == 0:
			// Nothing is owed to us: no reason to wait long; the host asks again.
			return Sensors{}, fmt.Errorf("dispenser: %w", err)
		}
		wait = d.o.Times.Probe
	}
}

// fromLate settles an operation by a result that was repeated, or by the device's account of
// its last movement where that proves to be this operation's.
func (d *Dispenser) fromLate(o sdk.OpenOp) *api.Completion {
	want, asked := d.o.Purge, []int(nil)
	switch o.Name {
	case cash.CmdDispense:
		var r cash.Dispense
		if json.Unmarshal(o.Payload, &r) != nil {
			return nil
		}
		counts, refuse := d.order(r.Counts)
		if refuse != nil {
			return nil
		}
		want, asked = d.o.Command(counts), counts
	case cash.CmdRetract, cash.CmdReset:
	default:
		return nil
	}
	for _, l := range d.link.Stray {
		if l.Cmd != want {
			continue
		}
		if asked != nil {
			c := d.settle(l.Cmd, l.Data, asked, nil)
			return &c
		}
		e, err := d.o.Purged(l.Data)
		if err != nil {
			return nil
		}
		c := api.Completion{Outcome: api.Done}
		if !d.good(e) {
			c = d.failed(api.Failed, e)
		}
		c = sdk.With(c, cash.Moved{Unknown: true})
		return &c
	}
	if w, ok := d.o.Model.(Witness); ok && asked != nil {
		if data, ok := w.After(d.link, o.Op); ok {
			c := d.settle(want, data, asked, nil)
			return &c
		}
	}
	return nil
}
