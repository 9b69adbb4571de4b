// Package f2 is the frame that begins with F2, of the Sankyo and Creator card devices:
// F2 [ADDR] LEN(2) TEXT and a CRC-16/XMODEM, or ETX and a BCC in the variants of the card
// dispensers, and the exchange of such frames. Only drivers/models import it.
//
// Sources: two drivers written independently of each other for the ICT3K5 and the CRT-350N;
// the CRT-571/591 text (version 1.0, 1.3 and 1.4).
package f2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Control bytes of the family.
const (
	Head = 0xF2
	ACK  = 0x06
	NAK  = 0x15
	DLE  = 0x10
	EOT  = 0x04
	etx  = 0x03
)

// MaxText is the longest TEXT that is taken.
const MaxText = 2048

// Variant is one member of the family.
type Variant struct {
	Addr bool // a device address follows the head
	BCC  bool // ETX and XOR of everything before behind TEXT, in place of the CRC; the head is the STX
	// Address is sent and expected when Addr is set.
	Address byte
}

// CRC is the variant {no address, CRC-16} of the ICT3K5 and the CRT-350N.
var CRC = Variant{}

// ErrDamaged is a frame whose length or checksum is wrong: answer NAK.
var ErrDamaged = errors.New("f2: damaged frame")

// Source gives bytes until a deadline.
type Source interface {
	Byte(deadline time.Time) (byte, error)
}

// CRC16 is CRC-16/XMODEM: polynomial 1021, start 0000, not reflected.
func CRC16(b []byte) uint16 {
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

func xor(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// Append appends the frame of text to dst.
func (v Variant) Append(dst, text []byte) []byte {
	from := len(dst)
	dst = append(dst, Head)
	if v.Addr {
		dst = append(dst, v.Address)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(text)))
	if v.BCC {
		dst = append(dst, text...)
		dst = append(dst, etx)
		return append(dst, xor(dst[from:]))
	}
	dst = append(dst, text...)
	return binary.BigEndian.AppendUint16(dst, CRC16(dst[from:]))
}

// ReadRest reads what follows a Head that has been read. The bytes of a frame must come
// within gap of each other.
func (v Variant) ReadRest(src Source, gap time.Duration) ([]byte, error) {
	raw := []byte{Head}
	next := func() (byte, error) {
		b, err := src.Byte(time.Now().Add(gap))
		if err == nil {
			raw = append(raw, b)
		}
		return b, err
	}
	if v.Addr {
		a, err := next()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if a != v.Address {
			return nil, fmt.Errorf("%w: address %02X", ErrDamaged, a)
		}
	}
	at := len(raw)
	for range 2 {
		if _, err := next(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	n := int(binary.BigEndian.Uint16(raw[at:]))
	if n < 1 || n > MaxText {
		return nil, fmt.Errorf("%w: length %d", ErrDamaged, n)
	}
	for range n + 2 {
		if _, err := next(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	at += 2
	if v.BCC {
		if raw[at+n] != etx || xor(raw[:at+n+1]) != raw[at+n+1] {
			return nil, fmt.Errorf("%w: checksum", ErrDamaged)
		}
		return raw[at : at+n], nil
	}
	if CRC16(raw[:at+n]) != binary.BigEndian.Uint16(raw[at+n:]) {
		return nil, fmt.Errorf("%w: checksum", ErrDamaged)
	}
	return raw[at : at+n], nil
}
