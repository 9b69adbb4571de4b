package samv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/idcard"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case idcard.CmdRead:
		var r idcard.Read
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		defer d.present(false)
		return d.read(ctx, r, emit)
	case idcard.CmdReset:
		if _, err := d.ask(cmdReset, ms(d.p.ReadReplyMs)); err != nil {
			return failed(err)
		}
		if err := d.check(); err != nil {
			return failed(err)
		}
		return sdk.Ok(nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func (d *driver) present(on bool) {
	d.mu.Lock()
	was := d.card
	d.card = on
	d.mu.Unlock()
	if was != on {
		d.env.StatusChanged()
	}
}

// failed turns an error of the line, of the reader or of the layout into a completion. None
// of them holds card data.
func failed(err error) api.Completion {
	c := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
	var sw status
	switch {
	case errors.Is(err, errLayout):
		c.Code, c.ErrorCode = api.CommandErrorCode, idcard.ErrUnsupported
		return c
	case !errors.As(err, &sw):
		return c
	}
	c.Vendor = &api.VendorError{Code: fmt.Sprintf("%02X", byte(sw)), Name: swNames[byte(sw)]}
	codes := map[status]string{0x31: idcard.ErrNotGenuine, 0x32: idcard.ErrNotGenuine, 0x33: idcard.ErrNotGenuine, 0x40: idcard.ErrUnreadable, 0x41: idcard.ErrUnreadable,
		0x47: idcard.ErrUnreadable, swNoCard: idcard.ErrUnreadable, 0x81: idcard.ErrUnreadable, swNoItem: idcard.ErrUnreadable, 0x60: idcard.ErrModule, 0x66: idcard.ErrNotPermitted}
	if code := codes[sw]; code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, code
	}
	return c
}

// again reports whether looking for the card once more may help: it was moved.
func again(err error) bool {
	var sw status
	return errors.As(err, &sw) && (sw == swNoCard || sw == 0x81 || sw == 0x41 || sw == 0x40)
}

// read looks for a card until one was read or ctx ends.
func (d *driver) read(ctx context.Context, r idcard.Read, emit func(api.Event)) api.Completion {
	asked, tries := false, 0
	for {
		if ctx.Err() != nil {
			return sdk.Ended(ctx)
		}
		_, err := d.ask(cmdFind, 0)
		if !asked && (err == nil || again(err)) {
			asked = true
			emit(api.Event{Name: idcard.EvPresent})
		}
		if err == nil {
			if tries++; tries == 1 {
				emit(api.Event{Name: idcard.EvFound})
			}
			d.present(true)
			var card idcard.Card
			if card, err = d.data(r); err == nil {
				b, _ := json.Marshal(idcard.ReadEvent{Number: idcard.Mask(card.Number)})
				emit(api.Event{Name: idcard.EvRead, Payload: b})
				return sdk.Ok(card)
			}
			d.present(false)
			if tries >= d.p.ReadTries {
				return failed(err)
			}
		}
		if err != nil && !again(err) {
			return failed(err)
		}
		select {
		case <-ctx.Done():
		case <-d.talk.Stopped():
			return api.Refuse(api.DeviceNotReady, "the driver ends")
		case <-time.After(ms(d.p.FindMs)):
		}
	}
}

// data selects the card that was found and reads it.
func (d *driver) data(r idcard.Read) (idcard.Card, error) {
	if _, err := d.ask(cmdSelect, 0); err != nil {
		return idcard.Card{}, err
	}
	cmd, blocks := cmdRead, 2
	if r.Fingerprint {
		cmd, blocks = cmdReadAll, 3
	}
	data, err := d.ask(cmd, ms(d.p.ReadReplyMs))
	if err != nil {
		return idcard.Card{}, err
	}
	block, err := parts(data, blocks)
	if err != nil {
		return idcard.Card{}, err
	}
	card := text(block[0])
	if d.p.CheckNumber && !idcard.ValidNumber(card.Number) {
		return idcard.Card{}, errLayout
	}
	card.Photo = block[1]
	if r.Fingerprint {
		card.Fingerprint = block[2]
	}
	return card, nil
}
