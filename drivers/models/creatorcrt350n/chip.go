package creatorcrt350n

import (
	"context"
	"errors"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// maxAPDU is the longest command of the short form: five bytes, 255 and Le.
const maxAPDU = 261

// chipCode is the XFS4IoT error of e1 e0 in answer to a command to the chip; the other codes
// are classCode's.
var chipCode = map[string]string{
	"02": card.ErrNoMedia, "04": card.ErrInvalidData, "60": card.ErrInvalidMedia, "61": card.ErrATRNotObtained, "62": card.ErrATRNotObtained,
	"63": card.ErrInvalidMedia, "64": card.ErrInvalidMedia, "65": card.ErrATRNotObtained, "66": card.ErrProtocolNotSupported, "69": card.ErrInvalidMedia,
}

// chipFailed is the completion of a command to the chip that did not succeed. Nothing moved.
func (d *driver) chipFailed(err error, power bool) api.Completion {
	var de *deviceError
	if !errors.As(err, &de) {
		// Nobody knows what the chip was told: it is off until its next reset.
		d.setChip(false)
		return d.broken(err, api.Failed)
	}
	c := d.broken(err, api.Failed)
	if code := chipCode[de.code]; code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, code
	}
	if power && de.code == "63" {
		c.ErrorCode = card.ErrATRNotObtained
	}
	switch de.code {
	case "02", "16", "43", "60", "63", "64", "65":
		d.setChip(false)
	}
	return c
}

func (d *driver) setChip(on bool) {
	d.mu.Lock()
	d.chip = on
	d.mu.Unlock()
	d.env.StatusChanged()
}

// wake presses the contacts and resets the chip; it answers the ATR.
func (d *driver) wake(warm bool) ([]byte, error) {
	cmd := "CI0" + d.p.ChipVcc
	if warm {
		cmd = "CI8" + d.p.ChipVcc
	} else {
		if _, err := d.do("C@0", true); err != nil {
			return nil, err
		}
		d.mu.Lock()
		d.pressed = true
		d.mu.Unlock()
	}
	r, err := d.do(cmd, true)
	if err != nil {
		return nil, err
	}
	if len(r.data) < 3 {
		return nil, &deviceError{cmd: cmd[:3], code: "61"}
	}
	d.setChip(true)
	return r.data[1:], nil // the first character is the protocol
}

// release switches the chip off and lifts the contacts, before the card is moved.
func (d *driver) release() error {
	d.mu.Lock()
	pressed := d.pressed
	d.pressed = false
	d.mu.Unlock()
	if !pressed {
		return nil
	}
	d.setChip(false)
	_, _ = d.do("CI1", true) // lifting them takes the power away too
	_, err := d.do("C@2", true)
	var de *deviceError
	if errors.As(err, &de) { // no card any more, or the move says what is wrong
		return nil
	}
	return err
}

func (d *driver) chipPower(_ context.Context, r card.ChipPower) api.Completion {
	defer d.exclusive()()
	if c := d.cardForChip(); c != nil {
		return *c
	}
	d.mu.Lock()
	on := d.chip
	d.mu.Unlock()
	switch r.ChipPower {
	case card.Off:
		if err := d.release(); err != nil {
			return d.broken(err, api.Failed)
		}
		return sdk.Ok(nil)
	case card.Cold, card.Warm:
		atr, err := d.wake(r.ChipPower == card.Warm && on)
		if err != nil {
			return d.chipFailed(err, true)
		}
		return sdk.Ok(card.ChipPowerResult{ChipData: atr})
	}
	return api.Refuse(api.InvalidData, "ChipPower: chipPower must be cold, warm or off")
}

// cardForChip asks whether a card is inside.
func (d *driver) cardForChip() *api.Completion {
	s, err := d.do("C10", true)
	c := api.Fail(api.NotStarted, card.ErrNoMedia, "no card is inside")
	switch {
	case err != nil:
		c = d.broken(err, api.NotStarted)
	case s.st == "02":
		return nil
	}
	return &c
}

func (d *driver) chipIO(_ context.Context, r card.ChipIO) api.Completion {
	cmd := map[string]string{card.T0: "CI3", card.T1: "CI4", card.NotRequired: "CI9"}[r.ChipProtocol]
	switch {
	case cmd == "":
		return api.Fail(api.NotStarted, card.ErrProtocolNotSupported, "a contact chip speaks T=0 or T=1")
	case len(r.ChipData) < 4 || len(r.ChipData) > maxAPDU:
		return api.Fail(api.NotStarted, card.ErrInvalidData, "a command has 4 to 261 bytes")
	}
	defer d.exclusive()()
	d.mu.Lock()
	on := d.chip
	d.mu.Unlock()
	if !on {
		if c := d.cardForChip(); c != nil {
			return *c
		}
		return api.Fail(api.NotStarted, card.ErrATRNotObtained, "the chip has no power")
	}
	// Never sent again: a chip counts what it is asked.
	a, err := d.do(cmd+string(r.ChipData), false)
	if err != nil {
		return d.chipFailed(err, false)
	}
	if len(a.data) < 2 {
		return d.chipFailed(&deviceError{cmd: cmd, code: "64"}, false)
	}
	return sdk.Ok(card.ChipIO{ChipProtocol: r.ChipProtocol, ChipData: a.data})
}

// atr is the chip's part of ReadRawData; the chip stays on.
func (d *driver) atr() (card.Data, *api.Completion) {
	b, err := d.wake(false)
	var de *deviceError
	switch {
	case err == nil:
		return card.Data{Data: b}, nil
	case errors.As(err, &de) && (de.code[0] == '6' || de.code == "41"):
		if err := d.release(); err == nil {
			return card.Data{Status: map[bool]string{true: "dataMissing", false: "dataInvalid"}[de.code == "63"]}, nil
		}
	}
	c := d.chipFailed(err, true)
	return card.Data{}, &c
}
