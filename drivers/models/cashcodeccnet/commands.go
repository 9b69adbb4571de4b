package cashcodeccnet

import (
	"context"
	"encoding/json"
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
	case cash.CmdConfigureNoteTypes:
		return sdk.Decoded(cmd, d.configure)
	case cash.CmdCashIn:
		return d.cashIn(ctx, emit)
	case cash.CmdCashInEnd:
		return d.end(ctx)
	case cash.CmdCashInRollback:
		return d.rollback(ctx)
	case cash.CmdReset:
		return d.reset(ctx)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func payload(v any) json.RawMessage {
	b, _ := json.Marshal(v) // types of drivers/api cannot fail
	return b
}

// told is a completion with the numbers of the transaction.
func (d *driver) told(c api.Completion) api.Completion {
	n := d.book.Notes.Clone()
	n.Unknown = n.Unknown || c.Outcome == api.Indeterminate
	d.publish()
	return sdk.With(c, n)
}

// trouble is the failure that the device's state is, or nil.
func (d *driver) trouble(o api.Outcome) *api.Completion {
	name, class := "", ""
	switch first(d.last) {
	case stFull:
		name, class = "drop cassette full", cash.ErrCashUnit
	case stBoxOut:
		name, class = "drop cassette out of position", cash.ErrCashUnit
	case stJam:
		name = "validator jammed"
	case stStackerJam:
		name = "drop cassette jammed"
	case stCheated:
		name = "cheated"
	case stFailure:
		name = "failure"
		if len(d.last) > 1 {
			name += ": " + failures[d.last[1]]
		}
	case stBillInside, stBillStacker, stPowerUp:
		name = "power-up with a bill inside"
	default:
		return nil
	}
	v := &api.VendorError{Code: fmt.Sprintf("%X", d.last), Name: name}
	c := api.Completion{Outcome: o, Code: api.HardwareError, Vendor: v, Description: "state " + v.Code + " " + name}
	if class != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, class
	}
	if first(d.last) == stCheated {
		c.Code = api.FraudAttempt
	}
	return &c
}

func (d *driver) ready() *api.Completion {
	if err := d.tick(); err != nil && !errors.Is(err, errIllegal) {
		c := api.Refuse(api.DeviceNotReady, err.Error())
		return &c
	}
	return d.trouble(api.NotStarted)
}

func (d *driver) start(r cash.CashInStart) api.Completion {
	defer d.exclusive(ms(d.p.ResetMs))()
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
	d.book.Status, d.book.Start, d.book.Notes = cash.CashInActive, r, cash.Deposited{}
	if err := d.save(); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	return d.told(api.Completion{Outcome: api.Done})
}

func (d *driver) configure(r cash.ConfigureNoteTypes) api.Completion {
	defer d.exclusive(0)()
	if d.book.Status == cash.CashInActive {
		return api.Fail(api.NotStarted, cash.ErrCashInActive, "a cash-in transaction is active")
	}
	if err := d.book.Configure(r); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if err := d.save(); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	d.publish()
	return api.Completion{Outcome: api.Done}
}

// open lets the device take the note types that are switched on, all through escrow; shut
// closes the mouth.
func (d *driver) open() error {
	var m [3]byte
	for i, id := range d.bills.ids {
		if id != "" && !d.book.Off[id] && i < 24 {
			m[2-i/8] |= 1 << (i % 8)
		}
	}
	_, err := d.ask(cmdEnable, m[0], m[1], m[2], 0xFF, 0xFF, 0xFF)
	return err
}

func (d *driver) shut(c api.Completion) api.Completion {
	_, _ = d.ask(cmdEnable, 0, 0, 0, 0, 0, 0)
	return c
}

// silent is the completion when contact is lost. With nothing ordered to be stacked nothing
// can be credited.
func (d *driver) silent(err error) *api.Completion {
	_ = d.lost(err)
	c := api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}
	if cur := d.book.Current; cur == nil || cur.Stage == cashbook.Held {
		c.Outcome = api.Failed
		c.Description += "; no note was ordered to be stacked: the device gives back what it holds"
	}
	return &c
}

