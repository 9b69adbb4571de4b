package creatorcrt591

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/f2"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case card.CmdReadRawData:
		var r card.ReadRawData
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.read(ctx, r, emit)
	case card.CmdMove:
		var r card.Move
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.move(ctx, r)
	case card.CmdReset:
		var r card.Reset
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.reset(ctx, r)
	case card.CmdGetStorage:
		return sdk.Ok(d.storage())
	case card.CmdSetStorage:
		var r card.Storage
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.setStorage(r)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// broken is the completion after an exchange that failed.
func (d *driver) broken(err error, o api.Outcome) api.Completion {
	var de *deviceError
	if errors.As(err, &de) {
		if o == api.Indeterminate {
			o = api.Failed // the device itself says so
		}
		d.mu.Lock()
		d.jammed = d.jammed || classCode[de.code] == card.ErrMediaJam
		d.mu.Unlock()
		d.env.StatusChanged()
		return d.failed(o, de)
	}
	if errors.Is(err, f2.ErrRefused) {
		o = api.NotStarted
	}
	return api.Completion{Outcome: o, Code: api.HardwareError, Description: err.Error()}
}

// carry sends a command that moves a card. What no answer settles, the position does.
func (d *driver) carry(ctx context.Context, cmd string, where ...pos) api.Completion {
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	r, err := d.do(cmd, false)
	switch {
	case err == nil && slices.Contains(where, r.card):
		return sdk.Ok(nil)
	case err == nil:
		return api.Fail(api.Failed, card.ErrMediaJam, "the device says good but the card is elsewhere (st0 "+string(rune(r.card))+")")
	case errors.Is(err, f2.ErrSilent):
		if s, e := d.do(cmdStatus, true); e == nil && slices.Contains(where, s.card) && s.card != nowhere {
			return sdk.Ok(nil)
		}
	}
	return d.broken(err, api.Indeterminate)
}

func (d *driver) move(ctx context.Context, r card.Move) api.Completion {
	bin := slices.Contains([]string{Bin, card.UnitBin, card.Retain}, r.To)
	switch {
	case r.To != card.Exit && r.To != card.Transport && !bin:
		return api.Refuse(api.InvalidData, "Move: to must be exit, transport, unit2 or unitRetain")
	case r.From != "" && r.From != Stacker && r.From != card.Transport && r.From != card.Exit:
		return api.Refuse(api.InvalidData, "Move: from must be unit1, transport or exit")
	}
	defer d.exclusive()()
	s, err := d.do(cmdStatus, true)
	if err != nil {
		return d.broken(err, api.NotStarted)
	}
	switch {
	case bin && s.full:
		return d.failed(api.NotStarted, &deviceError{cmd: cmdBin, code: "A1"})
	case r.From == Stacker:
		if c := d.dispense(ctx, s); c.Outcome != api.Done || r.To == card.Transport {
			return c
		}
		s.card = reading
	case s.card == nowhere:
		return api.Fail(api.NotStarted, card.ErrNoMedia, "there is no card in the device")
	}
	switch {
	case r.To == card.Exit && s.card == atGate:
		return d.atGate(sdk.Ok(nil), atGate)
	case r.To == card.Exit:
		c := d.carry(ctx, cmdGate, atGate, nowhere)
		d.mu.Lock()
		at := d.seen.card
		d.mu.Unlock()
		return d.atGate(c, at)
	case r.To == card.Transport && s.card == reading:
		return sdk.Ok(nil)
	case r.To == card.Transport:
		d.withdraw()
		return d.carry(ctx, "C2"+d.p.Reading, reading)
	}
	return d.capture(ctx)
}

// dispense brings a card from the stacker to the IC position, which is the movement that the
// maker's text says takes one, and from there to the reading position.
func (d *driver) dispense(ctx context.Context, s response) api.Completion {
	switch {
	case s.card != nowhere:
		return api.Fail(api.NotStarted, card.ErrOccupied, "a card is in the path already")
	case s.stock == '0':
		return d.failed(api.NotStarted, &deviceError{cmd: "C21", code: "A0"})
	}
	if err := d.stock.change(func(c *counted) { c.Leaving = true }); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	c := d.carry(ctx, "C21", reading)
	left, known := c.Outcome == api.Done, true
	if !left && c.Outcome != api.NotStarted {
		s, err := d.do(cmdStatus, true)
		left, known = true, err == nil && s.card != nowhere
		if c.Outcome == api.Failed && err == nil && s.card == nowhere {
			left, known = false, c.Vendor != nil && c.Vendor.Code == "A0"
		}
	}
	if err := d.stock.settle(left, known); err != nil {
		d.env.Log.Error("card stock is not durable", "error", err)
	}
	d.env.StatusChanged()
	if c.Outcome == api.Done && d.p.Reading != "1" {
		return d.carry(ctx, "C2"+d.p.Reading, reading)
	}
	return c
}

// withdraw: what leaves the gate from now on is not taken by the customer.
func (d *driver) withdraw() (was bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was, d.offered = d.offered, false
	return was
}

