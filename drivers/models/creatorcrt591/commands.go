package creatorcrt591

import (
	"context"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/motorcard"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case card.CmdMove:
		return sdk.Decoded(cmd, func(r card.Move) api.Completion { return d.move(ctx, r) })
	case card.CmdGetStorage:
		return sdk.Ok(d.storage())
	case card.CmdSetStorage:
		return sdk.Decoded(cmd, d.setStorage)
	}
	return d.Reader.Execute(ctx, cmd, emit)
}

// move is the reader's, and from the stacker.
func (d *driver) move(ctx context.Context, r card.Move) api.Completion {
	bin := slices.Contains([]string{Bin, card.UnitBin, card.Retain}, r.To)
	switch {
	case r.To != card.Exit && r.To != card.Transport && !bin:
		return api.Refuse(api.InvalidData, "Move: to must be exit, transport, unit2 or unitRetain")
	case r.From != "" && r.From != Stacker && r.From != card.Transport && r.From != card.Exit:
		return api.Refuse(api.InvalidData, "Move: from must be unit1, transport or exit")
	}
	defer d.Take()()
	s, err := d.Do(cmdStatus, true)
	switch {
	case err != nil:
		return d.Broken(err, api.NotStarted)
	case bin && d.supply().full:
		return d.refused(cmdBin, "A1")
	case r.From == Stacker:
		if c := d.dispense(ctx, s.At); c.Outcome != api.Done || r.To == card.Transport {
			return c
		}
		s.At = motorcard.Inside
	}
	return d.Bring(ctx, s.At, r.To)
}

// refused is the completion of a command that the device would answer with that code.
func (d *driver) refused(cmd, code string) api.Completion {
	return d.Failed(api.NotStarted, &motorcard.Fault{Cmd: cmd, Code: code, Name: names[code]})
}

// dispense brings a card from the stacker to the IC position, which is the movement that the
// maker's text says takes one, and from there to the reading position.
func (d *driver) dispense(ctx context.Context, at motorcard.Place) api.Completion {
	switch {
	case at != motorcard.Nowhere:
		return api.Fail(api.NotStarted, card.ErrOccupied, "a card is in the path already")
	case d.supply().stock == '0':
		return d.refused(cmdIC, "A0")
	}
	if err := d.stock.change(func(c *counted) { c.Leaving = true }); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	c := d.Carry(ctx, cmdIC, motorcard.Inside)
	left, known := c.Outcome == api.Done, true
	if !left && c.Outcome != api.NotStarted {
		s, err := d.Do(cmdStatus, true)
		left, known = true, err == nil && s.At != motorcard.Nowhere
		if c.Outcome == api.Failed && err == nil && s.At == motorcard.Nowhere {
			left, known = false, c.Vendor != nil && c.Vendor.Code == "A0"
		}
	}
	if err := d.stock.settle(left, known); err != nil {
		d.env.Log.Error("card stock is not durable", "error", err)
	}
	d.env.StatusChanged()
	if to := d.Reading(); c.Outcome == api.Done && to != cmdIC {
		return d.Carry(ctx, to, motorcard.Inside)
	}
	return c
}
