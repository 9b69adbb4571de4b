package crt350n

import "encoding/binary"

const (
	head     = 0xF2
	ack, nak = 0x06, 0x15
	dle, eot = 0x10, 0x04
	maxText  = 1024
)

// crc is CRC-16/XMODEM (poly 1021, init 0000) over F2 … the last byte of the text.
func crc(b []byte) uint16 {
	var c uint16
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

// frame wraps a text.
func frame(text []byte) []byte {
	b := make([]byte, 3, len(text)+5)
	b[0] = head
	binary.BigEndian.PutUint16(b[1:], uint16(len(text)))
	b = append(b, text...)
	return binary.BigEndian.AppendUint16(b, crc(b))
}

type verdict int

const (
	good verdict = iota
	noise
	damaged // wrong CRC or an impossible length: NAK
)

// readFrame reads what follows an F2.
func readFrame(next func() (byte, bool)) (text, raw []byte, v verdict) {
	raw = []byte{head}
	for range 2 {
		b, ok := next()
		if !ok {
			return nil, raw, noise
		}
		raw = append(raw, b)
	}
	n := int(binary.BigEndian.Uint16(raw[1:]))
	if n < 3 || n > maxText {
		return nil, raw, damaged
	}
	for range n + 2 {
		b, ok := next()
		if !ok {
			return nil, raw, damaged
		}
		raw = append(raw, b)
	}
	text = raw[3 : 3+n]
	if binary.BigEndian.Uint16(raw[3+n:]) != crc(raw[:3+n]) {
		return text, raw, damaged
	}
	return text, raw, good
}
