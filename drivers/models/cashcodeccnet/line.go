package cashcodeccnet

import (
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/cashbook"
	"zhigui/drivers/internal/serialport"
)

var (
	errSilent  = errors.New("the validator does not answer")
	errIllegal = errors.New("the validator does not take the command now")
)

// once sends a frame and gives the data of the answer, which is not acknowledged yet.
func (d *driver) once(data []byte) ([]byte, error) {
	d.line.Discard()
	if err := d.line.Write(encode(byte(d.p.Address), data)); err != nil {
		return nil, err
	}
	out, err := decode(d.line, byte(d.p.Address), time.Now().Add(ms(d.p.ReplyMs)))
	switch {
	case errors.Is(err, serialport.ErrTimeout), errors.Is(err, errDamaged):
		return nil, errSilent
	case err != nil:
		return nil, err
	case len(out) == 1 && out[0] == rspNAK:
		return nil, errSilent
	}
	return out, nil
}

// many sends until an answer comes; for what may be sent again.
func (d *driver) many(data []byte) (out []byte, err error) {
	for range 1 + d.p.Retries {
		if out, err = d.once(data); !errors.Is(err, errSilent) {
			return out, err
		}
	}
	return nil, err
}

func (d *driver) acknowledge() error { return d.line.Write(encode(byte(d.p.Address), []byte{rspACK})) }

// ask exchanges a command that may be repeated. Data answers are acknowledged.
func (d *driver) ask(cmd byte, data ...byte) ([]byte, error) {
	out, err := d.many(append([]byte{cmd}, data...))
	switch {
	case err != nil:
		return nil, d.lost(err)
	case len(out) == 1 && out[0] == rspACK:
		return nil, nil
	case len(out) == 1 && out[0] == rspIllegal:
		return nil, errIllegal
	}
	return out, d.acknowledge()
}

// order sends stack or return. It is sent again only while the device still says that the
// note lies in escrow.
func (d *driver) order(cmd byte) error {
	for range 1 + d.p.Retries {
		out, err := d.once([]byte{cmd})
		if err == nil && len(out) == 1 && out[0] == rspIllegal {
			return errIllegal
		}
		if !errors.Is(err, errSilent) {
			return err
		}
		st, err := d.many([]byte{cmdPoll})
		if err != nil {
			return err
		}
		if st[0] != stEscrow && st[0] != stHolding {
			return nil // it has heard; the next poll is acknowledged
		}
	}
	return errSilent
}

func (d *driver) lost(err error) error {
	if err != nil && !errors.Is(err, errIllegal) {
		d.live = false
		d.publish()
	}
	return err
}

// connect finds the device again. It moves nothing: after a power loss with a note inside the
// device stays as it is until Reset.
func (d *driver) connect() error {
	if err := d.learn(); err != nil {
		return d.lost(err)
	}
	if err := d.look(); err != nil {
		return err
	}
	if d.last[0] == stPowerUp { // no note inside: to initialise moves none
		if _, err := d.ask(cmdReset); err != nil {
			return d.lost(err)
		}
		for end := time.Now().Add(ms(d.p.ResetMs)); d.last[0] == stPowerUp || d.last[0] == stInit; d.pause() {
			if err := d.look(); err != nil {
				return err
			}
			if time.Now().After(end) || d.stopped() {
				return d.lost(fmt.Errorf("%w: it does not finish its start", errSilent))
			}
		}
	}
	d.live = true
	d.publish()
	return nil
}

// look polls, books the state and then acknowledges it.
func (d *driver) look() error {
	st, err := d.many([]byte{cmdPoll})
	if err != nil {
		return d.lost(err)
	}
	changed := string(st) != string(d.last)
	if changed {
		d.leave(st)
		d.enter(st)
		if err := d.save(); err != nil {
			return err // not acknowledged: it comes again
		}
	}
	before := d.last
	d.last = st
	if err := d.acknowledge(); err != nil {
		return d.lost(err)
	}
	if changed {
		d.publish()
		d.tell(before, st)
	}
	return nil
}

func first(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// leave finishes what the last state had begun: its result is not repeated any more.
func (d *driver) leave(now []byte) {
	c := d.book.Current
	switch was := first(d.last); {
	case was == stRejecting && c == nil:
		d.book.Back() // a refused item
	case c != nil && c.Stage == cashbook.Credited && now[0] != stStacked && now[0] != stStacking && now[0] != stStackerJam && now[0] != stBillStacker:
		d.book.Rest(false)
	}
}

// enter books a state. What the device does not know any more is decided by what was ordered.
func (d *driver) enter(st []byte) {
	b, c := &d.book, d.book.Current
	arg := byte(0xFF)
	if len(st) > 1 {
		arg = st[1]
	}
	switch st[0] {
	case stEscrow:
		b.Taken(d.bills.byType(arg))
	case stStacked:
		if c == nil {
			b.Notes.Unknown = true // stacked by nobody's order
			return
		}
		b.Rename(d.bills.byType(arg))
		b.Credit()
	case stReturned, stReturning:
		if c != nil && c.Stage != cashbook.Credited {
			c.Stage = cashbook.Returning
		}
	case stCheated:
		if c != nil && c.Stage != cashbook.Credited {
			b.Back()
		}
	case stBillStacker: // beyond the point of return
		if c == nil {
			b.Notes.Unknown = true
			return
		}
		b.Credit()
	case stJam, stStackerJam:
		if c != nil || b.Status == cash.CashInActive {
			b.Notes.Uncounted = true
		}
	case stPowerUp, stIdle, stDisabled:
		switch {
		case c == nil || c.Stage == cashbook.Credited:
		case b.Notes.Uncounted: // it was in a jam and somebody took it out by hand
			b.Current = nil
		case c.Stage == cashbook.Leaving:
			b.Notes.Unknown, b.Current = true, nil // no counter tells whether it was stacked
		default:
			b.Back()
		}
	}
}

// tell sends the unsolicited events of a change.
func (d *driver) tell(before, now []byte) {
	was, is := first(before), now[0]
	switch {
	case is == stFull:
		d.env.Event(cash.EvThreshold, cash.BoxLevel("full"))
	case (is == stBoxOut) != (was == stBoxOut) && was != 0:
		d.env.Event(cash.EvStorage, cash.BoxPlace(is == stBoxOut))
	}
}

func (d *driver) stopped() bool { return d.line.Ended() }

func (d *driver) pause() { d.line.Pause(ms(d.p.WorkPollMs)) }
