package itlnv200

import (
	"errors"
	"time"
)

// Frame bytes.
const (
	startByte = 0x7F
	encrypted = 0x7E
	seqMask   = 0x80
)

// Commands.
const (
	cmdReset       = 0x01
	cmdInhibits    = 0x02
	cmdSetup       = 0x05
	cmdVersion     = 0x06
	cmdPoll        = 0x07
	cmdReject      = 0x08
	cmdDisable     = 0x09
	cmdEnable      = 0x0A
	cmdSerial      = 0x0C
	cmdSync        = 0x11
	cmdLastReject  = 0x17
	cmdHold        = 0x18
	cmdLevels      = 0x22
	cmdHalt        = 0x38
	cmdSetRoute    = 0x3B
	cmdPayout      = 0x46
	cmdGenerator   = 0x4A
	cmdModulus     = 0x4B
	cmdExchange    = 0x4C
	cmdSmartEmpty  = 0x52
	cmdBoxData     = 0x53
	cmdCounters    = 0x58
	cmdPayDisable  = 0x5B
	cmdPayEnable   = 0x5C
	optionPay      = 0x58
	routeStore     = 0
	routeBox       = 1
	routeCashbox   = 1
	unitWithPayout = 6
)

// Responses.
const (
	rspOK     = 0xF0
	rspCannot = 0xF5
	rspFail   = 0xF8
	rspNoKey  = 0xFA
)

// checksum is CRC-16 with polynomial 8005, start FFFF, most significant bit first.
func checksum(b []byte) (crc uint16) {
	crc = 0xFFFF
	for _, c := range b {
		for bit := 7; bit >= 0; bit-- {
			in := uint16(c>>bit) & 1
			out := crc >> 15
			crc <<= 1
			if in != out {
				crc ^= 0x8005
			}
		}
	}
	return crc
}

// encode builds the bytes on the line; head is sequence bit and address.
func encode(head byte, data []byte) []byte {
	plain := make([]byte, 0, len(data)+4)
	plain = append(plain, head, byte(len(data)))
	plain = append(plain, data...)
	c := checksum(plain)
	plain = append(plain, byte(c), byte(c>>8))
	out := make([]byte, 1, len(plain)+4)
	out[0] = startByte
	for _, b := range plain {
		if b == startByte {
			out = append(out, b)
		}
		out = append(out, b)
	}
	return out
}

type source interface {
	Byte(deadline time.Time) (byte, error)
}

var errDamaged = errors.New("frame damaged")

// decode reads the next frame; noise before it is skipped. errDamaged: one came with a wrong
// checksum. Other errors are the source's.
func decode(src source, deadline time.Time) (head byte, data []byte, err error) {
	for b := byte(0); b != startByte; {
		if b, err = src.Byte(deadline); err != nil {
			return 0, nil, err
		}
	}
	var body []byte
	for {
		b, err := src.Byte(deadline)
		if err != nil {
			return 0, nil, err
		}
		if b == startByte {
			if b, err = src.Byte(deadline); err != nil {
				return 0, nil, err
			}
			if b != startByte { // a new frame began
				body = body[:0]
			}
		}
		body = append(body, b)
		if n := len(body); n >= 2 && n == int(body[1])+4 {
			c := checksum(body[:n-2])
			if body[n-2] != byte(c) || body[n-1] != byte(c>>8) || n == 4 {
				return 0, nil, errDamaged
			}
			return body[0], body[2 : n-2], nil
		}
	}
}
