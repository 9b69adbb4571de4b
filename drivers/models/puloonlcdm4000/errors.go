package puloonlcdm4000

import (
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
)

const good = 0x00

// fault is what an error means for the platform.
type fault struct {
	name  string
	class string // class error code; empty is a hardware error
	// unsure: notes may have reached the customer uncounted, or of another cassette than counted.
	unsure bool
	// inside: uncounted notes lie before the exit; what the EXIT sensor counted stands.
	inside bool
}

// faults by code without the offset (interface specification, through two independent drivers).
var faults = map[byte]fault{
	0x01: {name: "pick-up error", class: cash.ErrCashUnit},
	0x02: {name: "jam between CHK and DVT", inside: true},
	0x03: {name: "jam between DVT and EJT", inside: true},
	0x04: {name: "jam between EJT and EXIT", unsure: true},
	0x05: {name: "a note stays at EXIT", unsure: true},
	0x06: {name: "a suspected note was ejected", unsure: true},
	0x07: {name: "count mismatch at EJT", unsure: true},
	0x08: {name: "a note to be rejected passed EJT", unsure: true},
	0x09: {name: "note too long at EJT", unsure: true},
	0x0A: {name: "note too long at EXIT", unsure: true},
	0x0B: {name: "notes on the path before the start", class: cash.ErrItemsLeft},
	0x0C: {name: "too many notes in one transaction", class: cash.ErrTooManyItems},
	0x0D: {name: "too many notes rejected", class: cash.ErrCashUnit},
	0x0E: {name: "purge ended abnormally", unsure: true},
	0x20: {name: "sensor or foreign matter"},
	0x21: {name: "sensor or foreign matter"},
	0x22: {name: "solenoid"},
	0x23: {name: "motor or slit sensor"},
	0x24: {name: "cassette missing", class: cash.ErrCashUnit},
	0x25: {name: "cassette near its end", class: cash.ErrCashUnit},
	0x26: {name: "reject tray missing", class: cash.ErrCashUnit},
	0x30: {name: "undefined command", class: cash.ErrNotDispensable},
	0x31: {name: "command parameter", class: cash.ErrNotDispensable},
	0x35: {name: "EEPROM write"},
	0x36: {name: "EEPROM checksum"},
	0x40: {name: "a note of the first cassette came unasked", unsure: true},
	0x41: {name: "a note of the second cassette came unasked", unsure: true},
	0x42: {name: "a note of the third cassette came unasked", unsure: true},
	0x43: {name: "a note of the fourth cassette came unasked", unsure: true},
}

// failed is the completion of a command that the device answered with an error.
func (d *driver) failed(o api.Outcome, e byte) api.Completion {
	f, known := faults[e]
	if !known {
		f = fault{name: "unknown error"}
	}
	v := api.VendorError{Code: fmt.Sprintf("%02X", e), Name: f.name}
	if other, ok := d.p.VendorCodes[v.Code]; ok {
		v = other
	}
	c := api.Completion{Outcome: o, Code: api.HardwareError, Vendor: &v, Description: "device error " + v.Code + " " + v.Name}
	if f.class != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, f.class
	}
	return c
}
