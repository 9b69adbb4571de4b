package crt288k

// Frame bytes: F2 LENhi LENlo TEXT 03 BCC, where BCC is the XOR of everything before it.
const (
	stx      = 0xF2
	etx      = 0x03
	eot      = 0x04
	ack, nak = 0x06, 0x15
	longest  = 512
)

func xor(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

func pack(text []byte) []byte {
	b := append([]byte{stx, byte(len(text) >> 8), byte(len(text))}, text...)
	b = append(b, etx)
	return append(b, xor(b))
}

// Verdicts over what was received.
const (
	fine   = iota
	broken // ended too early: ignored
	bad    // NAK
)

// unpack reads what follows the STX.
func unpack(next func() (byte, bool)) (text, raw []byte, verdict int) {
	raw = []byte{stx}
	for len(raw) < 3 {
		b, ok := next()
		if !ok {
			return nil, raw, broken
		}
		raw = append(raw, b)
	}
	n := int(raw[1])<<8 | int(raw[2])
	if n < 3 || n > longest {
		return nil, raw, bad
	}
	for range n + 2 {
		b, ok := next()
		if !ok {
			return nil, raw, broken
		}
		raw = append(raw, b)
	}
	text = raw[3 : 3+n]
	if text[0] != 'C' || raw[3+n] != etx || xor(raw) != 0 {
		return nil, raw, bad
	}
	return text, raw, fine
}
