package itlnv200

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/cashbook"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case cash.CmdCashInStart:
		return sdk.Decoded(cmd, d.start)
	case cash.CmdCashIn:
		return d.cashIn(ctx, emit)
	case cash.CmdCashInEnd:
		return d.end(ctx)
	case cash.CmdCashInRollback:
		return d.rollback(ctx)
	case cash.CmdConfigureNoteTypes:
		return sdk.Decoded(cmd, d.configure)
	case cash.CmdReset:
		return d.resetDevice(ctx)
	case cash.CmdDispense:
		return sdk.Decoded(cmd, func(r cash.Dispense) api.Completion { return d.dispense(ctx, r, emit) })
	case cash.CmdEmpty:
		return d.empty(ctx)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// told is a completion with the numbers of the transaction.
func (d *driver) told(c api.Completion) api.Completion {
	n := d.book.Notes.Clone()
	n.Unknown = n.Unknown || c.Outcome == api.Indeterminate
	d.publish()
	return sdk.With(c, n)
}

func notReady(why string) *api.Completion {
	c := api.Refuse(api.DeviceNotReady, why)
	return &c
}

// ready looks at the device before something is begun. It never polls while a note is held.
func (d *driver) ready() *api.Completion {
	if err := d.tick(); err != nil {
		return notReady(err.Error())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.now.jam != 0:
		c := broken(d.now.jam, "a note is jammed")
		c.Outcome = api.NotStarted
		return &c
	case d.now.boxOut:
		c := broken(evBoxOut, "the cash box is out")
		c.Outcome = api.NotStarted
		return &c
	}
	return nil
}

func (d *driver) start(r cash.CashInStart) api.Completion {
	defer d.exclusive(ms(d.p.SettleMs))()
	if r.InputPosition != "" && r.InputPosition != "inDefault" || r.OutputPosition != "" && r.OutputPosition != "outDefault" {
		return api.Fail(api.NotStarted, cash.ErrPosition, "the device has one mouth")
	}
	if d.book.Status == cash.CashInActive {
		return d.told(api.Fail(api.NotStarted, cash.ErrCashInActive, "a cash-in transaction is active"))
	}
	if c := d.ready(); c != nil {
		return *c
	}
	if d.book.Current != nil {
		return d.told(api.Fail(api.NotStarted, cash.ErrItemsLeft, "a note of an earlier transaction is inside"))
	}
	if d.p.Payout {
		cmd := []byte{cmdPayDisable}
		if r.UseRecycleUnits {
			cmd = []byte{cmdPayEnable, 0}
		}
		if err := d.route(r); err != nil {
			return *notReady(err.Error())
		}
		if _, err := d.link.exchange(cmd...); err != nil {
			return *notReady(err.Error())
		}
	}
	if err := d.settle(false); err != nil {
		return *notReady(err.Error())
	}
	d.book.Status, d.book.Start, d.book.Notes = cash.CashInActive, r, cash.Deposited{}
	if err := d.book.save(); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	return d.told(api.Completion{Outcome: api.Done})
}

// route says where the next note goes, by its type: into the store as long as its unit is below the
// transaction's mark. No note may be inside.
func (d *driver) route(r cash.CashInStart) error {
	if !d.p.Payout || !r.UseRecycleUnits {
		return nil // with the payout device disabled everything goes to the cash box
	}
	held := d.levels()
	if held == nil {
		return fmt.Errorf("%w: the payout device does not say what it holds", errSilent)
	}
	for _, id := range d.set.ids {
		to := byte(routeStore)
		if high, marked := r.High[id]; marked && held[id] >= high {
			to = routeBox
		}
		if was, known := d.routes[id]; id == "" || known && was == to {
			continue
		}
		if _, err := d.link.exchange(append([]byte{cmdSetRoute, to}, denomination(d.set.types[id])...)...); err != nil {
			return err
		}
		d.routes[id] = to
	}
	return nil
}

