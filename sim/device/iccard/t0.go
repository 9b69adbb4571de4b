package iccard

import "encoding/binary"

// t0 is the card's side of T=0: five bytes of header, procedure bytes, data, status word.
type t0 struct {
	head    []byte
	body    []byte
	want    int    // bytes of the body that are to come
	single  bool   // one byte at a time is acknowledged
	pending []byte // waits for GET RESPONSE
}

const (
	null        = 0x60
	getResponse = 0xC0
)

// outgoing: instructions whose P3 is the length of the answer.
func outgoing(ins byte) bool { return ins == 0xB2 || ins == 0xCA || ins == 0x84 }

func (t *t0) feed(in []byte, run func([]byte) []byte) (out []byte) {
	for _, b := range in {
		switch {
		case t.want > 0:
			t.body = append(t.body, b)
			t.want--
			switch {
			case t.want == 0:
				out = append(out, t.incoming(run)...)
			case t.single:
				out = append(out, t.acknowledge())
			}
		default:
			if t.head = append(t.head, b); len(t.head) == 5 {
				out = append(out, t.begin(run)...)
			}
		}
	}
	return out
}

// acknowledge asks for one more byte, or for all that remain.
func (t *t0) acknowledge() byte {
	if len(t.body) >= 2 {
		t.single = false
		return t.head[1]
	}
	return t.head[1] ^ 0xFF
}

func (t *t0) begin(run func([]byte) []byte) []byte {
	ins, p3 := t.head[1], t.head[4]
	if ins == getResponse {
		head := t.head
		t.head = nil
		n := len(t.pending)
		switch {
		case n == 0:
			return []byte{0x69, 0x85}
		case int(p3) > n || p3 == 0 && n < 256:
			return []byte{0x6C, byte(n)}
		}
		take := int(p3)
		if take == 0 {
			take = 256
		}
		out := append([]byte{head[1]}, t.pending[:take]...)
		if t.pending = t.pending[take:]; len(t.pending) > 0 {
			return append(out, 0x61, byte(len(t.pending)))
		}
		return append(out, 0x90, 0x00)
	}
	t.pending = nil
	if outgoing(ins) {
		answer := run(t.head)
		t.head = nil
		n := len(answer) - 2
		switch {
		case n == 0:
			return answer
		case int(p3) != n:
			return []byte{0x6C, byte(n)}
		}
		return append([]byte{ins}, answer...)
	}
	if p3 == 0 {
		return t.incoming(run)
	}
	t.want, t.body = int(p3), nil
	switch ins {
	case 0xAE: // signing takes a while
		return []byte{null, null, ins}
	case 0xA8:
		t.single = true
		return []byte{t.acknowledge()}
	}
	return []byte{ins}
}

func (t *t0) incoming(run func([]byte) []byte) []byte {
	answer := run(append(append([]byte(nil), t.head...), t.body...))
	t.head, t.body, t.single = nil, nil, false
	n := len(answer) - 2
	if n == 0 {
		return answer
	}
	t.pending = answer[:n]
	if sw := binary.BigEndian.Uint16(answer[n:]); sw != ok {
		return answer[n:]
	}
	return []byte{0x61, byte(n)}
}
