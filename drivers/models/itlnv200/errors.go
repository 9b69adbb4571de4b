package itlnv200

import (
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
)

var responseNames = map[byte]string{
	0xF0: "ok", 0xF2: "command not known", 0xF3: "wrong number of parameters", 0xF4: "parameter out of range",
	0xF5: "command cannot be processed", 0xF6: "software error", 0xF8: "fail", 0xFA: "key not set",
}

// Why a payout is refused (byte after F5).
var payoutRefusals = map[byte]string{1: "not enough value in the device", 2: "the exact amount cannot be paid", 3: "the device is busy", 4: "the payout device is disabled"}

// rejects are the reasons of command 17 and what they are in the standard.
var rejects = map[byte]struct{ name, reason string }{
	0x00: {"note accepted", cash.RefuseFailure}, 0x01: {"length fail", cash.RefuseInvalid}, 0x02: {"average fail", cash.RefuseInvalid},
	0x03: {"coastline fail", cash.RefuseInvalid}, 0x04: {"graph fail", cash.RefuseInvalid}, 0x05: {"buried fail", cash.RefuseInvalid},
	0x06: {"channel inhibited", cash.RefuseInvalid}, 0x07: {"second note detected", cash.RefuseBunch}, 0x08: {"rejected by host", cash.RefuseFailure},
	0x09: {"cross channel detected", cash.RefuseInvalid}, 0x0A: {"rear sensor error", cash.RefuseFailure}, 0x0B: {"note too long", cash.RefuseForeign},
	0x0C: {"disabled by host", cash.RefuseInvalid}, 0x0D: {"slow mechanism", cash.RefuseFailure}, 0x0E: {"strimming attempt", cash.RefuseForeign},
	0x0F: {"fraud channel", cash.RefuseCounterfeit}, 0x10: {"no notes detected", cash.RefuseInvalid}, 0x11: {"peak detect fail", cash.RefuseInvalid},
	0x12: {"twisted note", cash.RefuseInvalid}, 0x13: {"escrow time-out", cash.RefuseFailure}, 0x14: {"bar code scan fail", cash.RefuseInvalid},
	0x15: {"no cam activate", cash.RefuseFailure}, 0x16: {"slot fail 1", cash.RefuseInvalid}, 0x17: {"slot fail 2", cash.RefuseInvalid},
	0x18: {"lens oversample", cash.RefuseFailure}, 0x19: {"width detection fail", cash.RefuseForeign}, 0x1A: {"short note", cash.RefuseForeign},
	0x1B: {"payout note", cash.RefuseFailure}, 0x1C: {"double note", cash.RefuseBunch}, 0x1D: {"unable to stack", cash.RefuseFailure},
}

// broken is a failure that the device reported by an event.
func broken(event byte, name string) api.Completion {
	v := &api.VendorError{Code: fmt.Sprintf("%02X", event), Name: name}
	c := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Vendor: v, Description: "event " + v.Code + " " + name}
	switch event {
	case evFraud:
		c.Code = api.FraudAttempt
	case evFull, evBoxOut:
		c.Code, c.ErrorCode = api.CommandErrorCode, cash.ErrCashUnit
	}
	return c
}