func (d *driver) configure(r cash.ConfigureNoteTypes) api.Completion {
	defer d.exclusive(ms(d.p.SettleMs))()
	if d.book.Status == cash.CashInActive {
		return api.Fail(api.NotStarted, cash.ErrCashInActive, "a cash-in transaction is active")
	}
	if err := d.book.Configure(r); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if err := d.book.save(); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	d.publish()
	return api.Completion{Outcome: api.Done}
}

// open lets the device take the note types that are switched on.
func (d *driver) open() error {
	mask := uint16(0)
	for i, id := range d.set.ids {
		if id != "" && !d.book.Off[id] {
			mask |= 1 << i
		}
	}
	if _, err := d.link.exchange(cmdInhibits, byte(mask), byte(mask>>8)); err != nil {
		return err
	}
	_, err := d.link.exchange(cmdEnable)
	return err
}

func (d *driver) cashIn(ctx context.Context, emit func(api.Event)) api.Completion {
	defer d.exclusive(24 * time.Hour)()
	if d.book.Status != cash.CashInActive {
		return api.Fail(api.NotStarted, cash.ErrNoCashIn, "no cash-in transaction is active")
	}
	if c := d.ready(); c != nil {
		return d.told(*c)
	}
	d.mu.Lock()
	full := d.now.full
	d.mu.Unlock()
	switch {
	case full:
		return d.told(api.Fail(api.NotStarted, cash.ErrCashUnit, "the cash box is full"))
	case d.book.Full():
		return d.told(api.Fail(api.NotStarted, cash.ErrTooManyItems, "the transaction has as many notes as it may"))
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if d.book.Current != nil { // one note fits into the escrow: the earlier one goes in
		if c := d.stackHeld(); c != nil {
			return d.told(*c)
		}
	}
	err := d.route(d.book.Start)
	if err == nil {
		err = d.open()
	}
	if err != nil {
		d.lost(err)
		return d.told(api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()})
	}
	emit(api.Event{Name: cash.EvInsertItems})
	return d.await(ctx, emit)
}

// await waits for a note that is read and wanted.
func (d *driver) await(ctx context.Context, emit func(api.Event)) api.Completion {
	inside, closing := false, false
	var deadline time.Time
	for {
		if !closing && ctx.Err() != nil {
			closing, deadline = true, time.Now().Add(ms(d.p.StackMs))
			if _, err := d.link.exchange(cmdDisable); err != nil {
				return d.told(d.silent(err))
			}
		}
		d.line.Promise(60 * time.Second)
		evs, err := d.look()
		if err != nil {
			return d.told(d.silent(err))
		}
		for _, e := range evs {
			switch e.code {
			case evRead:
				if !inside && e.channel == 0 {
					inside = true
					emit(api.Event{Name: cash.EvItemsInserted, Payload: payload(map[string]string{"position": "inDefault"})})
				}
			case evRejected, evFrontCleared:
				inside = false
				d.refused(emit)
			case evFraud:
				return d.told(d.shut(broken(e.code, "fraud attempt")))
			case evSafeJam, evUnsafeJam:
				return d.told(d.shut(broken(e.code, "note jam")))
			case evBoxOut:
				return d.told(d.shut(broken(e.code, "the cash box was taken out")))
			case evFull:
				if d.book.Current == nil {
					return d.told(d.shut(broken(e.code, "the cash box is full")))
				}
			case evReset:
				d.live = false
				return d.told(api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "the device was reset while it waited for a note"})
			}
		}
		if c := d.book.Current; c != nil && c.Stage == cashbook.Held {
			if why := d.book.Over(); why != "" {
				if done := d.giveBack(why, emit); done != nil {
					return d.told(*done)
				}
				inside = false
				continue
			}
			return d.got(emit)
		}
		switch {
		case closing && (!inside || time.Now().After(deadline)):
			return d.told(sdk.Ended(ctx))
		default:
			d.pause()
		}
	}
}

// got ends CashIn with a note in escrow, or, without an escrow, at rest.
func (d *driver) got(emit func(api.Event)) api.Completion {
	if d.p.Escrow == 0 {
		if c := d.stackHeld(); c != nil {
			return d.told(*c)
		}
	} else if _, err := d.link.exchange(cmdHold); err != nil {
		if !cannot(err) {
			return d.told(d.silent(err))
		}
		_, _ = d.look() // it has gone back by itself in the meantime
	}
	emit(api.Event{Name: cash.EvSubCashIn, Payload: payload(d.book.Notes)})
	return d.told(api.Completion{Outcome: api.Done})
}

