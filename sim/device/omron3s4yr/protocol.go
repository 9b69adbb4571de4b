package omron3s4yr

const (
	dle     = 0x10
	stx     = 0x02
	etx     = 0x03
	eot     = 0x04
	enq     = 0x05
	ack     = 0x06
	nak     = 0x15
	maxText = 2057
)

// encode makes the frame of a text (specification 1.4).
func encode(text string) []byte {
	out := []byte{dle, stx}
	sum := byte(0)
	for i := range len(text) {
		if text[i] == dle {
			out = append(out, dle)
		}
		out = append(out, text[i])
		sum ^= text[i]
	}
	return append(out, dle, etx, sum^etx)
}

type heard int

const (
	nothing heard = iota // noise or a torn frame
	command              // a good text
	broken               // a damaged text: DLE NAK
	execute              // DLE ENQ
	abort                // DLE EOT
)

// decode reads what follows a DLE. raw holds all bytes for the trace.
func decode(next func() (byte, bool)) (h heard, text string, raw []byte) {
	raw = []byte{dle}
	take := func() (byte, bool) {
		b, ok := next()
		if ok {
			raw = append(raw, b)
		}
		return b, ok
	}
	b, ok := take()
	switch {
	case !ok:
		return nothing, "", raw
	case b == enq:
		return execute, "", raw
	case b == eot:
		return abort, "", raw
	case b != stx:
		return nothing, "", raw
	}
	var body []byte
	sum := byte(0)
	for {
		b, ok := take()
		if !ok {
			return broken, "", raw // five seconds without a character
		}
		if b != dle {
			body, sum = append(body, b), sum^b
			if len(body) > maxText {
				return broken, "", raw
			}
			continue
		}
		b, ok = take()
		switch {
		case !ok:
			return broken, "", raw
		case b == dle:
			body, sum = append(body, b), sum^b
		case b == stx:
			body, sum = nil, 0
		case b == eot:
			return abort, "", raw
		case b == etx:
			check, ok := take()
			if !ok || check != sum^etx || len(body) < 3 || body[0] != 'C' {
				return broken, "", raw
			}
			return command, string(body), raw
		}
	}
}
