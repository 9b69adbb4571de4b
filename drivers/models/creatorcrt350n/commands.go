package creatorcrt350n

import (
	"context"
	"errors"
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
	case card.CmdChipPower:
		var r card.ChipPower
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.chipPower(ctx, r)
	case card.CmdChipIO:
		var r card.ChipIO
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return d.chipIO(ctx, r)
	case card.CmdQueryIFM:
		return sdk.Ok(card.IFMIdentifiers{IFMIdentifiers: d.p.IFM})
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// broken is the completion after an exchange that failed; moved says whether the card may
// have moved by it.
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

// read waits for a card, draws it in and reads it. The entry is disabled afterwards.
func (d *driver) read(ctx context.Context, r card.ReadRawData, emit func(api.Event)) api.Completion {
	defer d.exclusive()()
	s, err := d.do("C10", true)
	if err != nil {
		return d.broken(err, api.NotStarted)
	}
	if s.st == "01" {
		if s, err = d.do("C40", false); err != nil && !gone(err) {
			return d.broken(err, api.Failed)
		}
	}
	if s.st != "02" {
		emit(api.Event{Name: card.EvInsertCard})
		if c := d.await(ctx); c != nil {
			switch c.ErrorCode {
			case card.ErrInvalidMedia, card.ErrCardTooLong, card.ErrCardTooShort:
				emit(api.Event{Name: card.EvInvalidMedia})
			}
			return *c
		}
		emit(api.Event{Name: card.EvMediaInserted})
	}
	d.mu.Lock()
	d.ejected, d.jammed = false, false
	d.mu.Unlock()
	if err := d.release(); err != nil {
		return d.broken(err, api.Failed)
	}
	return d.tracks(r, emit)
}

// gone: the card was taken while the reader reached for it.
func gone(err error) bool {
	var de *deviceError
	return errors.As(err, &de) && (de.code == "16" || de.code == "02")
}

// await enables the entry until a card is inside or ctx ends; nil means a card is inside.
func (d *driver) await(ctx context.Context) *api.Completion {
	no := func(c api.Completion) *api.Completion { return &c }
	if d.p.Intake == "timed" {
		return d.awaitTimed(ctx)
	}
	if _, err := d.do("C:"+d.p.EntryMode, true); err != nil {
		return no(d.broken(err, api.NotStarted))
	}
	tick := time.NewTicker(ms(d.p.PollMs))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			// A card that got in at the last moment is inside whatever the caller wanted.
			if _, err := d.do("C:1", true); err != nil {
				return no(d.broken(err, api.Failed))
			}
			s, err := d.do("C10", true)
			if err == nil && s.st == "02" {
				return nil
			}
			return no(sdk.Ended(ctx))
		case <-d.stop:
			return no(api.Refuse(api.DeviceNotReady, "the driver ends"))
		case <-tick.C:
		}
		s, err := d.do("C10", true)
		var de *deviceError
		switch {
		case errors.As(err, &de):
			_, _ = d.do("C:1", true)
			return no(d.broken(err, api.Failed))
		case err != nil:
			return no(d.broken(err, api.NotStarted))
		case s.st == "02":
			if _, err := d.do("C:1", true); err != nil {
				return no(d.broken(err, api.Failed))
			}
			return nil
		}
	}
}

// awaitTimed uses the reader's own waiting command and cancels it with DLE EOT.
func (d *driver) awaitTimed(ctx context.Context) *api.Completion {
	no := func(c api.Completion) *api.Completion { return &c }
	if err := d.link.begin("C20"); err != nil {
		return no(d.broken(err, api.NotStarted))
	}
	for {
		d.promise()
		r, done, err := d.link.poke("C20", ms(d.p.PollMs))
		switch {
		case err != nil:
			return no(d.broken(err, api.Failed))
		case done && r.st == "02":
			d.note(r.st, nil)
			return nil
		case done:
			return no(api.Fail(api.Failed, card.ErrNoMedia, "the reader ended its intake without a card"))
		}
		if ctx.Err() == nil {
			continue
		}
		if err := d.link.cancel(); err != nil {
			return no(d.broken(err, api.Failed))
		}
		if s, err := d.do("C10", true); err == nil && s.st == "02" {
			return nil
		}
		return no(sdk.Ended(ctx))
	}
}

// trackStatus is the XFS4IoT status of a track that could not be read; "" is no track error.
func trackStatus(code string) string {
	switch code {
	case "23", "24":
		return "dataMissing"
	case "20", "21", "25", "26", "27", "28":
		return "dataInvalid"
	}
	return ""
}