// silent is the completion when the device stops answering. With nothing ordered to be
// accepted nothing can have been credited.
func (d *driver) silent(err error) api.Completion {
	d.lost(err)
	c := api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}
	if cur := d.book.Current; d.p.Escrow > 0 && (cur == nil || cur.Stage == cashbook.Held) {
		c.Outcome = api.Failed
		c.Description += "; no note was ordered to be accepted: the device gives back what it holds"
	}
	return c
}

// shut closes the mouth after a failure.
func (d *driver) shut(c api.Completion) api.Completion {
	if _, err := d.link.exchange(cmdDisable); err != nil {
		d.lost(err)
	}
	return c
}

// refused tells why the device gave a note back.
func (d *driver) refused(emit func(api.Event)) {
	r := cash.InputRefuse{Reason: cash.RefuseInvalid}
	if out, err := d.link.exchange(cmdLastReject); err == nil && len(out) == 1 {
		if known, ok := rejects[out[0]]; ok {
			r = cash.InputRefuse{Reason: known.reason, Vendor: fmt.Sprintf("%02X %s", out[0], known.name)}
		}
	}
	emit(api.Event{Name: cash.EvInputRefuse, Payload: payload(r)})
}

// giveBack returns a note that the transaction does not want.
func (d *driver) giveBack(why string, emit func(api.Event)) *api.Completion {
	if c := d.returnHeld(); c != nil {
		return c
	}
	if err := d.open(); err != nil {
		c := d.silent(err)
		return &c
	}
	emit(api.Event{Name: cash.EvInputRefuse, Payload: payload(cash.InputRefuse{Reason: why})})
	return nil
}

// order writes what is about to happen to the note before the byte that lets it happen.
func (d *driver) order(stage string) *api.Completion {
	if !d.book.Order(stage) {
		return nil // credited already: only its end is waited for
	}
	d.dirty = true
	if err := d.keep(); err != nil {
		d.book.Order(cashbook.Held)
		c := api.Refuse(api.InternalError, err.Error())
		return &c
	}
	return nil
}

// closeMouth takes no further note while one is moved: it would be read, and the polls that see the
// first one to its end would accept it. Inhibits leave the note in escrow where it is.
func (d *driver) closeMouth() *api.Completion {
	if _, err := d.link.exchange(cmdInhibits, 0, 0); err != nil {
		c := d.silent(err)
		return &c
	}
	return nil
}

// stackHeld accepts the note in escrow and sees it to its place. nil: the note is at rest, or
// the device gave it back after all (then Returned says so).
func (d *driver) stackHeld() *api.Completion {
	if c := d.closeMouth(); c != nil {
		return c
	}
	if c := d.order(cashbook.Leaving); c != nil {
		return c
	}
	return d.settled("accept")
}

// returnHeld gives the note in escrow back.
func (d *driver) returnHeld() *api.Completion {
	if c := d.closeMouth(); c != nil {
		return c
	}
	if c := d.order(cashbook.Returning); c != nil {
		return c
	}
	if _, err := d.link.exchange(cmdReject); err != nil && !cannot(err) {
		c := d.silent(err)
		return &c
	}
	return d.settled("return")
}

