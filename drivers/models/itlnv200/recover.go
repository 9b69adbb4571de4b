package itlnv200

import (
	"context"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/cashbook"
	"zhigui/drivers/sdk"
)

// Recover asks the device where the note on its way is, first by HOLD, and compares the books
// with the device's counters. It moves nothing: a note in escrow stays there and is held on. A
// payout that goes on by itself is halted, as nobody follows it: then it is certain what came out.
func (d *driver) Recover(_ context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive(ms(d.p.SettleMs) + ms(d.p.ReplyMs)*20)()
	if err := d.connect(); err != nil {
		return api.Recovery{}, err
	}
	if err := d.halt(); err != nil {
		return api.Recovery{}, err
	}
	d.mu.Lock()
	d.known = true
	bezel, jam := d.now.bezel, d.now.jam
	d.mu.Unlock()
	out := api.Recovery{Media: map[string]int{}}
	for i := range open {
		if !open[i].Moved || i != len(open)-1 {
			continue
		}
		if c := d.proved(open[i].Name); c != nil {
			rec := open[i].OpRecord
			rec.Completion = c
			out.Ops = append(out.Ops, rec)
			out.Note = "settled by the device's counters"
		}
	}
	if c := d.book.Current; c != nil && jam == 0 {
		out.Media["stacker"] = 1
	}
	if jam != 0 {
		out.Media["transport"] = -1
	}
	if bezel {
		out.Media["outDefault"] = 1
	}
	if len(out.Media) == 0 {
		out.Media = nil
	}
	d.publish()
	return out, nil
}

// proved is the completion of the newest operation if books and device agree about it.
func (d *driver) proved(name string) *api.Completion {
	b := d.book
	if name == cash.CmdDispense || name == cash.CmdEmpty {
		if b.Pay == nil {
			return nil
		}
		if d.pays() {
			return nil // it was not to be halted: the next Recover knows more
		}
		c := d.account(api.Completion{Outcome: api.Done}, -1, nil)
		return &c
	}
	if b.Notes.Unknown {
		return nil
	}
	held := b.Current != nil
	failed := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "interrupted; the payload says where the notes are"}
	c := failed
	switch name {
	case cash.CmdCashIn:
		if held && b.Current.Stage == cashbook.Held {
			c = api.Completion{Outcome: api.Done}
		}
	case cash.CmdCashInEnd:
		if !held && !b.Notes.Uncounted {
			c = d.finish(api.Completion{Outcome: api.Done}, cash.CashInOK)
		}
	case cash.CmdCashInRollback:
		if !held && !b.Notes.Uncounted {
			c = d.finish(api.Completion{Outcome: api.Done}, cash.CashInRollback)
		}
	case cash.CmdReset:
		if !held {
			c = api.Completion{Outcome: api.Done}
		}
	default:
		return nil
	}
	c = d.told(c)
	return &c
}

func (d *driver) pays() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now.paying
}

// halt ends a payout that the device went on with while its driver was away.
func (d *driver) halt() error {
	if d.book.Pay == nil || d.book.Pay.Empty || !d.pays() {
		return nil
	}
	if _, err := d.link.exchange(cmdHalt); err != nil && !answered(err) {
		d.lost(err)
		return err
	}
	for end := time.Now().Add(ms(d.p.SettleMs)); d.pays() && time.Now().Before(end) && !d.stopped(); d.pause() {
		if _, err := d.look(); err != nil {
			return err
		}
	}
	return nil
}
