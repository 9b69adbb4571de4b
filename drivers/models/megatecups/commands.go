package megatecups

import (
	"bytes"
	"context"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/power"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(_ context.Context, cmd api.Command, _ func(api.Event)) api.Completion {
	switch cmd.Name {
	case power.CmdTest:
		var r power.Test
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		order, err := test(time.Duration(r.Seconds) * time.Second)
		if err != nil {
			return sdk.BadPayload(err)
		}
		return d.order(order, func(r reading) bool { return r.testing })
	case power.CmdShutdown:
		var r power.Shutdown
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		order, err := shutdown(time.Duration(r.AfterSeconds)*time.Second, r.RestoreMinutes)
		if err != nil {
			return sdk.BadPayload(err)
		}
		return d.order(order, func(r reading) bool { return r.shutdown || !d.p.ShutdownBit })
	case power.CmdCancel:
		return d.order("C", func(r reading) bool { return !r.shutdown })
	case power.CmdBeeper:
		return sdk.Decoded(cmd, func(r power.Beeper) api.Completion { return d.beeper(r.On) })
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// beeper: Q only toggles, so the driver looks first.
func (d *driver) beeper(on bool) api.Completion {
	var is reading
	if err := d.hold(func() (err error) { is, err = d.look(); return err }); err != nil {
		return api.Refuse(api.DeviceNotReady, "UPS: "+err.Error())
	}
	if is.beeper == on {
		return sdk.Ok(nil)
	}
	return d.order("Q", func(r reading) bool { return r.beeper == on })
}

// order sends what has no answer, once, and looks whether it was obeyed.
func (d *driver) order(s string, obeyed func(reading) bool) (c api.Completion) {
	_ = d.talk.Hold(4*d.talk.Busy(), func(port *serialport.Port) error {
		if _, err := d.look(); err != nil {
			c = api.Refuse(api.DeviceNotReady, "UPS: "+err.Error())
			return nil
		}
		if err := port.Write([]byte(s + "\r")); err != nil {
			c = unsure("UPS: " + err.Error())
			return nil
		}
		if d.echoed(port, s) {
			c = api.Completion{Outcome: api.Failed, Code: api.UnsupportedCommand, Description: "the UPS does not know " + s, Vendor: &api.VendorError{Code: "echo", Name: "command echoed"}}
			return nil
		}
		now, err := d.look()
		switch {
		case err != nil:
			c = unsure("UPS: " + err.Error())
		case !obeyed(now):
			c = unsure("the UPS does not show that it obeyed " + s)
		default:
			c = sdk.Ok(nil)
		}
		return nil
	})
	return c
}

func unsure(why string) api.Completion {
	return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: why}
}

// echoed reports whether the UPS gave the command back, which says that it has none such.
func (d *driver) echoed(port *serialport.Port, s string) bool {
	var got []byte
	for end := time.Now().Add(ms(d.p.EchoMs)); ; {
		b, err := port.Byte(end)
		if err != nil {
			return false
		}
		if got = append(got, b); b == '\r' {
			return bytes.HasSuffix(got, []byte(s+"\r"))
		}
	}
}
