package puloonlcdm2000

import (
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
)

const (
	good       = 0x30
	normalStop = 0x31
)

// fault is what an error byte means for the platform.
type fault struct {
	name  string
	class string // class error code; empty is a hardware error
	// unsure: notes may have reached the customer uncounted.
	unsure bool
	// inside: uncounted notes lie before the exit; what the EXIT sensor counted stands.
	inside bool
}

// faults: interface specification and TerminalClient's table for the LCDM-2000.
var faults = map[byte]fault{
	0x32: {name: "pick-up error", class: cash.ErrCashUnit},
	0x33: {name: "jam at CHK1/2", inside: true},
	0x34: {name: "overflow bill"},
	0x35: {name: "jam at EXIT or EJT", unsure: true},
	0x36: {name: "jam at DIV", inside: true},
	0x37: {name: "undefined command"},
	0x38: {name: "upper bill end", class: cash.ErrCashUnit},
	0x3A: {name: "count error between CHK3/4 and DIV", inside: true},
	0x3B: {name: "note request error", class: cash.ErrNotDispensable},
	0x3C: {name: "count error between DIV and EJT", inside: true},
	0x3D: {name: "count error between EJT and EXIT", unsure: true},
	0x3F: {name: "reject tray not recognised", class: cash.ErrCashUnit},
	0x40: {name: "lower bill end", class: cash.ErrCashUnit},
	0x41: {name: "motor stop"},
	0x42: {name: "jam at DIV", inside: true},
	0x43: {name: "timeout from DIV to EJT", unsure: true},
	0x44: {name: "over reject", class: cash.ErrCashUnit},
	0x45: {name: "upper cassette not recognised", class: cash.ErrCashUnit},
	0x46: {name: "lower cassette not recognised", class: cash.ErrCashUnit},
	0x47: {name: "dispensing timeout", unsure: true},
	0x48: {name: "jam at EJT", unsure: true},
	0x49: {name: "diverter solenoid or SOL sensor"},
	0x4A: {name: "SOL sensor"},
	0x4B: {name: "LCDM-2000 error 4B"},
	0x4C: {name: "LCDM-2000 error 4C"},
	0x4E: {name: "purge error", unsure: true},
	0x4F: {name: "LCDM-2000 error 4F"},
	0x50: {name: "LCDM-2000 error 50"},
}

// noAuthority is our extension's: the token does not authorise the dispense; nothing moved.
const noAuthority = 0x61

func isGood(e byte) bool { return e == good || e == normalStop }

// failed is the completion of a command that the device answered with an error.
func (d *driver) failed(o api.Outcome, e byte) api.Completion {
	f, known := faults[e]
	if !known {
		f = fault{name: "unknown error", unsure: true}
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
