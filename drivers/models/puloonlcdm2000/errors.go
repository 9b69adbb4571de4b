package puloonlcdm2000

import (
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/puloon"
)

const (
	good       = 0x30
	normalStop = 0x31
)

// faults: interface specification and TerminalClient's table for the LCDM-2000.
var faults = map[byte]puloon.Fault{
	0x32: {Name: "pick-up error", Class: cash.ErrCashUnit},
	0x33: {Name: "jam at CHK1/2", Inside: true},
	0x34: {Name: "overflow bill"},
	0x35: {Name: "jam at EXIT or EJT", Unsure: true},
	0x36: {Name: "jam at DIV", Inside: true},
	0x37: {Name: "undefined command"},
	0x38: {Name: "upper bill end", Class: cash.ErrCashUnit},
	0x3A: {Name: "count error between CHK3/4 and DIV", Inside: true},
	0x3B: {Name: "note request error", Class: cash.ErrNotDispensable},
	0x3C: {Name: "count error between DIV and EJT", Inside: true},
	0x3D: {Name: "count error between EJT and EXIT", Unsure: true},
	0x3F: {Name: "reject tray not recognised", Class: cash.ErrCashUnit},
	0x40: {Name: "lower bill end", Class: cash.ErrCashUnit},
	0x41: {Name: "motor stop"},
	0x42: {Name: "jam at DIV", Inside: true},
	0x43: {Name: "timeout from DIV to EJT", Unsure: true},
	0x44: {Name: "over reject", Class: cash.ErrCashUnit},
	0x45: {Name: "upper cassette not recognised", Class: cash.ErrCashUnit},
	0x46: {Name: "lower cassette not recognised", Class: cash.ErrCashUnit},
	0x47: {Name: "dispensing timeout", Unsure: true},
	0x48: {Name: "jam at EJT", Unsure: true},
	0x49: {Name: "diverter solenoid or SOL sensor"},
	0x4A: {Name: "SOL sensor"},
	0x4B: {Name: "LCDM-2000 error 4B"},
	0x4C: {Name: "LCDM-2000 error 4C"},
	0x4E: {Name: "purge error", Unsure: true},
	0x4F: {Name: "LCDM-2000 error 4F"},
	0x50: {Name: "LCDM-2000 error 50"},
}

// noAuthority is our extension's: the token does not authorise the dispense; nothing moved.
const noAuthority = 0x61
