package kmy3501

import "fmt"

const (
	start = 0x02
	end   = 0x03
)

const (
	keyStar    = 0x2A
	keyEnter   = 0x0D
	keyCancel  = 0x1B
	keyBack    = 0x08
	keyTimeout = 0x00
)

// ST of answers.
const (
	stDone    = 0x04
	stParam   = 0x15
	stTimeout = 0x80
	stNoKeyOK = 0xA4 // done, but there is no master key
	stNoKey   = 0xB5
	stUnknown = 0xE0
)

const digits = "0123456789ABCDEF"

// answer makes the frame of ST and data.
func answer(st byte, data []byte) []byte {
	raw := append([]byte{byte(len(data) + 1), st}, data...)
	x := byte(0)
	for _, b := range raw {
		x ^= b
	}
	out := []byte{start}
	for _, b := range append(raw, x) {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return append(out, end)
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// take reads what follows the start byte: command and data, or why not.
func take(next func() (byte, bool)) (body, raw []byte, err error) {
	raw = []byte{start}
	var b []byte
	for {
		c, ok := next()
		if !ok {
			return nil, raw, fmt.Errorf("incomplete frame")
		}
		raw = append(raw, c)
		if c == end {
			break
		}
		hi, ok1 := nibble(c)
		c, ok = next()
		if !ok {
			return nil, raw, fmt.Errorf("incomplete frame")
		}
		raw = append(raw, c)
		lo, ok2 := nibble(c)
		if !ok1 || !ok2 || len(b) > 258 {
			return nil, raw, fmt.Errorf("not hex, or too long")
		}
		b = append(b, hi<<4|lo)
	}
	x := byte(0)
	for _, c := range b {
		x ^= c
	}
	if len(b) < 3 || int(b[0]) != len(b)-2 || x != 0 {
		return nil, raw, fmt.Errorf("wrong length or checksum")
	}
	return b[1 : len(b)-1], raw, nil
}