func (d *driver) cashIn(ctx context.Context, emit func(api.Event)) api.Completion {
	defer d.exclusive(24 * time.Hour)()
	if d.book.Status != cash.CashInActive {
		return api.Fail(api.NotStarted, cash.ErrNoCashIn, "no cash-in transaction is active")
	}
	if c := d.ready(); c != nil {
		return d.told(*c)
	}
	if d.book.Full() {
		return d.told(api.Fail(api.NotStarted, cash.ErrTooManyItems, "the transaction has as many notes as it may"))
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if d.book.Current != nil { // one note fits into the escrow: the earlier one goes in
		if c := d.send(cmdStack, cashbook.Leaving); c != nil {
			return d.told(*c)
		}
	}
	if err := d.open(); err != nil {
		return d.told(api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()})
	}
	emit(api.Event{Name: cash.EvInsertItems})
	return d.await(ctx, emit)
}

func (d *driver) await(ctx context.Context, emit func(api.Event)) api.Completion {
	closing, inside := false, false
	for {
		if !closing && ctx.Err() != nil {
			closing = true
			if _, err := d.ask(cmdEnable, 0, 0, 0, 0, 0, 0); err != nil && !errors.Is(err, errIllegal) {
				return d.told(*d.silent(err))
			}
		}
		d.line.Promise(60 * time.Second)
		was := d.last
		if err := d.look(); err != nil {
			return d.told(*d.silent(err))
		}
		if first(was) != stRejecting && d.last[0] == stRejecting && len(d.last) > 1 {
			r := cash.InputRefuse{Reason: cash.RefuseInvalid, Vendor: fmt.Sprintf("%02X", d.last[1])}
			if k, ok := rejects[d.last[1]]; ok {
				r = cash.InputRefuse{Reason: k.reason, Vendor: r.Vendor + " " + k.name}
			}
			emit(api.Event{Name: cash.EvInputRefuse, Payload: payload(r)})
		}
		busy := d.last[0] != stIdle && d.last[0] != stDisabled
		if !inside && d.last[0] == stAccepting {
			emit(api.Event{Name: cash.EvItemsInserted, Payload: payload(map[string]string{"position": "inDefault"})})
		}
		inside = busy
		if c := d.trouble(api.Failed); c != nil {
			return d.told(d.shut(*c))
		}
		if c := d.book.Current; c != nil && c.Stage == cashbook.Held {
			why := d.book.Over()
			switch {
			case why != "":
				if c := d.send(cmdReturn, cashbook.Returning); c != nil {
					return d.told(*c)
				}
				if err := d.open(); err != nil {
					return d.told(*d.silent(err))
				}
				emit(api.Event{Name: cash.EvInputRefuse, Payload: payload(cash.InputRefuse{Reason: why})})
				continue
			case d.p.Escrow == 0:
				if c := d.send(cmdStack, cashbook.Leaving); c != nil {
					return d.told(*c)
				}
			default:
				if _, err := d.ask(cmdHold); err != nil && !errors.Is(err, errIllegal) {
					return d.told(*d.silent(err))
				}
			}
			emit(api.Event{Name: cash.EvSubCashIn, Payload: payload(d.book.Notes)})
			return d.told(api.Completion{Outcome: api.Done})
		}
		if closing && !busy {
			return d.told(sdk.Ended(ctx))
		}
		d.pause()
	}
}

