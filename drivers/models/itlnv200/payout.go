package itlnv200

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/sdk"
)

// payload encodes a type of drivers/api, which cannot fail.
func payload(v any) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}

// beforePay looks at the device and writes down what it holds.
func (d *driver) beforePay(p *payment) *api.Completion {
	if !d.p.Payout {
		c := api.Refuse(api.UnsupportedCommand, "no payout device is fitted")
		return &c
	}
	if d.book.Status == cash.CashInActive || d.book.Current != nil {
		c := api.Fail(api.NotStarted, cash.ErrCashInActive, "a cash-in transaction is active")
		return &c
	}
	if c := d.ready(); c != nil {
		return c
	}
	d.mu.Lock()
	bezel := d.now.bezel
	d.mu.Unlock()
	if bezel {
		c := api.Fail(api.NotStarted, cash.ErrItemsLeft, "a note is in the bezel")
		return &c
	}
	if p.Levels = d.levels(); p.Levels == nil {
		return notReady("the payout device does not say what it holds")
	}
	for id, n := range p.Asked {
		if n > p.Levels[id] {
			c := api.Fail(api.NotStarted, cash.ErrNotDispensable, fmt.Sprintf("%s holds %d notes, %d are asked for", cash.RecycleUnit(id), p.Levels[id], n))
			return &c
		}
	}
	raw, err := d.link.exchange(cmdCounters)
	if err == nil {
		p.Counters, err = parseCounters(raw)
	}
	if err == nil {
		_, err = d.link.exchange(cmdPayEnable, 0)
	}
	if err != nil {
		return notReady(err.Error())
	}
	return nil
}

func (d *driver) dispense(ctx context.Context, r cash.Dispense, emit func(api.Event)) api.Completion {
	if r.Position != "" && r.Position != "outDefault" {
		return api.Fail(api.NotStarted, cash.ErrPosition, "the device has one exit: outDefault")
	}
	defer d.exclusive(24 * time.Hour)()
	p := &payment{Asked: map[string]int{}}
	total := 0
	for unit, n := range r.Counts {
		id := cash.NoteTypeOf(unit)
		switch _, known := d.set.types[id]; {
		case !known:
			return api.Fail(api.NotStarted, cash.ErrCashUnit, fmt.Sprintf("the device has no cash unit %q", unit))
		case n < 0 || n > 0xFFFF:
			return api.Refuse(api.InvalidData, "a count is negative or too large")
		case n > 0:
			p.Asked[id] = n
			total += n
		}
	}
	if total == 0 {
		return api.Refuse(api.InvalidData, "no notes asked for")
	}
	if c := d.beforePay(p); c != nil {
		return *c
	}
	frame := []byte{cmdPayout, byte(len(p.Asked))}
	for id, n := range p.Asked {
		frame = append(binary.LittleEndian.AppendUint16(frame, uint16(n)), denomination(d.set.types[id])...)
	}
	c, value := d.pay(ctx, p, append(frame, optionPay), func() { emit(api.Event{Name: cash.EvStartDispense}) })
	if c.Outcome == api.NotStarted {
		return c
	}
	return d.account(c, value, emit)
}

// pay sends a payout or empty once and follows it to its end. value is what the device says
// to have paid, -1 if it said nothing.
func (d *driver) pay(ctx context.Context, p *payment, frame []byte, begun func()) (api.Completion, int64) {
	d.book.Pay = p
	if err := d.book.save(); err != nil {
		d.book.Pay = nil
		return api.Refuse(api.InternalError, err.Error()), 0
	}
	drop := func(c api.Completion) (api.Completion, int64) {
		d.book.Pay, d.dirty = nil, true
		_ = d.keep()
		return c, 0
	}
	if err := sdk.Moving(ctx); err != nil {
		return drop(api.Refuse(api.InternalError, err.Error()))
	}
	d.moving = true
	defer func() { d.moving = false }()
	_, err := d.link.exchange(frame...)
	var no *answerError
	switch {
	case errors.As(err, &no):
		why := no.Error()
		if len(no.more) == 1 {
			why = payoutRefusals[no.more[0]]
		}
		return drop(api.Fail(api.NotStarted, cash.ErrNotDispensable, why))
	case errors.Is(err, errNoKey):
		d.lost(err)
		return drop(*notReady(err.Error()))
	case err != nil:
		d.lost(err)
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}, -1
	}
	begun()
	d.come = 0
	d.mu.Lock()
	d.now.paid = 0
	d.mu.Unlock()
	return d.follow(ctx)
}