// tracks reads the tracks and the answer to reset asked for. A card without any of them is
// invalid media.
func (d *driver) tracks(r card.ReadRawData, emit func(api.Event)) api.Completion {
	var out card.ReadRawDataResult
	asked, good := 0, 0
	var last *deviceError
	for _, t := range []struct {
		want bool
		cmd  string
		to   **card.Data
	}{{r.Track1, "C61", &out.Track1}, {r.Track2, "C62", &out.Track2}, {r.Track3, "C63", &out.Track3}} {
		if !t.want {
			continue
		}
		asked++
		a, err := d.do(t.cmd, true)
		var de *deviceError
		switch {
		case err == nil:
			good++
			*t.to = &card.Data{Data: a.data}
		case errors.As(err, &de) && trackStatus(de.code) != "":
			last = de
			*t.to = &card.Data{Status: trackStatus(de.code)}
		default:
			return d.broken(err, api.Failed)
		}
	}
	if r.Chip {
		asked++
		a, c := d.atr()
		if c != nil {
			return *c
		}
		if a.Status == "" {
			good++
		} else {
			last = &deviceError{cmd: "CI0", code: "63"}
		}
		out.Chip = []card.Data{a}
	}
	if asked > 0 && good == 0 {
		emit(api.Event{Name: card.EvInvalidMedia})
		c := d.failed(api.Failed, last)
		c.Code, c.ErrorCode = api.CommandErrorCode, card.ErrInvalidMedia
		return sdk.With(c, out)
	}
	return sdk.Ok(out)
}

// carry sends a command that moves the card. What no answer settles, the position does.
func (d *driver) carry(ctx context.Context, cmd string, arrived func(st string) bool) api.Completion {
	if err := d.release(); err != nil {
		return d.broken(err, api.NotStarted)
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	r, err := d.do(cmd, false)
	switch {
	case err == nil && arrived(r.st):
		return sdk.Ok(nil)
	case err == nil:
		return api.Fail(api.Failed, card.ErrMediaJam, "the reader says good but the card is at "+r.st)
	case errors.Is(err, f2.ErrSilent):
		if s, e := d.do("C10", true); e == nil && arrived(s.st) {
			return sdk.Ok(nil)
		}
	}
	return d.broken(err, api.Indeterminate)
}

func (d *driver) move(ctx context.Context, r card.Move) api.Completion {
	defer d.exclusive()()
	s, err := d.do("C10", true)
	if err != nil {
		return d.broken(err, api.NotStarted)
	}
	is := func(want ...string) func(string) bool {
		return func(st string) bool {
			for _, w := range want {
				if st == w {
					return true
				}
			}
			return false
		}
	}
	if s.st == "00" {
		return api.Fail(api.NotStarted, card.ErrNoMedia, "there is no card in the reader")
	}
	switch r.To {
	case card.Exit:
		if s.st == "01" {
			return d.atGate(sdk.Ok(nil))
		}
		return d.atGate(d.carry(ctx, "C30", is("01", "00")))
	case card.Transport:
		if s.st == "02" {
			return sdk.Ok(nil)
		}
		return d.carry(ctx, "C40", is("02"))
	case card.UnitBin, card.Retain:
		d.mu.Lock()
		was := d.ejected
		d.ejected = false // not taken by the customer when it goes from the gate
		d.mu.Unlock()
		c := d.carry(ctx, "C31", is("00"))
		d.mu.Lock()
		if c.Outcome == api.Done {
			d.retained++
		} else {
			d.ejected = was
		}
		d.mu.Unlock()
		d.env.StatusChanged()
		return c
	}
	return api.Refuse(api.InvalidData, "Move: to must be exit, transport or unitRetain")
}

// atGate remembers that the card at the gate is offered to the customer.
func (d *driver) atGate(c api.Completion) api.Completion {
	d.mu.Lock()
	st := d.st
	d.ejected = c.Outcome == api.Done
	d.mu.Unlock()
	if c.Outcome == api.Done && st == "00" { // taken before the first look
		d.taken("00")
	}
	return c
}

func (d *driver) reset(ctx context.Context, r card.Reset) api.Completion {
	kind, ok := map[string]int{"": 3, card.Current: 3, card.Exit: 0, card.Auto: 0, card.Retain: 1}[r.To]
	if !ok {
		return api.Refuse(api.InvalidData, "Reset: to must be exit, retain, currentPosition or auto")
	}
	defer d.exclusive()()
	before, err := d.do("C10", true)
	if err != nil {
		return d.broken(err, api.NotStarted)
	}
	d.mu.Lock()
	d.jammed, d.ejected = false, false
	d.mu.Unlock()
	c := d.carry(ctx, d.initCommand(kind), func(st string) bool { return kind == 3 || kind == 0 && st != "02" || kind == 1 && st == "00" })
	if c.Outcome != api.Done {
		return c
	}
	_, _ = d.do("C:1", true)
	where := ""
	switch {
	case before.st == "00":
	case kind == 0:
		where = card.Exit
		c = d.atGate(c)
	case kind == 1:
		where = card.UnitBin
		d.mu.Lock()
		d.retained++
		d.mu.Unlock()
	default:
		where = map[string]string{"01": card.Exit, "02": card.Transport}[before.st]
	}
	if where != "" {
		d.env.Event(card.EvMediaDetected, map[string]string{"position": where})
	}
	d.env.StatusChanged()
	return c
}
