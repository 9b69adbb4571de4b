package pr2

import (
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

// Run implements engine.Model. Text stays in the buffer until a command follows it.
func (m *Model) Run(io *engine.IO) {
	p := &parser{digits: 3}
	for {
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		for _, i := range p.push(b) {
			m.item(io, i)
		}
	}
}

func (m *Model) item(io *engine.IO, i item) {
	switch i.cmd {
	case "t":
		io.Heard([]byte{0x1B, 't'}, "1B 74 ··", "stripe data")
	case "NONE":
		return
	default:
		io.Heard(append([]byte(i.cmd), i.data...), "", i.cmd)
	}
	if i.cmd == "j" || i.cmd == " B" || i.cmd == "]" {
		if !io.Accept(i.cmd, nil, nil) {
			return
		}
		m.answer(io, i.cmd)
		return
	}
	if f, hit := io.Fire(i.cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		m.strike(io, f.Code)
		return
	}
	able := false
	io.Look(func() { able = m.stuck["path"] == "clear" && m.stuck["cover"] == "closed" })
	switch i.cmd {
	case "TEXT":
		if able {
			m.text(io, decode(i.data))
		}
	case "LF":
		io.Do(func() {
			if m.column = 0; i.n == 0x0A {
				m.line++
			}
		})
	case "L":
		io.Do(func() { m.line = i.n })
	case "H":
		io.Do(func() { m.column = i.n })
	case "0":
		io.Do(func() { m.PowerOff() })
	case "l":
		io.Do(func() { m.status = 0 })
	case "t":
		io.Do(func() { m.written = string(i.data) })
	case "\\":
		m.write(io)
	case "O":
		if able {
			m.eject(io)
		}
	}
	if f, hit := io.Fire(i.cmd, engine.AfterMotion); hit && f.Code != engine.FaultNone {
		m.strike(io, f.Code)
	}
}

// strike shows an error in the status, and in the mechanics where it has a place.
func (m *Model) strike(io *engine.IO, code string) {
	io.Do(func() {
		switch code {
		case "2":
			m.stuck["path"] = "jammed"
		case "3":
			m.stuck["cover"] = "open"
		default:
			m.status = code[0]
		}
	})
}

// text prints at the present place of the open page. Half of it is on the paper when a fault
// strikes in the middle.
func (m *Model) text(io *engine.IO, s string) {
	io.Sleep(time.Duration(m.cfg.LineMs) * time.Millisecond)
	half := []rune(s)
	f, hit := io.Fire("TEXT", engine.MidMotion)
	if hit && f.Code != engine.FaultNone {
		s = string(half[:len(half)/2])
	}
	io.Do(func() {
		b := m.book()
		if b == nil || m.phy.At != Inside || s == "" {
			return
		}
		p := &b.Pages[m.phy.Page-1]
		*p = append(*p, Mark{Line: m.line, Column: m.column, Text: s})
		for _, r := range s {
			m.column += width(r)
		}
		b.Used = io.Now()
		m.printed++
		must(m.save())
	})
	if hit && f.Code != engine.FaultNone {
		m.strike(io, f.Code)
	}
}

// write puts the data on the stripe and checks them.
func (m *Model) write(io *engine.IO) {
	io.Sleep(10 * time.Duration(m.cfg.LineMs) * time.Millisecond)
	f, hit := io.Fire("\\", engine.MidMotion)
	bad := hit && f.Code != engine.FaultNone
	io.Do(func() {
		b := m.book()
		if b == nil || m.phy.At != Inside || m.written == "" {
			m.status = 'q'
			return
		}
		if b.Stripe, b.Broken = m.written, false; bad { // it stops half-way
			b.Stripe, b.Broken = m.written[:len(m.written)/2], true
			m.status = 'q'
		}
		m.written = ""
		must(m.save())
	})
}

func (m *Model) eject(io *engine.IO) {
	io.Sleep(10 * time.Duration(m.cfg.LineMs) * time.Millisecond)
	if f, hit := io.Fire("O", engine.MidMotion); hit && f.Code != engine.FaultNone {
		m.strike(io, f.Code)
		return
	}
	io.Do(func() {
		if m.phy.At == Inside {
			m.phy.At = Mouth
			must(m.save())
		}
	})
}

// answer is what the printer says: status, document, stripe.
func (m *Model) answer(io *engine.IO, cmd string) {
	var out []byte
	shown, words := "", ""
	f, hit := io.Fire(cmd, engine.BeforeMotion)
	io.Look(func() {
		switch cmd {
		case "j":
			x := m.now()
			if hit && len(f.Code) == 1 {
				x = f.Code[0]
			}
			out, words = []byte{0x1B, 'r', x}, "status "+string(rune(x))
		case " B":
			out, words = []byte{0x1B, 'B', 0x05, map[Place]byte{Outside: '0', Mouth: '1', Inside: '2'}[m.phy.At], 0x1B, 'Z'}, "document "+string(m.phy.At)
		case "]":
			data := "\x7F"
			if b := m.book(); b != nil && m.phy.At == Inside && b.Stripe != "" {
				data = b.Stripe
				if b.Broken || hit && f.Code == "STRIPE" {
					data = data[:len(data)/2] + "\x7F" + data[len(data)/2:]
				}
			}
			out = append(append([]byte{0x1B, 's'}, data...), 0x1C)
			shown, words = "1B 73"+strings.Repeat(" ··", len(data))+" 1C", "stripe"
		}
	})
	if !io.ReplyLost(cmd) {
		io.Reply(out, shown, cmd, words)
	}
}

// now is x of the status answer.
func (m *Model) now() byte {
	switch {
	case m.stuck["path"] == "jammed":
		return '2'
	case m.stuck["cover"] == "open":
		return '3'
	case m.stuck["panel"] == "local":
		return '4'
	case m.status != 0:
		return m.status
	}
	return '0'
}
