package gm65

import (
	"fmt"

	"zhigui/drivers/internal/dialog"
)

const (
	opRead  = 0x07
	opWrite = 0x08

	zoneMode    = 0x0000 // bits 1–0: 00 by hand, 01 by command, 10 continuous, 11 by sensing
	zoneTrigger = 0x0002 // bit 0: 1 begins a scan, 0 ends it

	modeMask    = 0x03
	modeCommand = 0x01
)

// crc is CRC-16/XMODEM.
func crc(b []byte) (c uint16) {
	for _, x := range b {
		c ^= uint16(x) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
	}
	return c
}

// command builds 7E 00 op LEN ADDR DATA CRC. For a read, data is the one byte that says how
// many bytes are wanted.
func command(op byte, zone uint16, data byte, sum bool) []byte {
	body := []byte{op, 1, byte(zone >> 8), byte(zone), data}
	c := uint16(0xABCD) // "not checked"
	if sum {
		c = crc(body)
	}
	return append(append([]byte{0x7E, 0x00}, body...), byte(c>>8), byte(c))
}

// readAnswer finds the next answer, 02 00 00 LEN DATA CRC, and gives its data.
func readAnswer(next dialog.Next) ([]byte, error) {
	return answerAfter(new([]byte))(next)
}

// answerAfter is readAnswer that keeps what comes before the answer: a code, its tail or
// noise.
func answerAfter(before *[]byte) func(dialog.Next) ([]byte, error) {
	return func(next dialog.Next) ([]byte, error) {
		for {
			b, err := next()
			if err != nil {
				return nil, err
			}
			for b == 0x02 {
				if b, err = next(); err != nil {
					return nil, err
				}
				if b == 0x00 {
					return readBody(next)
				}
				*before = append(*before, 0x02)
			}
			*before = append(*before, b)
		}
	}
}

func readBody(next dialog.Next) ([]byte, error) {
	body := make([]byte, 2, 8)
	for i := range body {
		b, err := next()
		if err != nil {
			return nil, err
		}
		body[i] = b
	}
	for range int(body[1]) + 2 {
		b, err := next()
		if err != nil {
			return nil, err
		}
		body = append(body, b)
	}
	n := len(body) - 2
	if body[0] != 0x00 {
		return nil, fmt.Errorf("%w: type %02X", dialog.ErrDamaged, body[0])
	}
	if got := uint16(body[n])<<8 | uint16(body[n+1]); got != crc(body[:n]) && got != 0xABCD {
		return nil, fmt.Errorf("%w: checksum", dialog.ErrDamaged)
	}
	return body[2:n], nil
}
