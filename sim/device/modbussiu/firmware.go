package modbussiu

import (
	"fmt"
	"slices"

	"zhigui/sim/device/engine"
)

// coilBolt is the safe door's bolt: it goes in while the door is closed.
const coilBolt = 2

// bolt lets the bolt follow its coil; locked.
func (m *Model) bolt() {
	switch s := m.Status("safeDoor"); {
	case m.body.Coils[coilBolt] && s == "closed":
		_ = m.SetStatus("safeDoor", "bolted")
	case !m.body.Coils[coilBolt] && s == "bolted":
		_ = m.SetStatus("safeDoor", "closed")
	}
}

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		m.buf = append(m.buf, b)
		for {
			q, n, ok := next(m.buf)
			if n == 0 {
				break
			}
			frame := m.buf[:n]
			m.buf = m.buf[n:]
			if ok && (q.unit == byte(m.cfg.Unit) || q.unit == 0) {
				m.serve(io, frame, q)
			}
		}
	}
}

func (m *Model) serve(io *engine.IO, frame []byte, q query) {
	cmd := fmt.Sprintf("%02X", q.fn)
	io.Heard(frame, "", fmt.Sprintf("function %d % X", q.fn, q.data))
	if !io.Accept(cmd, nil, nil) {
		return
	}
	exception := func(a engine.Armed) []byte {
		code := byte(4)
		for _, e := range exceptions {
			if fmt.Sprintf("%02d", e.code) == a.Code {
				code = e.code
			}
		}
		return seal(q.unit, q.fn|0x80, code)
	}
	var out []byte
	if a, hit := io.Fire(cmd, engine.BeforeMotion); hit {
		out = exception(a)
	} else {
		io.Do(func() { out = m.perform(q) })
		for _, stage := range []engine.Stage{engine.MidMotion, engine.AfterMotion} {
			if a, hit := io.Fire(cmd, stage); hit {
				out = exception(a)
			}
		}
	}
	if q.unit == 0 || io.ReplyLost(cmd) { // a broadcast has no answer
		return
	}
	io.Reply(out, "", cmd, fmt.Sprintf("answer to function %d", q.fn))
}

// bit and register read one cell of a table; ok is false for what the board does not have.
func (m *Model) bit(fn byte, i int) (on, ok bool) {
	switch {
	case fn == 1 && i < coils:
		return m.body.Coils[i], true
	case fn == 2 && i < inputs:
		return m.Status(switchTable[i].name) == switchTable[i].one, true
	}
	return false, false
}

func (m *Model) register(fn byte, i int) (v uint16, ok bool) {
	switch {
	case fn == 3 && i < registers:
		return m.body.Holding[i], true
	case fn == 4 && i < len(dialTable):
		now := m.Status(dialTable[i].name)
		return uint16(slices.IndexFunc(dialTable[i].values, func(o engine.Option) bool { return o.Value == now })), true
	case fn == 4 && i == 3:
		return uint16(int16(m.body.Tenths)), true
	}
	return 0, false
}

// perform does what a query asks and builds the answer; locked.
func (m *Model) perform(q query) []byte {
	no := func(code byte) []byte { return seal(q.unit, q.fn|0x80, code) }
	switch q.fn {
	case 1, 2:
		at, n := q.word(0), q.word(2)
		if n < 1 || n > 2000 {
			return no(3)
		}
		data := make([]byte, (n+7)/8)
		for i := range n {
			on, ok := m.bit(q.fn, at+i)
			if !ok {
				return no(2)
			}
			if on {
				data[i/8] |= 1 << (i % 8)
			}
		}
		return seal(append([]byte{q.unit, q.fn, byte(len(data))}, data...)...)
	case 3, 4:
		at, n := q.word(0), q.word(2)
		if n < 1 || n > 125 {
			return no(3)
		}
		data := []byte{}
		for i := range n {
			v, ok := m.register(q.fn, at+i)
			if !ok {
				return no(2)
			}
			data = append(data, byte(v>>8), byte(v))
		}
		return seal(append([]byte{q.unit, q.fn, byte(len(data))}, data...)...)
	case 5, 6:
		if code := m.write(q.fn, q.word(0), q.word(2)); code != 0 {
			return no(code)
		}
		return seal(append([]byte{q.unit, q.fn}, q.data...)...)
	case 15, 16:
		at, n := q.word(0), q.word(2)
		for i := range n {
			fn, v := byte(5), 0
			switch {
			case q.fn == 15 && 5+i/8 < len(q.data):
				v = int(q.data[5+i/8]>>(i%8)&1) * 0xFF00
			case q.fn == 16 && 6+2*i < len(q.data):
				fn, v = 6, q.word(5+2*i)
			default:
				return no(3)
			}
			if code := m.write(fn, at+i, v); code != 0 {
				return no(code)
			}
		}
		return seal(append([]byte{q.unit, q.fn}, q.data[:4]...)...)
	}
	return no(1)
}

// write sets one coil or register; the answer is an exception code or 0.
func (m *Model) write(fn byte, at, v int) byte {
	switch {
	case fn == 5 && at >= coils, fn == 6 && at >= registers:
		return 2
	case fn == 5 && v != 0 && v != 0xFF00:
		return 3
	case fn == 5:
		m.body.Coils[at] = v != 0
		m.bolt()
	default:
		m.body.Holding[at] = uint16(v)
	}
	m.Keep()
	return 0
}
