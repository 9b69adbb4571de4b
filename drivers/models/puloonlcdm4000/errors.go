package puloonlcdm4000

import (
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/puloon"
)

const good = 0x00

// faults by code without the offset (interface specification, through two independent drivers).
var faults = map[byte]puloon.Fault{
	0x01: {Name: "pick-up error", Class: cash.ErrCashUnit},
	0x02: {Name: "jam between CHK and DVT", Inside: true},
	0x03: {Name: "jam between DVT and EJT", Inside: true},
	0x04: {Name: "jam between EJT and EXIT", Unsure: true},
	0x05: {Name: "a note stays at EXIT", Unsure: true},
	0x06: {Name: "a suspected note was ejected", Unsure: true},
	0x07: {Name: "count mismatch at EJT", Unsure: true},
	0x08: {Name: "a note to be rejected passed EJT", Unsure: true},
	0x09: {Name: "note too long at EJT", Unsure: true},
	0x0A: {Name: "note too long at EXIT", Unsure: true},
	0x0B: {Name: "notes on the path before the start", Class: cash.ErrItemsLeft},
	0x0C: {Name: "too many notes in one transaction", Class: cash.ErrTooManyItems},
	0x0D: {Name: "too many notes rejected", Class: cash.ErrCashUnit},
	0x0E: {Name: "purge ended abnormally", Unsure: true},
	0x20: {Name: "sensor or foreign matter"},
	0x21: {Name: "sensor or foreign matter"},
	0x22: {Name: "solenoid"},
	0x23: {Name: "motor or slit sensor"},
	0x24: {Name: "cassette missing", Class: cash.ErrCashUnit},
	0x25: {Name: "cassette near its end", Class: cash.ErrCashUnit},
	0x26: {Name: "reject tray missing", Class: cash.ErrCashUnit},
	0x30: {Name: "undefined command", Class: cash.ErrNotDispensable},
	0x31: {Name: "command parameter", Class: cash.ErrNotDispensable},
	0x35: {Name: "EEPROM write"},
	0x36: {Name: "EEPROM checksum"},
	0x40: {Name: "a note of the first cassette came unasked", Unsure: true},
	0x41: {Name: "a note of the second cassette came unasked", Unsure: true},
	0x42: {Name: "a note of the third cassette came unasked", Unsure: true},
	0x43: {Name: "a note of the fourth cassette came unasked", Unsure: true},
}