// send orders the note in escrow to be stacked or returned, in the book first, and sees it
// to its end.
func (d *driver) send(cmd byte, stage string) *api.Completion {
	fail := func(c api.Completion) *api.Completion { return &c }
	wanted := d.book.Order(stage) // else it is credited already: only its end is waited for
	if err := d.save(); err != nil {
		d.book.Order(cashbook.Held)
		return fail(api.Refuse(api.InternalError, err.Error()))
	}
	var err error
	if wanted {
		// No further note while this one is moved. A device that does not take the order in escrow
		// says so, and goes on.
		if _, err = d.ask(cmdEnable, 0, 0, 0, 0, 0, 0); err == nil || errors.Is(err, errIllegal) {
			err = d.order(cmd)
		}
	}
	if err != nil && !errors.Is(err, errIllegal) { // illegal: it has left escrow by itself, the poll says how
		return d.silent(err)
	}
	for end := time.Now().Add(ms(d.p.StackMs)); d.book.Current != nil; d.pause() {
		if err := d.look(); err != nil {
			return d.silent(err)
		}
		if d.last[0] == stPowerUp || d.last[0] == stBillInside || d.last[0] == stBillStacker {
			d.live = false
			return fail(api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the device lost power while it moved a note"})
		}
		if c := d.trouble(api.Failed); c != nil && first(d.last) != stFull && first(d.last) != stBoxOut {
			return fail(d.shut(*c))
		}
		if d.book.Current != nil && (time.Now().After(end) || d.stopped()) {
			return d.silent(fmt.Errorf("%w: no end of the movement was reported", errSilent))
		}
	}
	return nil
}

// finish ends the transaction; after an indeterminate outcome it stays active.
func (d *driver) finish(c api.Completion, status string) api.Completion {
	if c.Outcome == api.Indeterminate || c.Outcome == api.NotStarted {
		return c
	}
	d.book.Status = status
	if err := d.save(); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	return c
}

// closing is what CashInEnd and CashInRollback have in common.
func (d *driver) closing(ctx context.Context, cmd byte, stage string) *api.Completion {
	if d.book.Status != cash.CashInActive {
		c := api.Fail(api.NotStarted, cash.ErrNoCashIn, "no cash-in transaction is active")
		return &c
	}
	if err := d.tick(); err != nil && !errors.Is(err, errIllegal) {
		c := api.Refuse(api.DeviceNotReady, err.Error())
		return &c
	}
	if c := d.book.Current; cmd == cmdReturn && c == nil && d.book.Inside() > 0 {
		c := api.Fail(api.NotStarted, cash.ErrNoItems, "the notes are stacked: the device cannot give them back")
		return &c
	}
	if d.book.Current == nil {
		return nil
	}
	if c := d.trouble(api.NotStarted); c != nil {
		return c
	}
	if err := sdk.Moving(ctx); err != nil {
		c := api.Refuse(api.InternalError, err.Error())
		return &c
	}
	if c := d.send(cmd, stage); c != nil {
		f := d.finish(*c, cash.CashInUnknown)
		return &f
	}
	return nil
}

func (d *driver) end(ctx context.Context) api.Completion {
	defer d.exclusive(2 * ms(d.p.StackMs))()
	if c := d.closing(ctx, cmdStack, cashbook.Leaving); c != nil {
		return d.told(*c)
	}
	return d.told(d.finish(d.shut(api.Completion{Outcome: api.Done}), cash.CashInOK))
}

func (d *driver) rollback(ctx context.Context) api.Completion {
	defer d.exclusive(2 * ms(d.p.StackMs))()
	had := d.book.Current != nil
	if c := d.closing(ctx, cmdReturn, cashbook.Returning); c != nil {
		return d.told(*c)
	}
	c := d.shut(api.Completion{Outcome: api.Done})
	if d.book.Inside() > 0 {
		c.Description = "only the note in escrow came back; earlier ones are stacked"
	}
	if had {
		place := cash.Bunch{Position: "outDefault", More: "0"}
		d.env.Event(cash.EvItemsPresented, place)
		d.env.Event(cash.EvItemsTaken, place) // the device has no sensor for it
	}
	return d.told(d.finish(c, cash.CashInRollback))
}

// reset lets the device clear its path: a note in the validator goes out of the mouth, one
// beyond it into the cassette.
func (d *driver) reset(ctx context.Context) api.Completion {
	defer d.exclusive(2 * ms(d.p.ResetMs))()
	if err := d.look(); err != nil {
		if err = d.connect(); err != nil {
			return d.told(api.Refuse(api.DeviceNotReady, err.Error()))
		}
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	had := d.book.Current != nil
	if c := d.book.Current; had {
		switch {
		case first(d.last) == stBillStacker: // it goes on into the cassette
			d.book.Credit()
		case first(d.last) == stStackerJam && c.Stage != cashbook.Credited: // nothing will tell where it went
			c.Stage = cashbook.Leaving
		case c.Stage != cashbook.Credited: // it goes out
			c.Stage = cashbook.Returning
		}
		d.book.Notes.Uncounted = false
		if err := d.save(); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
	}
	if _, err := d.ask(cmdReset); err != nil {
		return d.told(api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()})
	}
	for end := time.Now().Add(ms(d.p.ResetMs)); ; {
		d.pause()
		err := d.look()
		if err == nil && d.last[0] != stInit && d.last[0] != stBusy {
			break
		}
		if time.Now().After(end) || d.stopped() {
			return d.told(api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the device does not finish its start"})
		}
	}
	d.live = true
	c := api.Completion{Outcome: api.Done}
	if t := d.trouble(api.Failed); t != nil {
		c = *t
	}
	if had {
		d.env.Event(cash.EvMediaDetected, map[string]string{"target": "cashIn"})
	}
	if d.book.Status == cash.CashInActive {
		c = d.finish(c, cash.CashInReset)
	}
	return d.told(c)
}

// Recover polls: results that nobody acknowledged are still there. It moves nothing.
func (d *driver) Recover(_ context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive(ms(d.p.ResetMs) + ms(d.p.StackMs))()
	d.last = nil
	if err := d.connect(); err != nil {
		return api.Recovery{}, err
	}
	for end := time.Now().Add(ms(d.p.StackMs)); d.moving(); d.pause() {
		if err := d.look(); err != nil {
			return api.Recovery{}, err
		}
		if time.Now().After(end) || d.stopped() {
			break
		}
	}
	d.mu.Lock()
	d.known = true
	d.mu.Unlock()
	out := api.Recovery{}
	if c := d.book.Current; c != nil && c.Stage == cashbook.Held {
		out.Media = map[string]int{"stacker": 1}
	}
	switch first(d.last) {
	case stJam, stStackerJam, stBillInside, stBillStacker:
		out.Media = map[string]int{"transport": 1}
	}
	if n := len(open); n > 0 && open[n-1].Moved {
		if c := d.proved(open[n-1].Name); c != nil {
			rec := open[n-1].OpRecord
			rec.Completion = c
			out.Ops, out.Note = append(out.Ops, rec), "settled by what the device repeats"
		}
	}
	d.publish()
	return out, nil
}

func (d *driver) moving() bool {
	switch first(d.last) {
	case stStacking, stReturning, stAccepting, stStacked, stReturned, stRejecting, stBusy:
		return true
	}
	return false
}

// proved is the completion of the newest operation if the device proves it.
func (d *driver) proved(name string) *api.Completion {
	b := &d.book
	if b.Notes.Unknown {
		return nil
	}
	c := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "interrupted; the payload says where the notes are"}
	out := b.Current == nil && !b.Notes.Uncounted
	switch {
	case name == cash.CmdCashIn && b.Current != nil && b.Current.Stage == cashbook.Held, name == cash.CmdReset && out:
		c = api.Completion{Outcome: api.Done}
	case name == cash.CmdCashInEnd && out:
		c = d.finish(api.Completion{Outcome: api.Done}, cash.CashInOK)
	case name == cash.CmdCashInRollback && out:
		c = d.finish(api.Completion{Outcome: api.Done}, cash.CashInRollback)
	}
	c = d.told(c)
	return &c
}
