package szztzt598

import (
	"zhigui/drivers/api/pinpad"
)

// names are the codes of an RTN that is no success.
var names = map[byte]string{
	0xE0: "battery low", 0xE1: "no initial master key", 0xE2: "no master key", 0xE3: "key length", 0xE4: "key slot is empty", 0xE5: "key index or use wrong",
	0xE6: "key parity", 0xE7: "key invalid", 0xE8: "command length", 0xE9: "command data", 0xEB: "parameter", 0xEC: "not authorised or no PIN",
	0xED: "device locked", 0xEE: "input time-out", 0xEF: "other error",
	0xF1: "item or token of another form", 0xF2: "token signed by another host", 0xF3: "token of another pad or random value", 0xF4: "token holds no key for this zone",
	0xF5: "no host key, or one already",
}

func name(rtn byte) string {
	switch n := names[rtn]; {
	case n != "":
		return n
	case rtn >= 0xD0 && rtn <= 0xDE:
		return "SM module, RSA or tamper"
	}
	return "unknown error"
}

// classCode is the XFS4IoT error of an RTN; "" is a hardware error.
var classCode = map[byte]string{
	0xE1: pinpad.ErrKeyNotFound, 0xE2: pinpad.ErrKeyNotFound, 0xE4: pinpad.ErrKeyNotFound, 0xE5: pinpad.ErrUseViolation, 0xE3: pinpad.ErrInvalidKeyLen,
	0xE6: pinpad.ErrContent, 0xE7: pinpad.ErrContent, 0xEC: pinpad.ErrAccessDenied, 0xED: pinpad.ErrAccessDenied, 0xEE: pinpad.ErrEntryTimeout,
	0xF1: pinpad.ErrFormat, 0xF2: pinpad.ErrSignature, 0xF3: pinpad.ErrRandom, 0xF4: pinpad.ErrContent, 0xF5: pinpad.ErrAccessDenied,
}
