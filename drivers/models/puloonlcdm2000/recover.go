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

// Recover listens before it speaks: a device whose last result got no acknowledgement
// repeats it, and one that is still paying out answers nobody. It moves nothing.
func (d *driver) Recover(ctx context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive(ms(d.p.RecoverMaxMs))()
	if d.link.Port.Gone() {
		if err := d.link.Port.Reopen(); err != nil {
			return api.Recovery{}, err
		}
	}
	var last *sdk.OpenOp // the newest operation that may have moved notes
	for i := range open {
		if open[i].Moved {
			last = &open[i]
		}
	}
	listen := time.Duration(0)
	if last != nil {
		listen = ms(d.p.RecoverListenMs)
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
			out.Note = "the device repeated its result"
		}
	}
	d.link.Stray = nil
	if s.exit() {
		out.Media["outDefault"] = -1
		d.mu.Lock()
		d.held = d.p.Exit == "hold"
		d.mu.Unlock()
	}
	if s.path() {
		out.Media["transport"] = -1
	}
	if len(out.Media) == 0 {
		out.Media = nil
	}
	if rom, err := d.link.Ask(cmdROM, 1); err == nil && len(rom) >= 4 {
		d.mu.Lock()
		d.firmware = string(rom[:4])
		d.mu.Unlock()
	}
	d.lookTrust()
	d.mu.Lock()
	d.unsettle = last != nil && len(out.Ops) == 0
	d.mu.Unlock()
	d.env.StatusChanged()
	return out, nil
}

// firstWord listens for at least that long and then asks until the device answers.
func (d *driver) firstWord(ctx context.Context, listen time.Duration) (sensors, error) {
	end := time.Now().Add(ms(d.p.RecoverMaxMs))
	wait := listen
	for {
		if _, err := d.link.Hear(wait); err != nil {
			return sensors{}, err
		}
		s, err := d.look(1)
		switch {
		case err == nil:
			return s, nil
		case !errors.Is(err, puloon.ErrSilent):
			return sensors{}, err
		case ctx.Err() != nil:
			return sensors{}, ctx.Err()
		case time.Now().After(end), listen == 0:
			// Nothing is owed to us: no reason to wait long; the host asks again.
			return sensors{}, fmt.Errorf("dispenser: %w", err)
		}
		wait = ms(d.p.ProbeMs)
	}
}

// fromLate settles an operation by a result that was repeated, if there is one for it.
func (d *driver) fromLate(o sdk.OpenOp) *api.Completion {
	var want byte
	var asked [2]int
	switch o.Name {
	case cash.CmdDispense:
		var r cash.Dispense
		if json.Unmarshal(o.Payload, &r) != nil {
			return nil
		}
		frame, counts, refuse := d.order(r.Counts)
		if refuse != nil {
			return nil
		}
		want, asked = frame[3], counts
	case cash.CmdRetract, cash.CmdReset:
		want = cmdPurge
	default:
		return nil
	}
	for _, l := range d.link.Stray {
		if l.Cmd != want {
			continue
		}
		if want != cmdPurge {
			c := d.settle(l.Cmd, l.Data, asked, nil)
			return &c
		}
		if len(l.Data) != 1 {
			return nil
		}
		c := api.Completion{Outcome: api.Done}
		if !isGood(l.Data[0]) {
			c = d.failed(api.Failed, l.Data[0])
		}
		c = sdk.With(c, cash.Moved{Unknown: true})
		return &c
	}
	return nil
}
