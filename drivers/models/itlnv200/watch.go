package itlnv200

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/cashbook"
)

// connect brings line, keys, dataset and books up to date. It moves nothing: whether a note
// lies in escrow is asked by HOLD, and only if there is none the device is polled.
func (d *driver) connect() error {
	err := d.greet()
	if err == nil {
		err = d.agreeOnNotes()
	}
	if err != nil {
		d.lost(err)
		return err
	}
	d.live, d.reset, d.routes = true, false, map[string]byte{}
	d.mu.Lock()
	d.now.online = true
	d.mu.Unlock()
	d.levels()
	d.publish()
	return nil
}

// greet synchronises and learns what the device is.
func (d *driver) greet() error {
	if err := d.line.Present(); err != nil {
		return err
	}
	if err := d.link.sync(); err != nil {
		return err
	}
	if d.p.ESSP {
		if err := d.link.agree(); err != nil {
			return err
		}
	}
	if _, err := d.link.exchange(cmdVersion, byte(d.p.ProtocolVersion)); err != nil {
		return err
	}
	raw, err := d.link.exchange(cmdSetup)
	if err != nil {
		return err
	}
	if d.set, err = parseSetup(raw); err != nil {
		return err
	}
	if d.p.Payout != (d.set.unit == unitWithPayout) {
		return fmt.Errorf("profile: payout is %v, but the device says unit type %d", d.p.Payout, d.set.unit)
	}
	d.book.Types = d.set.types
	serial := ""
	if raw, err := d.link.exchange(cmdSerial); err == nil && len(raw) >= 4 {
		serial = fmt.Sprint(binary.BigEndian.Uint32(raw))
	}
	d.mu.Lock()
	d.snap.firmware, d.snap.serial = d.set.firmware, serial
	d.mu.Unlock()
	return nil
}

// agreeOnNotes finds out where the note on its way is: by HOLD, by the events that the
// device still has, and at last by its counters.
func (d *driver) agreeOnNotes() error {
	_, err := d.link.exchange(cmdHold)
	held := err == nil
	switch {
	case err != nil && !cannot(err):
		return err
	case held:
		d.book.taken(cashbook.Unnamed)
		d.book.Order(cashbook.Held)
		d.dirty = true
	default:
		quiet := time.Now()
		for first := true; first || d.book.Current != nil && time.Since(quiet) < ms(d.p.SettleMs); first = false {
			evs, err := d.look()
			if err != nil {
				return err
			}
			if c := d.book.Current; c != nil && c.Stage == cashbook.Held && readNow(evs) {
				held = true // it came into escrow just now
				break
			}
			if len(evs) > 0 && progress(evs) {
				quiet = time.Now()
			}
			if d.stopped() {
				break
			}
			d.pause()
		}
	}
	return d.settle(held)
}

func readNow(evs []event) bool {
	for _, e := range evs {
		if e.code == evRead && e.channel > 0 {
			return true
		}
	}
	return false
}

// progress reports events that come once, not states that are repeated.
func progress(evs []event) bool {
	for _, e := range evs {
		switch e.code {
		case evDisabled, evSafeJam, evUnsafeJam, evFull, evAllInhibited, evBezel, evInitialising:
		default:
			return true
		}
	}
	return false
}

// settle compares the books with the device's counters, which survive everything.
func (d *driver) settle(held bool) error {
	raw, err := d.link.exchange(cmdCounters)
	if err != nil {
		return err
	}
	c, err := parseCounters(raw)
	if err != nil {
		return err
	}
	b := d.book
	if b.Based {
		extra := c.kept(b.Base) - b.Arrived
		cur := b.Current
		d.mu.Lock()
		jam := d.now.jam != 0
		d.mu.Unlock()
		switch {
		case extra == 1 && cur != nil && !held:
			d.book.rest(int(int32(c.Stored-b.Base.Stored)) > b.Stored)
		case extra != 0:
			b.Notes.Unknown = true
		case cur == nil || held || jam:
		case cur.Stage == cashbook.Credited:
			b.Notes.Uncounted, b.Current = true, nil
		case b.Notes.Uncounted: // it was in a jam and somebody took it out by hand
			b.Current = nil
		default:
			d.book.Back()
		}
	}
	b.Based, b.Base, b.Arrived, b.Stored = true, c, 0, 0
	d.dirty = true
	return d.keep()
}

// keep writes the book if it changed.
func (d *driver) keep() error {
	if !d.dirty {
		return nil
	}
	if err := d.book.save(); err != nil {
		return err
	}
	d.dirty = false
	return nil
}

// bunch is the data of presented and taken; more notes of a payout follow.
func bunch(more int) cash.Bunch { return cash.Bunch{Position: "outDefault", More: strconv.Itoa(more)} }

