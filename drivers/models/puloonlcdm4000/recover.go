package puloonlcdm4000

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
			out.Note = "the device told its result again"
		}
	}
	d.link.Stray = nil
	if d.atExit(s) {
		out.Media["outDefault"] = -1
		d.mu.Lock()
		d.held = d.p.Exit == "hold"
		d.mu.Unlock()
	}
	if d.onPath(s) {
		out.Media["transport"] = -1
	}
	if len(out.Media) == 0 {
		out.Media = nil
	}
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

// fromLate settles an operation by a result that was repeated, or by the device's record of
// its last movement where that proves to be this operation's.
func (d *driver) fromLate(o sdk.OpenOp) *api.Completion {
	want := byte(cmdPurge)
	var asked [cassettes]int
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
		want, asked = cmdDispense, counts
	case cash.CmdRetract, cash.CmdReset:
	default:
		return nil
	}
	for _, l := range d.link.Stray {
		if l.Cmd != want {
			continue
		}
		if want == cmdDispense {
			c := d.settle(l.Data, asked, nil)
			return &c
		}
		r, err := parseResult(l.Data)
		if err != nil {
			return nil
		}
		c := api.Completion{Outcome: api.Done}
		if r.err != good {
			c = d.failed(api.Failed, r.err)
		}
		c = sdk.With(c, cash.Moved{Unknown: true})
		return &c
	}
	if want != cmdDispense {
		return nil
	}
	if data, ok := d.witness(d.remembered(o.Op)); ok {
		c := d.settle(data, asked, nil)
		return &c
	}
	return nil
}
