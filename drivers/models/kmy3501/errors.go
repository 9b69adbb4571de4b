package kmy3501

import (
	"zhigui/drivers/api/pinpad"
)

// names are the codes of an ST that is no success.
var names = map[byte]string{
	0x15: "command parameter", 0x80: "time-out", 0xB5: "not done, master key invalid", 0xD5: "not done, battery may be damaged", 0xE0: "unknown command",
	0xE1: "item or token of another form", 0xE2: "token signed by another host", 0xE3: "token of another pad or random value", 0xE4: "token holds no key for this pad",
	0xE5: "no host key, or one already",
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
var classCode = map[byte]string{0xB5: pinpad.ErrKeyNotFound, 0xF6: pinpad.ErrKeyNotFound, 0x80: pinpad.ErrEntryTimeout,
	0xE1: pinpad.ErrFormat, 0xE2: pinpad.ErrSignature, 0xE3: pinpad.ErrRandom, 0xE4: pinpad.ErrContent, 0xE5: pinpad.ErrAccessDenied}
