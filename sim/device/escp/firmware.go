package escp

import (
	"fmt"
	"time"

	"zhigui/sim/device/engine"
)

// gap is how long the printer looks for more bytes before it works on what it has.
const gap = 5 * time.Millisecond

// Run implements engine.Model: what arrives is kept, and worked on while the printer can.
func (m *Model) Run(io *engine.IO) {
	for {
		m.tell(io)
		b, w := io.Next(m.wait(io))
		for w == engine.GotByte {
			io.Look(func() { m.buf = append(m.buf, b) })
			b, w = io.Next(gap)
		}
		m.work(io)
	}
}

// wait is how long until the state has to be told again.
func (m *Model) wait(io *engine.IO) (d time.Duration) {
	io.Look(func() {
		if d = engine.Forever; m.telling {
			d = max(0, m.due.Sub(io.Now()))
		}
	})
	return d
}

// tell sends the state when it is time or when it has changed.
func (m *Model) tell(io *engine.IO) {
	out := ""
	io.Look(func() {
		if !m.telling {
			return
		}
		state, errs := m.state()
		s := "@BDC ST\r\nST:" + state + ";"
		if errs != "" {
			s += "ER:" + errs + ";"
		}
		s += "PP:0100;TEC:06;\f"
		if s != m.told || !io.Now().Before(m.due) {
			out, m.told, m.due = s, s, io.Now().Add(time.Duration(m.cfg.StatusMs)*time.Millisecond)
		}
	})
	if out != "" && !io.ReplyLost("REMOTE ST") {
		io.Reply([]byte(out), "", "REMOTE ST", "state")
	}
}

// work takes tokens off the buffer until it is empty or the printer stands. Text waits for the
// command behind it.
func (m *Model) work(io *engine.IO) {
	for {
		var t token
		n := 0
		text, stands := false, false
		io.Look(func() {
			t, n = next(m.buf, m.remote)
			t.arg = append([]byte(nil), t.arg...)
			text, stands = len(m.text) > 0, m.stands()
			m.busy = n > 0
		})
		switch {
		case n == 0 || stands:
			return
		case t.name != "text" && text && !m.flush(io), t.name == "ESC *" && !m.feed(io):
			return
		}
		io.Look(func() { m.buf = append([]byte(nil), m.buf[n:]...) })
		m.perform(io, t)
	}
}

func at(b []byte, i int) int {
	if i < len(b) {
		return int(b[i])
	}
	return 0
}

func word(b []byte, i int) int { return at(b, i) | at(b, i+1)<<8 }

func (m *Model) perform(io *engine.IO, t token) {
	if t.name == "text" {
		io.Look(func() { m.text = append(m.text, t.arg...) })
		return
	}
	if t.name != "skip" {
		io.Heard(t.arg, "", t.name)
	}
	switch t.name {
	case "FF":
		m.eject(io)
	case "ESC \x19":
		if at(t.arg, 0) == 'R' {
			m.eject(io)
		}
	case "ESC *":
		m.dots(io, t.arg)
	case "EJL":
		io.Reply([]byte("@EJL ID\r\nMFG:EPSON;CMD:ESCPL2,BDC;MDL:LQ-SIM;CLS:PRINTER;DES:EPSON LQ-SIM;\f"), "", "EJL", "identity")
	case "REMOTE ??", "REMOTE ST":
		m.answer(io, t)
	default:
		io.Look(func() { m.set(t.name, t.arg) })
	}
}

// answer are the commands of remote mode that make the printer speak.
func (m *Model) answer(io *engine.IO, t token) {
	if !io.Accept(t.name, nil, nil) {
		return
	}
	asks := at(t.arg, 0) == 1
	out := ""
	io.Do(func() {
		switch {
		case t.name == "REMOTE ST" && !asks:
			m.telling, m.told = at(t.arg, 1) != 0, ""
		case t.name == "REMOTE ST":
			out = fmt.Sprintf("@BDC PS\r\nST:%02d;\f", map[bool]int{true: 1}[m.telling])
		case asks:
			out = "@BDC PS\r\n??:" + string(t.arg[1:]) + ";\f"
		}
	})
	m.tell(io)
	if out != "" && !io.ReplyLost(t.name) {
		io.Reply([]byte(out), "", t.name, "answer")
	}
}

// set are the commands that only change what comes next; locked.
func (m *Model) set(name string, b []byte) {
	on := at(b, 0)&1 == 1
	units := func(n, without int) int {
		if m.s.unit == 0 {
			return n * without
		}
		return n * m.s.unit / 10
	}
	switch name {
	case "ESC @":
		m.reset()
	case "ESC (R":
		m.remote = string(b) == "\x00REMOTE1"
	case "ESC \x00":
		m.remote = false
	case "ESC (U":
		m.s.unit = at(b, 0)
	case "ESC (C":
		m.s.length = units(word(b, 0), 1)
	case "ESC C":
		m.s.length = at(b, 0) * m.s.spacing
	case "ESC C inches":
		m.s.length = at(b, 0) * 360
	case "ESC (V":
		m.y = units(word(b, 0), 1)
	case "ESC $":
		m.x = units(word(b, 0), 6)
	case "ESC J":
		m.y += 2 * at(b, 0)
	case "ESC 3":
		m.s.spacing = 2 * at(b, 0)
	case "ESC 0":
		m.s.spacing = 45
	case "ESC 2":
		m.s.spacing = 60
	case "CR", "CAN":
		m.x = 0
	case "LF":
		m.x, m.y = 0, m.y+m.s.spacing
	case "ESC P":
		m.s.half = 36
	case "ESC M":
		m.s.half = 30
	case "ESC g":
		m.s.half = 24
	case "ESC E", "ESC G":
		m.s.bold = true
	case "ESC F", "ESC H":
		m.s.bold = false
	case "ESC W":
		m.s.double = on
	case "ESC w":
		m.s.high = on
	case "FS &":
		m.s.chinese = true
	case "FS .":
		m.s.chinese = false
	case "FS S":
		m.s.before, m.s.after = at(b, 0), at(b, 1)
	case "FS W":
		m.s.quadrant = on
	}
}

