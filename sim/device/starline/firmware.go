package starline

import "zhigui/sim/device/engine"

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		m.report(io)
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		for _, i := range m.take(io, b) {
			m.perform(io, i)
		}
	}
}

// take adds a byte to what is pending and cuts off what is complete.
func (m *Model) take(io *engine.IO, b byte) (list []item) {
	io.Look(func() {
		m.Go()
		m.buf = append(m.buf, b)
		for {
			i, n := next(m.buf)
			if n == 0 {
				return
			}
			i.arg = append([]byte(nil), i.arg...)
			m.buf = append([]byte(nil), m.buf[n:]...)
			list = append(list, i)
		}
	})
	return list
}

// report sends the automatic status when it is on and has changed.
func (m *Model) report(io *engine.IO) {
	var out []byte
	io.Look(func() {
		if m.auto && m.told != string(m.asb()) {
			out = m.once()
		}
	})
	if out != nil {
		io.Write(out, "ASB")
	}
}

func arg(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// small is a parameter that may be a number or its digit.
func small(b byte) int {
	if b >= '0' && b <= '9' {
		return int(b - '0')
	}
	return int(b)
}

func (m *Model) perform(io *engine.IO, i item) {
	switch i.name {
	case "text":
		io.Look(func() { m.Type(i.arg...) })
		return
	case "LF":
		afterDots := false
		io.Look(func() { afterDots, m.dotted = m.dotted && m.Empty(), false })
		if !afterDots { // the line feed behind a strip of dots is the strip's own
			m.Print(io)
		}
		return
	case "ENQ", "EOT":
		m.short(io, i.name)
		return
	case "skip", "CR":
		return
	}
	io.Heard(i.arg, "", i.name)
	n := small(arg(i.arg, 0))
	switch i.name {
	case "ESC d":
		if n >= 2 { // to the cutter first
			m.Feed(io, 5)
		} else if !m.blank(io) {
			m.Print(io)
		}
		m.Cut(io)
	case "ESC a":
		m.Feed(io, int(arg(i.arg, 0)))
	case "ESC J", "ESC I":
		m.Feed(io, (int(arg(i.arg, 0))+29)/30)
	case "image":
		m.Feed(io, 1)
	case "raster":
		io.Look(func() { m.dotted = true })
		m.Raster(io, int(i.arg[0])|int(i.arg[1])<<8, i.arg[2:])
	case "ESC SYN":
		if n == 0 {
			m.Retract(io)
		}
	case "ETB":
		m.end(io)
	case "ESC GS ETX":
		m.counter(io, i.arg)
	case "ESC GS y P":
		m.QR(io, m.data, m.dots)
	default:
		io.Look(func() { m.set(i.name, i.arg) })
	}
}

func (m *Model) blank(io *engine.IO) (yes bool) {
	io.Look(func() { yes = m.Empty() })
	return yes
}

// set are the commands that only change what comes next; locked.
func (m *Model) set(name string, b []byte) {
	n := small(arg(b, 0))
	switch name {
	case "ESC @":
		m.Restore()
	case "CAN":
		m.Restore()
		m.count, m.reached = 0, false
	case "ESC E":
		m.Bold(true)
	case "ESC F":
		m.Bold(false)
	case "ESC i":
		m.Size(min(small(arg(b, 1)), 5)+1, min(n, 5)+1)
	case "ESC GS a":
		m.Align([]string{"left", "center", "right"}[n%3])
	case "ESC GS A", "ESC GS R":
		m.Place(int(int16(uint16(arg(b, 0))|uint16(arg(b, 1))<<8)), name == "ESC GS R")
	case "ESC RS a":
		m.auto = n != 0
		m.told = string(m.asb())
	case "ESC RS E":
		m.count, m.reached = 0, false
	case "ESC GS y S":
		if arg(b, 0) == '2' {
			m.dots = min(8, max(1, int(arg(b, 1))))
		}
	case "ESC GS y D":
		m.data = string(b[min(4, len(b)):])
	}
}

// end is ETB: when everything before it is printed the counter moves on, and the automatic
// status says so.
func (m *Model) end(io *engine.IO) {
	if !io.Accept("ETB", nil, nil) {
		return
	}
	var out []byte
	io.Do(func() {
		m.count, m.reached = (m.count+1)%32, true
		if m.auto {
			out = m.once()
		}
	})
	if out != nil && !io.ReplyLost("ETB") {
		io.Reply(out, "", "ETB", "ASB: end of the job")
	}
}

// counter is ESC GS ETX s n1 n2: its own bytes come back with a counter behind them.
func (m *Model) counter(io *engine.IO, b []byte) {
	s := arg(b, 0)
	if s == 1 && !m.blank(io) {
		m.Print(io)
	}
	if s > 1 {
		return
	}
	io.Reply([]byte{esc, gs, 0x03, s, arg(b, 1), arg(b, 2), 0x01, 0x00}, "", "ESC GS ETX", "print end counter")
}

// short answers ENQ and EOT; while the automatic status is on they are not for use.
func (m *Model) short(io *engine.IO, name string) {
	var b byte
	on := false
	io.Look(func() {
		on = m.auto
		b = m.enquiry()
		if name == "EOT" {
			b = m.paper()
		}
	})
	if !on {
		io.Reply([]byte{b}, "", name, name+" reply")
	}
}