func (d *driver) capture(ctx context.Context) api.Completion {
	was := d.withdraw()
	c := d.carry(ctx, cmdBin, nowhere)
	d.mu.Lock()
	if c.Outcome == api.Done {
		d.retained++
	} else {
		d.offered = was
	}
	d.mu.Unlock()
	d.env.StatusChanged()
	return c
}

// atGate remembers that the card at the gate is offered to the customer.
func (d *driver) atGate(c api.Completion, at pos) api.Completion {
	d.mu.Lock()
	d.offered = c.Outcome == api.Done
	d.mu.Unlock()
	if c.Outcome == api.Done && at == nowhere { // taken before the first look
		d.taken(nowhere)
	}
	return c
}

func (d *driver) reset(ctx context.Context, r card.Reset) api.Completion {
	kind, ok := map[string]int{"": 3, card.Current: 3, card.Exit: 0, card.Auto: 0, card.Retain: 1}[r.To]
	if !ok {
		return api.Refuse(api.InvalidData, "Reset: to must be exit, retain, currentPosition or auto")
	}
	defer d.exclusive()()
	before, err := d.do(cmdStatus, true)
	if err != nil {
		return d.broken(err, api.NotStarted)
	}
	if before.card == nowhere {
		kind = 3
	}
	d.mu.Lock()
	d.jammed, d.offered = false, false
	d.mu.Unlock()
	may := map[int][]pos{0: {atGate, nowhere}, 1: {nowhere}, 3: {nowhere, atGate, reading}}[kind]
	c := d.carry(ctx, d.initCommand(kind), may...)
	if c.Outcome != api.Done {
		return c
	}
	if _, err := d.do("C3"+d.p.EntryOff, true); err != nil {
		return d.broken(err, api.Failed)
	}
	where := map[pos]string{atGate: card.Exit, reading: card.Transport}[before.card]
	switch {
	case kind == 0:
		where = card.Exit
		d.mu.Lock()
		at := d.seen.card
		d.mu.Unlock()
		c = d.atGate(c, at)
	case kind == 1:
		where = Bin
		d.mu.Lock()
		d.retained++
		d.mu.Unlock()
	}
	if where != "" {
		d.env.Event(card.EvMediaDetected, map[string]string{"position": where})
	}
	d.env.StatusChanged()
	return c
}

// read waits for a card at the gate, or takes the one inside, brings it to the IC position and
// answers with its answer to reset.
func (d *driver) read(ctx context.Context, r card.ReadRawData, emit func(api.Event)) api.Completion {
	if r.Track1 || r.Track2 || r.Track3 {
		return api.Refuse(api.UnsupportedData, "this device reads no magnetic tracks")
	}
	defer d.exclusive()()
	s, err := d.do(cmdStatus, true)
	if err != nil {
		return d.broken(err, api.NotStarted)
	}
	if s.card == nowhere {
		emit(api.Event{Name: card.EvInsertCard})
		if c := d.await(ctx); c != nil {
			return *c
		}
		emit(api.Event{Name: card.EvMediaInserted})
	}
	d.withdraw()
	position := "C2" + d.p.Reading
	if r.Chip {
		position = "C21"
	}
	if s, err = d.do(position, false); err != nil {
		return d.broken(err, api.Failed)
	}
	if !r.Chip {
		return sdk.Ok(card.ReadRawDataResult{})
	}
	a, err := d.do(cmdCold+d.p.ChipPower, true)
	var de *deviceError
	switch {
	case errors.As(err, &de) && classCode[de.code] == card.ErrInvalidMedia:
		emit(api.Event{Name: card.EvInvalidMedia})
		return d.failed(api.Failed, de)
	case err != nil:
		return d.broken(err, api.Failed)
	case len(a.data) < 2:
		return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: errLayout.Error()}
	}
	_, _ = d.do(cmdOff, true)
	return sdk.Ok(card.ReadRawDataResult{Chip: []card.Data{{Data: a.data[1:]}}})
}

// await lets cards in until one is there or ctx ends; nil means that a card is there.
func (d *driver) await(ctx context.Context) *api.Completion {
	no := func(c api.Completion) *api.Completion { return &c }
	if _, err := d.do("C3"+d.p.EntryOn, true); err != nil {
		return no(d.broken(err, api.NotStarted))
	}
	tick := time.NewTicker(ms(d.p.PollMs))
	defer tick.Stop()
	for {
		ended := false
		select {
		case <-ctx.Done():
			ended = true
		case <-d.stop:
			return no(api.Refuse(api.DeviceNotReady, "the driver ends"))
		case <-tick.C:
		}
		s, err := d.do(cmdStatus, true)
		if err == nil && s.card != reading && !ended {
			continue
		}
		if _, e := d.do("C3"+d.p.EntryOff, true); e != nil && err == nil {
			err = e
		}
		if err == nil && s.card != reading { // it may have got in at the last moment
			s, err = d.do(cmdStatus, true)
		}
		switch {
		case err != nil:
			return no(d.broken(fmt.Errorf("waiting for a card: %w", err), api.Failed))
		case s.card == reading:
			return nil
		}
		return no(sdk.Ended(ctx))
	}
}
