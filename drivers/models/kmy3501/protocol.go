package kmy3501

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	stx      = 0x02
	etx      = 0x03
	maxBody  = 255
	frameGap = time.Second
)

// Commands.
const (
	cmdVersion  = 0x30
	cmdReset    = 0x31
	cmdMaster   = 0x32
	cmdWork     = 0x33
	cmdAccount  = 0x34
	cmdStartPin = 0x35
	cmdEncrypt  = 0x36
	cmdDecrypt  = 0x37
	cmdSerial   = 0x38
	cmdMAC      = 0x41
	cmdPin      = 0x42
	cmdActivate = 0x43
	cmdKeypad   = 0x45
	cmdSet      = 0x46
	cmdRemote   = 0x4B // our extension
)

// Modes of cmdKeypad.
const (
	padOff   = 1
	padSound = 2
)

var errFrame = errors.New("no frame of this device")

// frame wraps CMD and DATA: STX, then LEN CMD DATA BCC in hex characters, then ETX. BCC is the
// XOR of LEN … DATA.
func frame(body []byte) []byte {
	raw := append([]byte{byte(len(body))}, body...)
	var x byte
	for _, c := range raw {
		x ^= c
	}
	raw = append(raw, x)
	out := append([]byte{stx}, strings.ToUpper(hex.EncodeToString(raw))...)
	clear(raw)
	return append(out, etx)
}

type source interface {
	Byte(deadline time.Time) (byte, error)
}

// readRest reads what follows STX and gives ST and DATA.
func readRest(src source, gap time.Duration) ([]byte, error) {
	var chars []byte
	for {
		b, err := src.Byte(time.Now().Add(gap))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errFrame, err)
		case b == etx:
			return unwrap(chars)
		case len(chars) >= 2*(maxBody+2):
			return nil, fmt.Errorf("%w: too long", errFrame)
		}
		chars = append(chars, b)
	}
}

func unwrap(chars []byte) ([]byte, error) {
	raw, err := hex.DecodeString(string(chars))
	if err != nil || len(raw) < 3 || int(raw[0]) != len(raw)-2 {
		return nil, fmt.Errorf("%w: length", errFrame)
	}
	var x byte
	for _, c := range raw {
		x ^= c
	}
	if x != 0 {
		return nil, fmt.Errorf("%w: checksum", errFrame)
	}
	return raw[1 : len(raw)-1], nil
}

// good: 04 done; A4 and C4 done, but the master key or the battery is doubtful.
func good(st byte) bool { return st == 0x04 || st == 0xA4 || st == 0xC4 }

// fits says whether data can be the answer to a command: answers carry no name, and one that
// comes twice must not be taken for the next command's.
func fits(body, data []byte) bool {
	switch body[0] {
	case cmdVersion, cmdSerial:
		return len(data) > 0
	case cmdRemote:
		return fitsRemote(body, data)
	case cmdMAC, cmdPin:
		return len(data) == 8
	case cmdEncrypt, cmdDecrypt:
		return len(data) == len(body)-1
	}
	return len(data) == 0
}
