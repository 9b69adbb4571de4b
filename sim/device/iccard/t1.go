package iccard

// T=1 of ISO/IEC 7816-3: NAD PCB LEN INF LRC.
const (
	ifsc       = 0x20 // what the card takes in one block; small on purpose
	ifsDefault = 32
	chained    = 0x20
)

// t1 is the card's side.
type t1 struct {
	ifsd    int
	expect  byte   // N(S) of the next I-block
	seq     byte   // N(S) of our I-block
	in, out []byte // what came in parts; what is still to be sent
	part    int    // bytes of out in the last block
	last    []byte // sent last
	waiting []byte // an APDU that waits for more time
	sent    bool   // an I-block of ours is not yet acknowledged
}

func newT1() t1 { return t1{ifsd: ifsDefault} }

func block(pcb byte, inf []byte) []byte {
	b := append([]byte{0, pcb, byte(len(inf))}, inf...)
	return append(b, xor(b))
}

// openBlock checks a block.
func openBlock(b []byte) (pcb byte, inf []byte, ok bool) {
	if len(b) < 4 || int(b[2]) != len(b)-4 || xor(b) != 0 {
		return 0, nil, false
	}
	return b[1], b[3 : len(b)-1], true
}

func (t *t1) send(b []byte) []byte { t.last = b; return b }

func (t *t1) feed(in []byte, run func([]byte) []byte) []byte {
	pcb, inf, ok := openBlock(in)
	switch {
	case !ok:
		return block(0x80|t.expect<<4|1, nil) // wrong check byte
	case pcb&0x80 == 0:
		return t.information(pcb, inf, run)
	case pcb&0xC0 == 0x80:
		return t.ready(pcb >> 4 & 1)
	}
	return t.supervise(pcb, inf, run)
}

func (t *t1) information(pcb byte, inf []byte, run func([]byte) []byte) []byte {
	if pcb>>6&1 != t.expect || len(inf) > ifsc {
		return block(0x80|t.expect<<4|2, nil)
	}
	t.expect ^= 1
	if t.sent { // a new block acknowledges our last one
		t.seq, t.sent, t.out, t.part = t.seq^1, false, nil, 0
	}
	t.in = append(t.in, inf...)
	if pcb&chained != 0 {
		return t.send(block(0x80|t.expect<<4, nil))
	}
	apdu := t.in
	t.in = nil
	if len(apdu) > 1 && apdu[1] == 0xAE { // signing takes a while: ask for more time
		t.waiting = apdu
		return t.send(block(0xC3, []byte{1}))
	}
	return t.answer(run(apdu))
}

func (t *t1) answer(out []byte) []byte {
	t.out = out
	return t.next()
}

// next sends the next part of the answer.
func (t *t1) next() []byte {
	t.part = min(t.ifsd, len(t.out))
	pcb := t.seq << 6
	if t.part < len(t.out) {
		pcb |= chained
	}
	t.sent = true
	return t.send(block(pcb, t.out[:t.part]))
}

// ready is an R-block: N(R) names the I-block that the other side expects.
func (t *t1) ready(expects byte) []byte {
	if expects != t.seq && t.part > 0 && t.part < len(t.out) {
		t.out = t.out[t.part:]
		t.seq ^= 1
		return t.next()
	}
	if t.last == nil {
		return block(0x80|t.expect<<4|2, nil)
	}
	return t.last
}

func (t *t1) supervise(pcb byte, inf []byte, run func([]byte) []byte) []byte {
	switch pcb {
	case 0xC0: // resynchronise
		*t = newT1()
		return block(0xE0, nil)
	case 0xC1: // the reader takes longer blocks
		if len(inf) == 1 && inf[0] > 0 && inf[0] < 0xFF {
			t.ifsd = int(inf[0])
		}
		return t.send(block(0xE1, inf))
	case 0xC2:
		t.in, t.out, t.part = nil, nil, 0
		return t.send(block(0xE2, nil))
	case 0xE3:
		if apdu := t.waiting; apdu != nil {
			t.waiting = nil
			return t.answer(run(apdu))
		}
	}
	return block(0x80|t.expect<<4|2, nil)
}
