package crt591

const (
	head     = 0xF2 // the maker's text calls it STX
	etx      = 0x03
	eot      = 0x04
	ack, nak = 0x06, 0x15
	maxText  = 1024
)

// check is the XOR of everything from the head to ETX.
func check(b []byte) byte {
	var x byte
	for _, c := range b {
		x ^= c
	}
	return x
}

// wrap makes the frame of a text.
func wrap(addr byte, text []byte) []byte {
	b := append([]byte{head, addr, byte(len(text) >> 8), byte(len(text))}, text...)
	b = append(b, etx)
	return append(b, check(b))
}

type verdict int

const (
	good       verdict = iota
	incomplete         // ignored
	wrong              // NAK
)

// unwrap reads what follows the head.
func unwrap(next func() (byte, bool)) (addr byte, text, raw []byte, v verdict) {
	raw = []byte{head}
	take := func(n int) bool {
		for range n {
			b, ok := next()
			if !ok {
				return false
			}
			raw = append(raw, b)
		}
		return true
	}
	if !take(3) {
		return 0, nil, raw, incomplete
	}
	addr = raw[1]
	n := int(raw[2])<<8 | int(raw[3])
	if n < 3 || n > maxText {
		return addr, nil, raw, wrong
	}
	if !take(n + 2) {
		return addr, nil, raw, incomplete
	}
	text = raw[4 : 4+n]
	if raw[4+n] != etx || raw[5+n] != check(raw[:5+n]) || text[0] != 'C' {
		return addr, text, raw, wrong
	}
	return addr, text, raw, good
}
