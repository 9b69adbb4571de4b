package kmy3501

import (
	"context"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/epp"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver; while a PIN is entered nothing may activate another key.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	if cmd.Name == pinpad.CmdPinEntry {
		defer d.setEntering(false)
	}
	if cmd.Name == pinpad.CmdImportKeyToken {
		return d.importToken(ctx, cmd, emit)
	}
	return d.Pad.Execute(ctx, cmd, emit)
}

func (d *driver) setEntering(on bool) {
	d.use.Lock()
	d.entering = on
	d.use.Unlock()
}

// StopInput implements epp.Maker.
func (d *driver) StopInput() error { _, err := d.do(cmdKeypad, padOff); return err }

// Reset implements epp.Maker.
func (d *driver) Reset() error { return d.StopInput() }

// StartPin implements epp.Maker: it binds key and account, then starts the entry. The pad makes
// the block of that account under that key, and of no other.
func (d *driver) StartPin(ctx context.Context, r pinpad.PinEntry, _, high int) (epp.Bound, *api.Completion) {
	no := func(c api.Completion) (epp.Bound, *api.Completion) { return epp.Bound{}, &c }
	wk, c := d.work(r.XKey)
	if c != nil {
		return no(*c)
	}
	account, err := epp.PAN12(r.XPAN)
	if err != nil {
		return no(sdk.BadPayload(err))
	}
	d.ForgetPin()
	d.setEntering(true)
	for _, body := range [][]byte{{cmdKeypad, padSound}, {cmdActivate, byte(d.p.Master), wk}, append([]byte{cmdAccount}, account...),
		{cmdStartPin, byte(high), byte(d.p.Display), byte(d.p.WithAccount), byte(d.p.Prompt), byte(epp.Seconds(ctx))}} {
		if body[0] == cmdStartPin {
			d.DropKeys()
		}
		if _, err := d.do(body...); err != nil {
			return no(d.Broken(err, api.NotStarted))
		}
	}
	d.use.Lock()
	d.active = wk
	d.use.Unlock()
	return epp.Bound{Key: r.XKey, PAN: r.XPAN}, nil
}

// StartData implements epp.Maker.
func (d *driver) StartData(context.Context, int) error {
	d.DropKeys()
	_, err := d.do(cmdKeypad, padSound)
	return err
}