// look polls once and books what came. It must not be called with a held note that is to
// stay.
func (d *driver) look() ([]event, error) {
	raw, err := d.link.exchange(cmdPoll)
	if err != nil {
		if errors.Is(err, errNoKey) {
			d.reset = true
		}
		d.lost(err)
		return nil, err
	}
	evs, perr := parseEvents(raw, d.p.FraudCarries == "amounts")
	if perr != nil {
		d.env.Log.Warn("poll", "error", perr)
	}
	d.mu.Lock()
	before := d.now
	d.now = seen{online: true, boxOut: before.boxOut, paid: before.paid}
	d.mu.Unlock()
	for _, e := range evs {
		d.apply(e)
	}
	d.mu.Lock()
	after := d.now
	d.mu.Unlock()
	if err := d.keep(); err != nil {
		return evs, err
	}
	if before != after || progress(evs) {
		d.publish()
	}
	switch {
	case d.book.Pay != nil:
		d.passes(before, after)
	case before.bezel && !after.bezel:
		d.env.Event(cash.EvItemsTaken, bunch(0))
	}
	if after.full && !before.full {
		d.env.Event(cash.EvThreshold, cash.BoxLevel("full"))
	}
	if after.boxOut != before.boxOut {
		d.env.Event(cash.EvStorage, cash.BoxPlace(after.boxOut))
	}
	return evs, nil
}

// stores reports events after which the store may hold other notes than before.
func stores(code byte) bool {
	switch code {
	case evDispensing, evDispensed, evPayError, evPayJam, evHalted, evPayTimeout, evIncomplete, evEmptying, evEmptied, evStored, evStoredStart, evBoxPaidStart, evPaidStart, evReset:
		return true
	}
	return false
}

// apply books one event.
func (d *driver) apply(e event) {
	state := func(f func(*seen)) {
		d.mu.Lock()
		f(&d.now)
		d.mu.Unlock()
	}
	b := d.book
	d.dirty = d.dirty || progress([]event{e})
	if stores(e.code) {
		d.counted = time.Time{}
	}
	switch e.code {
	case evRead:
		if e.channel > 0 {
			id := d.set.byChannel(e.channel)
			if id == "" {
				id = cashbook.Unnamed
			}
			d.book.taken(id)
		}
	case evStacking:
		b.Order(cashbook.Leaving)
	case evCredit:
		if b.Current == nil {
			d.book.taken(d.set.byChannel(e.channel))
		}
		d.book.Rename(d.set.byChannel(e.channel))
		d.book.Credit()
	case evStacked, evStored:
		if b.Pay == nil {
			d.book.rest(e.code == evStored)
		}
	case evBoxPaidStart, evStoredStart:
		if b.Pay == nil && b.Current != nil {
			d.book.rest(e.code == evStoredStart)
		}
	case evBoxCleared:
		if b.Current != nil {
			d.book.Rename(d.set.byChannel(e.channel))
		}
		d.book.rest(false)
	case evRejecting:
		b.Order(cashbook.Returning)
	case evRejected, evFrontCleared:
		d.book.Back()
	case evFraud:
		if b.Current != nil {
			d.book.Back()
		}
	case evSafeJam, evUnsafeJam:
		state(func(s *seen) { s.jam = e.code })
		if (b.Current != nil || b.Status == cash.CashInActive) && !b.Notes.Uncounted {
			b.Notes.Uncounted, d.dirty = true, true
		}
	case evFull:
		state(func(s *seen) { s.full = true })
	case evBoxOut:
		state(func(s *seen) { s.boxOut = true })
	case evBoxIn:
		state(func(s *seen) { s.boxOut = false })
	case evDisabled:
		state(func(s *seen) { s.disabled = true })
	case evBezel:
		state(func(s *seen) { s.bezel = true })
	case evDispensing:
		state(func(s *seen) { s.paying, s.paid = true, e.value })
	case evDispensed:
		state(func(s *seen) { s.paid = e.value })
	case evReset:
		d.reset = true
	}
}

// levels reads what the recycle units hold.
func (d *driver) levels() map[string]int {
	if !d.p.Payout {
		return nil
	}
	raw, err := d.link.exchange(cmdLevels)
	if err != nil {
		return nil
	}
	n, err := d.set.parseLevels(raw)
	if err != nil {
		return nil
	}
	d.mu.Lock()
	d.snap.levels = n
	d.mu.Unlock()
	d.counted = time.Now()
	return n
}

func (d *driver) stopped() bool { return d.line.Ended() }

func (d *driver) pause() { d.line.Pause(ms(d.p.WorkPollMs)) }
