package lcdm4000

import (
	"strconv"
	"time"

	"zhigui/sim/device/engine"
)

const (
	fine      = 0x00
	plus      = 0x20 // added to counts and error codes on the wire
	frameGap  = 200 * time.Millisecond
	repeatGap = 500 * time.Millisecond
	repeats   = 3
	limit     = 100 // notes in one transaction
	maxReject = 10
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(engine.Forever)
		switch {
		case w != engine.GotByte || b == ack || b == nak:
			continue
		case b != startHost:
			io.Heard([]byte{b}, "", "noise")
			continue
		}
		o, ok := receive(func() (byte, bool) { return io.Byte(frameGap) })
		switch {
		case !ok:
			io.Heard(o.raw, "", "no frame of this device, ignored")
			if n := len(o.raw); n > 1 && o.raw[n-1] == startHost {
				io.Unread(startHost)
			}
		case o.bad:
			io.Heard(o.raw, "", "bad checksum")
			io.Write([]byte{nak}, "NAK")
		default:
			io.Heard(o.raw, "", hex(o.cmd)+" "+titles[o.cmd][0])
			if io.Accept(hex(o.cmd), []byte{ack}, []byte{nak}) {
				m.execute(io, o)
			}
		}
	}
}

func (m *Model) execute(io *engine.IO, o order) {
	cmd := hex(o.cmd)
	var data []byte
	switch o.cmd {
	case cReset:
		io.Do(func() { m.err, m.lastCmd, m.lastData = fine, plus, nil })
		return // no answer
	case cStatus:
		data = m.status(io, cmd)
	case cLast:
		io.Look(func() {
			data = append([]byte{m.lastCmd}, m.lastData...)
			if m.lastData == nil {
				data = append(data, result(fine, nil, nil, m.types())...)
			}
		})
	case cSerial:
		io.Look(func() { data = []byte{plus, plus + m.s.Serial} })
	case cDispense, cTest:
		data = m.dispense(io, o)
	case cPurge:
		data = m.purge(io, cmd)
	default:
		data = []byte{plus + 0x30}
	}
	m.tell(io, o.cmd, data)
}

// tell sends the response until the host acknowledges it, and then ends the exchange.
func (m *Model) tell(io *engine.IO, c byte, data []byte) {
	cmd := hex(c)
	if io.ReplyLost(cmd) {
		return
	}
	f := answer(c, data)
	if m.cfg.StrayFF {
		io.Write([]byte{0xFF}, "stray FF")
	}
	note := cmd + " answers " + strconv.QuoteToASCII(string(data))
	io.Reply(f, "", cmd, note)
	for again := 0; ; {
		b, w := io.Next(repeatGap)
		switch {
		case w == engine.Poked:
			continue
		case w == engine.GotByte && b == ack:
			io.Heard([]byte{b}, "", "ACK")
			io.Write([]byte{startHost}, "EOT: end of the exchange")
			return
		case w == engine.GotByte && b == startHost:
			io.Unread(b)
			return
		case w == engine.GotByte && b != nak:
			continue
		}
		if again++; again > repeats {
			return
		}
		io.Reply(f, "", cmd, note+" (again)")
	}
}

// status: ERROR DISP, and for each cassette STAT TYPE OPACITY LENGTH.
func (m *Model) status(io *engine.IO, cmd string) []byte {
	f, hit := io.Fire(cmd, engine.BeforeMotion)
	var out []byte
	io.Look(func() {
		e := m.err
		if !m.s.Tray {
			e = 0x26
		}
		if hit && f.Code != engine.FaultNone {
			e = errorOf(f.Code)
		}
		disp := byte(0)
		if m.s.total(Diverter) > 0 {
			disp |= 1
		}
		if m.s.total(Eject) > 0 {
			disp |= 4
		}
		exit := m.s.total(Exit) > 0
		if s := m.stuck["exitSensor"]; s != "auto" {
			exit = s == "blocked"
		}
		if exit {
			disp |= 8
		}
		out = []byte{plus + e, plus | disp}
		types := m.types()
		for i, n := range Names {
			stat := byte(plus)
			if b := m.s.Boxes[n]; b.At[Cassette] <= b.Near {
				stat |= 8
			}
			out = append(out, stat, types[i], plus+40, plus+99)
		}
	})
	return out
}

// types: 30 for a cassette that is out, else 31 to 34.
func (m *Model) types() []byte {
	out := make([]byte, len(Names))
	for i, n := range Names {
		out[i] = '0'
		if m.s.Boxes[n].Present {
			out[i] = '1' + byte(i)
		}
	}
	return out
}

// result: ERROR MISS, and for each cassette EXIT REJECT TYPE.
func result(e byte, exit, reject map[string]int, types []byte) []byte {
	out := []byte{plus + e, '0'}
	for i, n := range Names {
		out = append(out, plus+byte(exit[n]), plus+byte(reject[n]), types[i])
	}
	return out
}

func (m *Model) noteTime() time.Duration { return time.Duration(m.cfg.NoteMs) * time.Millisecond }

// at accepts a mid-motion fault when as many notes have moved as it asks for; -1: half.
func at(moved, total int) func(engine.Armed) bool {
	return func(a engine.Armed) bool { return moved == a.After || a.After < 0 && moved == total/2 }
}

// purge clears the path into the reject tray; with exit hold it draws held notes back too.
func (m *Model) purge(io *engine.IO, cmd string) []byte {
	e := byte(fine)
	var c *Command
	rejected := map[string]int{}
	io.Do(func() {
		if !m.s.Tray {
			e = 0x26
		}
		c = m.s.begin(m.now(), cmd, map[string]int{})
		m.moving = e == fine
		must(m.save())
	})
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		e = errorOf(f.Code)
	}
	total := 0
	io.Look(func() { total = m.s.total(Diverter) + m.s.total(Eject) + m.s.total(Exit) })
	for moved := 0; moved < total && e == fine; moved++ {
		if f, hit := io.FireIf(cmd, engine.MidMotion, at(moved, total)); hit && f.Code != engine.FaultNone {
			e = errorOf(f.Code)
			break
		}
		io.Sleep(m.noteTime())
		io.Do(func() {
			for _, p := range []Place{Diverter, Eject, Exit} {
				for _, n := range Names {
					if m.s.Boxes[n].At[p] > 0 { // a person may have taken the others
						must(m.s.move(n, 1, p, Reject))
						rejected[n]++
						must(m.save())
						return
					}
				}
			}
		})
	}
	if f, hit := io.Fire(cmd, engine.AfterMotion); hit && f.Code != engine.FaultNone {
		e = errorOf(f.Code)
	}
	return m.finish(io, cPurge, c, e, nil, rejected)
}

// finish keeps the result of a movement as the last one and makes its answer. While it worked
// the device listened to nobody.
func (m *Model) finish(io *engine.IO, cmd byte, c *Command, e byte, exit, reject map[string]int) []byte {
	io.Drain()
	var out []byte
	io.Do(func() {
		m.moving, m.err = false, e
		c.Err = hex(e)
		out = result(e, exit, reject, m.types())
		m.lastCmd, m.lastData = cmd, out
		must(m.save())
	})
	if cmd != cPurge {
		out = append(append([]byte(nil), out...), "         "...) // nine reserved bytes, 20
	}
	return out
}