// strike plays armed faults: they put the printer into a state that lasts until a person
// mends it.
func (m *Model) strike(io *engine.IO, cmd string, s engine.Stage) (hit bool) {
	f, hit := io.Fire(cmd, s)
	if !hit || f.Code == engine.FaultNone {
		return false
	}
	io.Do(func() {
		for _, e := range faultTable {
			if e.code == f.Code && e.status != "" {
				m.phy.Status[e.status] = e.value
			}
		}
		if f.Code == "06" { // the sheet in the path was the last one and falls out
			m.phy.Sheets = 0
			m.drop(io)
		}
		m.must()
	})
	return true
}

// drop lays the sheet into the tray; locked.
func (m *Model) drop(io *engine.IO) {
	if m.phy.Sheet == nil {
		return
	}
	m.phy.Sheet.At = io.Now()
	m.phy.Pages = append(m.phy.Pages, *m.phy.Sheet)
	if n := len(m.phy.Pages); n > keepPages {
		m.phy.Pages = append([]Page(nil), m.phy.Pages[n-keepPages:]...)
	}
	m.phy.Sheet, m.x, m.y = nil, 0, 0
}

// feed sees to a sheet under the head; false: the printer stands. A place below the page's end is on
// the next sheet.
func (m *Model) feed(io *engine.IO) bool {
	over := false
	io.Look(func() { over = m.phy.Sheet != nil && m.y >= m.s.length })
	if over {
		m.eject(io)
	}
	loaded, stands := false, false
	io.Look(func() { loaded, stands = m.phy.Sheet != nil, m.stands() })
	if loaded || stands {
		return !stands
	}
	if m.strike(io, "feed", engine.BeforeMotion) || m.strike(io, "feed", engine.MidMotion) {
		return false
	}
	m.pace(io)
	io.Do(func() {
		m.phy.Sheets--
		m.phy.Sheet = &Page{N: m.phy.Next}
		m.phy.Next++
		m.must()
	})
	return true
}

func (m *Model) pace(io *engine.IO) { io.Sleep(time.Duration(m.cfg.LineMs) * time.Millisecond) }

// flush prints the text that has come; false: the printer stands and keeps it.
func (m *Model) flush(io *engine.IO) bool {
	if !m.feed(io) {
		return false
	}
	var text string
	io.Look(func() { text = decode(m.text, m.s.chinese) })
	m.strike(io, "print", engine.BeforeMotion)
	hit := m.strike(io, "print", engine.MidMotion)
	m.pace(io)
	io.Do(func() {
		if r := []rune(text); hit {
			text = string(r[:len(r)/2])
		}
		m.text = nil
		if m.phy.Sheet == nil {
			return
		}
		k := 1
		if m.s.double {
			k = 2
		}
		full := 2 * (24 + m.s.before + m.s.after)
		if m.s.quadrant {
			full *= 2
		}
		mark := Mark{X: m.x, Y: m.y, Text: text, Half: k * m.s.half, Full: full, High: m.s.high || m.s.quadrant, Bold: m.s.bold}
		m.phy.Sheet.Marks = append(m.phy.Sheet.Marks, mark)
		m.x += mark.width()
		m.must()
	})
	m.strike(io, "print", engine.AfterMotion)
	m.tell(io)
	return true
}

// dots is ESC * m: 24 pins at 60 to 360 to the inch; other densities take their room and are not
// drawn.
func (m *Model) dots(io *engine.IO, b []byte) {
	step := map[int]int{32: 6, 33: 3, 38: 4, 39: 2, 40: 1}[at(b, 0)]
	m.pace(io)
	io.Do(func() {
		if step > 0 && len(b) > 3 {
			m.phy.Sheet.Dots = append(m.phy.Sheet.Dots, Dots{X: m.x, Y: m.y, Step: step, Rows: append([]byte(nil), b[3:]...)})
			m.x += len(b[3:]) / 3 * step
		}
		m.must()
	})
}

// eject puts the sheet into the tray.
func (m *Model) eject(io *engine.IO) {
	loaded := false
	io.Look(func() { loaded = m.phy.Sheet != nil })
	if !loaded || m.strike(io, "eject", engine.BeforeMotion) || m.strike(io, "eject", engine.MidMotion) {
		return
	}
	m.pace(io)
	io.Do(func() {
		m.drop(io)
		m.must()
	})
	m.strike(io, "eject", engine.AfterMotion)
}