// follow sees a payout to its end. It is halted when a note neither comes nor is taken in time.
func (d *driver) follow(ctx context.Context) (api.Completion, int64) {
	halted, at := false, paying{}
	var end time.Time
	for {
		d.line.Promise(60 * time.Second)
		if now := d.progress(); now != at || end.IsZero() {
			at, end = now, time.Now().Add(ms(d.p.PerNoteMs))
		}
		evs, err := d.look()
		if err != nil {
			return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}, -1
		}
		for _, e := range evs {
			switch e.code {
			case evDispensed, evEmptied:
				return api.Completion{Outcome: api.Done}, e.value
			case evHalted:
				return api.Completion{Outcome: api.Failed, Code: api.CodeTimeOut, Description: "halted: a note was not taken in time"}, e.value
			case evPayError:
				return broken(e.code, "error during payout"), e.value
			case evPayJam:
				return broken(e.code, "payout jammed"), e.value
			case evPayTimeout:
				return broken(e.code, "payout time-out"), e.value
			case evIncomplete:
				return broken(e.code, "the payout was interrupted"), e.value
			case evSafeJam, evUnsafeJam:
				return broken(e.code, "note jam"), -1
			}
		}
		if d.reset || d.stopped() {
			d.live = false
			return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the device was reset while it paid"}, -1
		}
		if !halted && (ctx.Err() != nil || time.Now().After(end)) {
			halted = true
			if _, err := d.link.exchange(cmdHalt); err != nil && !answered(err) {
				d.lost(err)
				return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}, -1
			}
		}
		d.pause()
	}
}

// paying is how far a payout is.
type paying struct {
	value int64 // what the device says to have paid
	bezel bool
	come  int
}

func (d *driver) progress() paying {
	d.mu.Lock()
	now := paying{value: d.now.paid, bezel: d.now.bezel, come: d.come}
	d.mu.Unlock()
	return now
}

// passes tells of a note of a payout that has come to the bezel, or was taken from it, when others
// follow. The last one is told of when the payout has been reckoned up. Between two polls one note
// may have gone and the next have come: then more is paid than before.
func (d *driver) passes(was, is seen) {
	if d.book.Pay.Empty {
		return
	}
	came := is.bezel && (!was.bezel || is.paid > was.paid)
	tell := func(name string) {
		if left := d.book.Pay.notes() - d.come; left > 0 {
			d.env.Event(name, bunch(left))
		}
	}
	if was.bezel && (came || !is.bezel) {
		tell(cash.EvItemsTaken)
	}
	if came {
		d.come++
		tell(cash.EvItemsPresented)
	}
}

// account says where the notes of the payment are: levels before and after, notes that went
// into the cash box instead (53), and the counters, which must agree.
func (d *driver) account(c api.Completion, value int64, emit func(api.Event)) api.Completion {
	p := d.book.Pay
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}, Unknown: true}
	if c.Outcome != api.Indeterminate {
		moved = d.reckon(p, value)
	}
	if moved.Unknown && c.Outcome == api.Done {
		c = api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "levels and counters do not agree with what was paid"}
	}
	if c.Outcome != api.Indeterminate {
		short := moved.Unknown
		for id, n := range p.Asked {
			short = short || moved.Units[cash.RecycleUnit(id)].Presented != n
		}
		if short && c.Outcome == api.Done {
			c = api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "fewer notes were paid than asked for"}
		}
		if short && emit != nil {
			emit(api.Event{Name: cash.EvIncomplete, Payload: payload(map[string]any{"X-units": moved.Units})})
		}
		d.book.Pay, d.dirty = nil, true
		if err := d.keep(); err != nil {
			d.env.Log.Error("book", "error", err)
		}
		d.shown(moved)
	}
	d.publish()
	return sdk.With(c, moved)
}

