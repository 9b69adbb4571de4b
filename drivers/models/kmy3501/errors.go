package kmy3501

import (
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
)

// deviceError is an answer whose ST is no success.
type deviceError struct{ st byte }

func (e *deviceError) Error() string {
	return fmt.Sprintf("device error %02X (%s)", e.st, name(e.st))
}

var names = map[byte]string{
	0x15: "command parameter", 0x80: "time-out", 0xB5: "not done, master key invalid", 0xD5: "not done, battery may be damaged", 0xE0: "unknown command",
	0xF0: "self-test: CPU", 0xF1: "self-test: SRAM", 0xF2: "self-test: a key is stuck", 0xF3: "self-test: serial level", 0xF4: "self-test: CPU card",
	0xF5: "self-test: battery", 0xF6: "self-test: master key lost", 0xF7: "self-test: other",
}

func name(st byte) string {
	if n := names[st]; n != "" {
		return n
	}
	return "unknown error"
}

// classCode is the XFS4IoT error of an ST; "" is a hardware error.
var classCode = map[byte]string{0xB5: pinpad.ErrKeyNotFound, 0xF6: pinpad.ErrKeyNotFound, 0x80: pinpad.ErrEntryTimeout}

func failed(o api.Outcome, e *deviceError) api.Completion {
	c := api.Completion{Outcome: o, Code: api.HardwareError, Description: e.Error(), Vendor: &api.VendorError{Code: fmt.Sprintf("%02X", e.st), Name: name(e.st)}}
	if code := classCode[e.st]; code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, code
	}
	return c
}
