package creatorcrt591

import (
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
)

// deviceError is an error response: e1 e0 of command CM PM.
type deviceError struct {
	cmd, code string
	data      []byte
}

func (e *deviceError) Error() string {
	return fmt.Sprintf("device error %s (%s) in %02X %02X", e.code, names[e.code], e.cmd[1], e.cmd[2])
}

// names: the maker's table; 16, 63 and 64 are the CRT-571's.
var names = map[string]string{
	"00": "undefined command", "01": "command parameter", "02": "command sequence", "03": "not supported", "04": "command data",
	"05": "IC contact not released", "10": "card jam", "12": "sensor", "13": "card too long", "14": "card too short", "16": "card moved by hand",
	"40": "card cannot be retracted", "41": "IC magnet", "42": "IC position not reached", "43": "IC position not reached", "45": "card moved by hand",
	"50": "retract counter overflow", "51": "motor", "60": "IC supply short circuit", "61": "IC activation", "62": "not supported by the card",
	"63": "IC card does not respond", "64": "IC protocol", "65": "IC card not activated", "66": "not supported by this card",
	"67": "IC transmission", "68": "IC transmission timeout", "69": "not an EMV card", "A0": "card stacker empty", "A1": "error bin full", "B0": "not initialised",
}

// classCode is the XFS4IoT error of e1 e0; "" is a hardware error.
var classCode = map[string]string{
	"10": card.ErrMediaJam, "40": card.ErrMediaJam, "42": card.ErrMediaJam, "43": card.ErrMediaJam,
	"13": card.ErrCardTooLong, "14": card.ErrCardTooShort, "16": card.ErrNoMedia, "45": card.ErrNoMedia,
	"50": card.ErrFull, "A1": card.ErrFull, "A0": card.ErrNoMedia,
	"60": card.ErrInvalidMedia, "61": card.ErrInvalidMedia, "62": card.ErrInvalidMedia, "63": card.ErrInvalidMedia, "64": card.ErrInvalidMedia,
	"66": card.ErrInvalidMedia, "69": card.ErrInvalidMedia,
}

// step names what a command does, for the keys of vendorCodes.
func (d *driver) step(cmd string) string {
	switch {
	case cmd == cmdGate, cmd == "C00", cmd == "C04":
		return "eject"
	case cmd == cmdBin, cmd == "C01", cmd == "C05":
		return "capture"
	case cmd == "C2"+d.p.Reading:
		return "dispense"
	case cmd[1] == 'Q':
		return "read"
	case cmd[1] == '0':
		return "init"
	}
	return "status"
}

// failed is the completion of a command that the device answered with an error.
func (d *driver) failed(o api.Outcome, e *deviceError) api.Completion {
	name := names[e.code]
	if name == "" {
		name = "unknown error"
	}
	v := api.VendorError{Code: e.code, Name: name}
	for _, k := range []string{"any:" + e.code, d.step(e.cmd) + ":" + e.code} {
		if other, ok := d.p.VendorCodes[k]; ok {
			v = other
		}
	}
	c := api.Completion{Outcome: o, Code: api.HardwareError, Vendor: &v, Description: e.Error()}
	if code := classCode[e.code]; code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, code
	}
	return c
}