// settled polls until the note on its way is at rest or back.
func (d *driver) settled(what string) *api.Completion {
	fail := func(c api.Completion) *api.Completion { return &c }
	for end := time.Now().Add(ms(d.p.StackMs)); d.book.Current != nil; d.pause() {
		evs, err := d.look()
		if err != nil {
			return fail(d.silent(err))
		}
		for _, e := range evs {
			switch e.code {
			case evSafeJam, evUnsafeJam:
				return fail(d.shut(broken(e.code, "note jam")))
			case evFraud:
				return fail(d.shut(broken(e.code, "fraud attempt")))
			}
		}
		if d.reset || d.stopped() {
			d.live = false
			return fail(api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the device was reset while it moved a note"})
		}
		if d.book.Current != nil && time.Now().After(end) {
			return fail(d.silent(fmt.Errorf("%s: %w: no end of the movement was reported", what, errSilent)))
		}
	}
	return nil
}

func (d *driver) end(ctx context.Context) api.Completion {
	defer d.exclusive(2 * ms(d.p.StackMs))()
	if d.book.Status != cash.CashInActive {
		return d.told(api.Fail(api.NotStarted, cash.ErrNoCashIn, "no cash-in transaction is active"))
	}
	if err := d.tick(); err != nil {
		return d.told(*notReady(err.Error()))
	}
	if d.book.Current != nil {
		if err := sdk.Moving(ctx); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
		if c := d.stackHeld(); c != nil {
			return d.told(d.finish(*c, cash.CashInUnknown))
		}
	}
	return d.told(d.finish(d.shut(api.Completion{Outcome: api.Done}), cash.CashInOK))
}

// finish ends the transaction. After an indeterminate outcome it stays active until the
// device has been asked.
func (d *driver) finish(c api.Completion, status string) api.Completion {
	if c.Outcome == api.Indeterminate || c.Outcome == api.NotStarted {
		return c
	}
	d.book.Status = status
	if err := d.book.save(); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	if d.live && d.book.Current == nil {
		d.levels() // the status after a deposit says what the store holds now
	}
	return c
}

func (d *driver) rollback(ctx context.Context) api.Completion {
	defer d.exclusive(2 * ms(d.p.StackMs))()
	if d.book.Status != cash.CashInActive {
		return d.told(api.Fail(api.NotStarted, cash.ErrNoCashIn, "no cash-in transaction is active"))
	}
	if err := d.tick(); err != nil {
		return d.told(*notReady(err.Error()))
	}
	kept := d.book.Notes.Count(func(m cash.NoteMoved) int { return m.Credited })
	if d.book.Current == nil && kept > 0 {
		return d.told(api.Fail(api.NotStarted, cash.ErrNoItems, "the notes are stacked: the device cannot give them back"))
	}
	if d.book.Current != nil {
		if err := sdk.Moving(ctx); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
		if c := d.returnHeld(); c != nil {
			return d.told(d.finish(*c, cash.CashInUnknown))
		}
		d.env.Event(cash.EvItemsPresented, bunch(0))
		d.env.Event(cash.EvItemsTaken, bunch(0)) // the device has no sensor for it
	}
	c := d.shut(api.Completion{Outcome: api.Done})
	if kept > 0 {
		c.Description = "only the note in escrow came back; earlier ones are stacked"
	}
	return d.told(d.finish(c, cash.CashInRollback))
}

// resetDevice clears the path: a note in escrow goes out of the mouth, one beyond it into the
// cash box.
func (d *driver) resetDevice(ctx context.Context) api.Completion {
	defer d.exclusive(2 * ms(d.p.ResetMs))()
	if !d.live {
		if err := d.connect(); err != nil {
			return d.told(*notReady(err.Error()))
		}
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	had := d.book.Current != nil
	if had && d.book.Current.Stage == cashbook.Held {
		if c := d.order(cashbook.Returning); c != nil {
			return *c
		}
	}
	if _, err := d.link.exchange(cmdReset); err != nil {
		d.lost(err)
		return d.told(api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()})
	}
	d.live = false
	end := time.Now().Add(ms(d.p.ResetMs))
	for err := d.connect(); err != nil; err = d.connect() {
		if time.Now().After(end) || d.stopped() || !errors.Is(err, errSilent) && !answered(err) {
			return d.told(api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()})
		}
		d.pause()
	}
	c := api.Completion{Outcome: api.Done}
	d.mu.Lock()
	if d.now.jam != 0 {
		c = broken(d.now.jam, "note jam")
	}
	d.mu.Unlock()
	if had {
		d.env.Event(cash.EvMediaDetected, map[string]string{"target": "cashIn"})
	}
	if d.book.Status == cash.CashInActive {
		c = d.finish(c, cash.CashInReset)
	}
	return d.told(c)
}
