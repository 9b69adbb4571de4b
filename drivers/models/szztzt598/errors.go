package szztzt598

import (
	"zhigui/drivers/api/pinpad"
)

// names are the codes of an RTN that is no success.
var names = map[byte]string{
	0xE0: "battery low", 0xE1: "no initial master key", 0xE2: "no master key", 0xE3: "key length", 0xE4: "key slot is empty", 0xE5: "key index or use wrong",
	0xE6: "key parity", 0xE7: "key invalid", 0xE8: "command length", 0xE9: "command data", 0xEB: "parameter", 0xEC: "not authorised or no PIN",
	0xED: "device locked", 0xEE: "input time-out", 0xEF: "other error",
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
}
