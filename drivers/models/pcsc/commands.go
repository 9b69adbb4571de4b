package pcsc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// classCode is the XFS4IoT error of a return code; "" is a hardware error.
var classCode = map[status]string{
	eNoCard: card.ErrNoMedia, wRemoved: card.ErrNoMedia, eProtocol: card.ErrProtocolNotSupported, wUnsupported: card.ErrInvalidMedia,
	wUnresponsive: card.ErrATRNotObtained, wUnpowered: card.ErrATRNotObtained, wReset: card.ErrATRNotObtained, eNotTransacted: card.ErrInvalidMedia,
}

func failed(err error) api.Completion {
	c := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
	var s status
	if errors.As(err, &s) {
		c.Vendor = &api.VendorError{Code: fmt.Sprintf("%08X", uint32(s)), Name: names[s]}
		if code := classCode[s]; code != "" {
			c.Code, c.ErrorCode = api.CommandErrorCode, code
		}
	}
	return c
}

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case card.CmdReadRawData:
		return sdk.Decoded(cmd, func(r card.ReadRawData) api.Completion { return d.read(ctx, r, emit) })
	case card.CmdReset:
		var r card.Reset
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		if r.To != "" && r.To != card.Current && r.To != card.Auto {
			return api.Refuse(api.UnsupportedData, "Reset: a card in this reader moves by hand alone")
		}
		defer d.exclusive()()
		d.off()
		if _, err := d.look(); err != nil {
			return failed(err)
		}
		return sdk.Ok(nil)
	case card.CmdChipPower:
		return sdk.Decoded(cmd, d.power)
	case card.CmdChipIO:
		return sdk.Decoded(cmd, d.transmit)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// read waits for a card and answers its ATR; the chip stays on.
func (d *driver) read(ctx context.Context, r card.ReadRawData, emit func(api.Event)) api.Completion {
	if !r.Chip {
		return api.Refuse(api.UnsupportedData, "this reader reads chips only")
	}
	asked := false
	for {
		release := d.exclusive()
		st, err := d.look()
		if err == nil && st.State&statePresent != 0 {
			if asked {
				emit(api.Event{Name: card.EvMediaInserted})
			}
			c := d.wake(card.Cold)
			release()
			if c.ErrorCode == card.ErrATRNotObtained || c.ErrorCode == card.ErrInvalidMedia {
				emit(api.Event{Name: card.EvInvalidMedia})
				c.ErrorCode = card.ErrInvalidMedia
			}
			return c
		}
		release()
		if err != nil {
			return failed(err)
		}
		if !asked {
			asked = true
			emit(api.Event{Name: card.EvInsertCard})
		}
		select {
		case <-ctx.Done():
			return sdk.Ended(ctx)
		case <-d.stop:
			return api.Refuse(api.DeviceNotReady, "the driver ends")
		case <-time.After(time.Duration(d.p.PollMs) * time.Millisecond):
		}
	}
}

// off takes the power from the chip; under the line lock.
func (d *driver) off() {
	if d.d == nil || d.handle == 0 {
		return
	}
	_ = d.drop(d.d.shut(d.handle, unpower))
	d.handle = 0
	d.note(func() { d.on = false })
}

// wake powers the chip and completes as ReadRawData does; under the line lock.
func (d *driver) wake(how string) api.Completion {
	share := uint32(shareExclusive)
	if d.p.Share == "shared" {
		share = shareShared
	}
	var err error
	if how == card.Warm && d.handle != 0 {
		d.protocol, err = d.d.again(d.handle, share, reset)
	} else {
		d.off()
		d.mu.Lock()
		reader := d.reader
		d.mu.Unlock()
		d.handle, d.protocol, err = d.d.open(reader, share)
	}
	if err != nil {
		d.handle = 0
		d.note(func() { d.on = false })
		return failed(d.drop(err))
	}
	d.events = 0
	all, err := d.d.readers()
	if err != nil {
		return failed(d.drop(err))
	}
	for i := range all {
		d.mu.Lock()
		ours := all[i].name() == d.reader
		d.mu.Unlock()
		if n := all[i].ATRLength; ours && n >= 2 && n <= 33 {
			d.events = all[i].Events
			d.note(func() { d.on = true })
			return sdk.Ok(card.ReadRawDataResult{Chip: []card.Data{{Data: append([]byte(nil), all[i].ATR[:n]...)}}})
		}
	}
	d.off()
	return failed(wUnresponsive)
}

func (d *driver) power(r card.ChipPower) api.Completion {
	defer d.exclusive()()
	st, err := d.look()
	switch {
	case err != nil:
		return failed(err)
	case st.State&statePresent == 0:
		return api.Fail(api.NotStarted, card.ErrNoMedia, "there is no card in the reader")
	}
	switch r.ChipPower {
	case card.Off:
		d.off()
		return sdk.Ok(nil)
	case card.Cold, card.Warm:
		c := d.wake(r.ChipPower)
		if c.Outcome != api.Done {
			return c
		}
		var read card.ReadRawDataResult
		if err := sdk.Decode(api.Command{Payload: c.Payload}, &read); err != nil {
			return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
		}
		return sdk.Ok(card.ChipPowerResult{ChipData: read.Chip[0].Data})
	}
	return api.Refuse(api.InvalidData, "ChipPower: chipPower must be cold, warm or off")
}

func (d *driver) transmit(r card.ChipIO) api.Completion {
	want := map[string]uint32{card.T0: protocolT0, card.T1: protocolT1, card.NotRequired: protocolT0 | protocolT1}[r.ChipProtocol]
	switch {
	case want == 0:
		return api.Fail(api.NotStarted, card.ErrProtocolNotSupported, "a contact chip speaks T=0 or T=1")
	case len(r.ChipData) < 4 || len(r.ChipData) > 261:
		return api.Fail(api.NotStarted, card.ErrInvalidData, "a command has 4 to 261 bytes")
	}
	defer d.exclusive()()
	switch {
	case d.d == nil || d.handle == 0:
		if _, err := d.look(); err != nil {
			return failed(err)
		}
		d.mu.Lock()
		in := d.present
		d.mu.Unlock()
		if !in {
			return api.Fail(api.NotStarted, card.ErrNoMedia, "there is no card in the reader")
		}
		return api.Fail(api.NotStarted, card.ErrATRNotObtained, "the chip has no power")
	case want&d.protocol == 0:
		return api.Fail(api.NotStarted, card.ErrProtocolNotSupported, "the chip speaks the other protocol")
	}
	out, err := d.d.transmit(d.handle, d.protocol, r.ChipData)
	if err != nil {
		// Nobody knows what the chip was told: it is off until its next reset.
		c := failed(d.drop(err))
		d.off()
		_, _ = d.look()
		return c
	}
	return sdk.Ok(card.ChipIO{ChipProtocol: r.ChipProtocol, ChipData: out})
}