// shown tells that notes are at the exit, or have been taken from it already.
func (d *driver) shown(m cash.Moved) {
	n := 0
	for _, u := range m.Units {
		n += u.Presented
	}
	d.mu.Lock()
	bezel := d.now.bezel
	d.mu.Unlock()
	if n == 0 && !bezel {
		return
	}
	d.env.Event(cash.EvItemsPresented, bunch(0))
	if !bezel {
		d.env.Event(cash.EvItemsTaken, bunch(0))
	}
}

// reckon compares the device with what it held before the payment.
func (d *driver) reckon(p *payment, value int64) cash.Moved {
	moved := cash.Moved{Units: map[string]cash.UnitMoved{}}
	unknown := func() cash.Moved { moved.Unknown = true; return moved }
	now := d.levels()
	if now == nil {
		return unknown()
	}
	raw, err := d.link.exchange(cmdCounters)
	if err != nil {
		return unknown()
	}
	c, err := parseCounters(raw)
	if err != nil {
		return unknown()
	}
	box := map[string]int{}
	paid := int(int32(c.Dispensed - p.Counters.Dispensed))
	away := int(int32(c.Transferred - p.Counters.Transferred))
	if away > 0 {
		if raw, err := d.link.exchange(cmdBoxData); err == nil {
			box, err = d.set.parseLevels(raw)
			if err != nil {
				return unknown()
			}
		}
	}
	left, gone := map[string]int{}, 0
	boxed := 0
	for id, before := range p.Levels {
		n := before - now[id] - box[id]
		if n < 0 {
			return unknown()
		}
		left[id] = n
		gone += n
		boxed += box[id]
	}
	if boxed != away || paid < 0 || gone < paid {
		return unknown()
	}
	if stuck := gone - paid; stuck > 0 { // lies between store and bezel
		moved.Uncounted = true
		if !d.without(left, stuck, value) {
			return unknown()
		}
	}
	for id, n := range left {
		state := "ok"
		if now[id] == 0 {
			state = "empty"
		}
		if n > 0 || box[id] > 0 || p.Asked[id] > 0 {
			moved.Units[cash.RecycleUnit(id)] = cash.UnitMoved{Presented: n, Rejected: box[id], State: state}
		}
	}
	return moved
}

// without takes the stuck notes out of left, if it is certain which they are: there is one
// kind only, or the value that the device says to have paid leaves one possibility.
func (d *driver) without(left map[string]int, stuck int, value int64) bool {
	var kinds []string
	sum := int64(0)
	for id, n := range left {
		if n > 0 {
			kinds = append(kinds, id)
			sum += int64(n) * d.set.types[id].Value
		}
	}
	if len(kinds) == 1 {
		left[kinds[0]] -= stuck
		return true
	}
	var found []string
	for _, id := range kinds {
		if stuck == 1 && value >= 0 && sum-d.set.types[id].Value == value {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		return false
	}
	left[found[0]]--
	return true
}

// empty moves everything from the store into the cash box.
func (d *driver) empty(ctx context.Context) api.Completion {
	defer d.exclusive(24 * time.Hour)()
	p := &payment{Asked: map[string]int{}, Empty: true}
	if c := d.beforePay(p); c != nil {
		return *c
	}
	c, value := d.pay(ctx, p, []byte{cmdSmartEmpty}, func() {})
	if c.Outcome == api.NotStarted {
		return c
	}
	return d.account(c, value, nil)
}
