package escpos

import (
	"fmt"
	"time"

	"zhigui/sim/device/engine"
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	io.Do(func() { m.lastASB = m.asb() })
	for {
		m.report(io)
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		for _, o := range m.take(io, b) {
			m.perform(io, o)
		}
	}
}

// take adds a byte to what is pending and cuts off what is complete.
func (m *Model) take(io *engine.IO, b byte) []op {
	var list []op
	io.Look(func() {
		m.dropped = false
		m.buf = append(m.buf, b)
		for {
			o, n := next(m.buf)
			if n == 0 {
				break
			}
			o.arg = append([]byte(nil), o.arg...)
			m.buf = append([]byte(nil), m.buf[n:]...)
			list = append(list, o)
		}
	})
	return list
}

// report sends the automatic status when it has changed.
func (m *Model) report(io *engine.IO) {
	var out []byte
	io.Look(func() {
		if a := m.asb(); m.asbMask != 0 && a != m.lastASB {
			m.lastASB = a
			out = append(out, a[:]...)
		}
	})
	if out != nil {
		io.Write(out, "ASB")
	}
}

func first(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (m *Model) perform(io *engine.IO, o op) {
	if o.name == "text" {
		io.Look(func() { m.text = append(m.text, o.arg...) })
		return
	}
	if o.name != "LF" {
		io.Heard(o.arg, "", o.name)
	}
	n := first(o.arg)
	switch o.name {
	case "LF":
		m.printLine(io)
	case "ESC d":
		m.feed(io, int(n))
	case "ESC J":
		m.feed(io, (int(n)+lineDots-1)/lineDots)
	case "GS V":
		m.cut(io)
	case "ESC i", "ESC m":
		m.cut(io)
	case "GS e":
		m.present(io, n)
	case "GS r":
		if io.Accept("GS r", nil, nil) && !io.ReplyLost("GS r") {
			var b byte
			io.Look(func() { b = m.paperBits() })
			io.Reply([]byte{b}, "", "GS r", "GS r reply: paper status")
		}
	case "GS a":
		var a [4]byte
		io.Look(func() { m.asbMask = n; a = m.asb(); m.lastASB = a })
		if n != 0 {
			io.Write(a[:], "ASB")
		}
	case "GS I":
		m.identity(io, n)
	case "GS ( k":
		m.qr(io, o.arg)
	case "GS ( L":
		m.graphics(io, o.arg[3:])
	case "GS 8":
		m.graphics(io, o.arg[5:])
	case "GS v":
		if len(o.arg) >= 6 {
			m.raster(io, word(o.arg[2:]), o.arg[6:])
		}
	case "ESC *":
		if n >= 32 && len(o.arg) > 3 {
			m.columns(io, 3, o.arg[3:])
		}
	default:
		io.Look(func() { m.styleOp(o.name, n, o.arg) })
	}
}

// identity is GS I: 66 maker and 67 model are words between 5F and 00, the rest is a number.
func (m *Model) identity(io *engine.IO, n byte) {
	out := []byte{0x20}
	if word := map[byte]string{66: "ZHIGUI", 67: "SIM80"}[n]; word != "" {
		out = append(append([]byte{0x5F}, word...), 0)
	}
	io.Reply(out, "", "GS I", "printer id")
}

// styleOp are the commands that only change how the next text looks; locked.
func (m *Model) styleOp(name string, n byte, arg []byte) {
	m.flushText()
	switch name {
	case "ESC @":
		m.reset()
	case "ESC a":
		m.align = []string{"left", "center", "right"}[n%3]
	case "ESC $":
		m.Place(word(arg), false)
	case "ESC \\":
		m.Place(int(int16(word(arg))), true)
	case "FS &", "FS .":
		m.single = name == "FS ."
	case "ESC E", "ESC G":
		m.style.Bold = n&1 == 1
	case "GS !":
		m.style.W, m.style.H = int(n>>4&7)+1, int(n&7)+1
	case "ESC !":
		m.style.Bold = n&0x08 != 0
		m.style.W, m.style.H = 1+int(n>>5&1), 1+int(n>>4&1)
	}
}

// flushText ends a span: the style changes or the line ends.
func (m *Model) flushText() {
	if len(m.text) == 0 {
		return
	}
	s := m.style
	s.Text = decodeText(m.text, m.single)
	m.text = nil
	if s.Text != "" {
		m.line.Spans = append(m.line.Spans, s)
	}
}

// ready waits until printing is possible; false: the host dropped the buffer meanwhile.
func (m *Model) ready(io *engine.IO) bool {
	for {
		why, gone, halted := "", false, false
		io.Look(func() { why, gone, halted = m.trouble(), m.dropped, m.halted })
		if why == "" || gone {
			if halted {
				io.Do(func() { m.halted = false })
			}
			return !gone
		}
		io.Do(func() { m.halted = true })
		m.tell(io)
		io.AwaitPoke()
	}
}

// strike plays armed faults: they put the printer into a state that lasts until a person
// mends it.
func (m *Model) strike(io *engine.IO, cmd string, s engine.Stage) {
	f, hit := io.Fire(cmd, s)
	if !hit || f.Code == engine.FaultNone {
		return
	}
	io.Do(func() {
		for _, e := range faultTable {
			if e.code == f.Code && e.status != "" {
				m.phy.Status[e.status] = e.value
			}
		}
		if f.Code == "PE" {
			m.phy.PaperTenths = 0
		}
		m.must()
	})
}

func (m *Model) must() {
	if err := m.save(); err != nil {
		panic(err)
	}
}

// paper moves the paper on; a line is 3.75 mm.
func (m *Model) paper(lines int) { m.phy.PaperTenths = max(0, m.phy.PaperTenths-375*lines/10) }

func (m *Model) printLine(io *engine.IO) {
	m.strike(io, "print", engine.BeforeMotion)
	m.strike(io, "print", engine.MidMotion)
	if !m.ready(io) {
		return
	}
	io.Sleep(time.Duration(m.cfg.LineMs) * time.Millisecond)
	io.Do(func() {
		m.flushText()
		m.line.Align = m.align
		for _, l := range wrap(m.line) {
			m.phy.Current = append(m.phy.Current, l)
			m.paper(l.height())
		}
		m.line = Line{}
		m.must()
	})
	m.strike(io, "print", engine.AfterMotion)
}

func (m *Model) feed(io *engine.IO, n int) {
	pending := false
	io.Look(func() { pending = len(m.text) > 0 || len(m.line.Spans) > 0 })
	if pending {
		m.printLine(io)
	}
	if !m.ready(io) {
		return
	}
	io.Do(func() {
		for range n {
			m.phy.Current = append(m.phy.Current, Line{Align: "left"})
		}
		m.paper(n)
		m.must()
	})
}

func (m *Model) cut(io *engine.IO) {
	m.strike(io, "cut", engine.BeforeMotion)
	m.strike(io, "cut", engine.MidMotion)
	if !m.ready(io) {
		return
	}
	io.Do(func() {
		if len(m.phy.Current) == 0 {
			return
		}
		m.leave("dropped")
		t := Ticket{N: m.phy.Next, At: io.Now(), Lines: m.phy.Current}
		if m.cfg.Presenter == "off" {
			t.Gone = "dropped"
		}
		m.phy.Next++
		m.phy.Tickets = append(m.phy.Tickets, t)
		if n := len(m.phy.Tickets); n > keepTickets {
			m.phy.Tickets = append([]Ticket(nil), m.phy.Tickets[n-keepTickets:]...)
		}
		m.phy.Current = nil
		m.must()
	})
	m.strike(io, "cut", engine.AfterMotion)
}

// present is GS e: 5 ejects what lies at the exit, 2 draws it back (assumed, Custom's family).
func (m *Model) present(io *engine.IO, n byte) {
	m.strike(io, "eject", engine.BeforeMotion)
	io.Do(func() {
		switch n {
		case 5:
			m.leave("dropped")
		case 2:
			m.leave("retracted")
		}
		m.must()
	})
}

// qr is GS ( k of symbol 49: function 67 module size, 80 store, 81 print.
func (m *Model) qr(io *engine.IO, arg []byte) {
	if len(arg) < 5 || arg[3] != 49 {
		return
	}
	fn, data := arg[4], arg[5:]
	switch fn {
	case 67:
		io.Look(func() { m.qrDots = min(16, max(1, int(first(data)))) })
	case 80:
		if len(data) > 1 {
			io.Look(func() { m.qrData = string(data[1:]) })
		}
	case 81:
		if !m.ready(io) {
			return
		}
		io.Do(func() { m.symbol(m.qrData, m.qrDots) })
	}
}

// symbol prints a QR code; locked.
func (m *Model) symbol(data string, dots int) {
	if data == "" {
		return
	}
	l := Line{Align: m.align, QR: data, Dots: dots}
	m.phy.Current = append(m.phy.Current, l)
	m.paper((lineHeight(l) + lineDots - 1) / lineDots)
	m.must()
}

// raster prints rows of dots, row bytes each; too wide ones are cut off.
func (m *Model) raster(io *engine.IO, row int, dots []byte) {
	if row <= 0 || row > paperDots || len(dots) < row || !m.ready(io) {
		return
	}
	rows := len(dots) / row
	l := Line{Row: min(row, Columns*colDots/8)}
	for y := range rows {
		l.Raster = append(l.Raster, dots[y*row:y*row+l.Row]...)
	}
	io.Do(func() {
		l.Align = m.align
		m.phy.Current = append(m.phy.Current, l)
		m.paper((rows + lineDots - 1) / lineDots)
		m.must()
	})
}

// columns prints dots that come column by column, high bytes each.
func (m *Model) columns(io *engine.IO, high int, dots []byte) {
	width := len(dots) / high
	row := (width + 7) / 8
	out := make([]byte, row*8*high)
	for x := range width {
		for y := range 8 * high {
			if dots[x*high+y/8]&(0x80>>(y%8)) != 0 {
				out[y*row+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	m.raster(io, row, out)
}

func word(b []byte) int { return int(b[0]) | int(b[1])<<8 }

// graphics is GS ( L and GS 8 L: function 112 keeps a picture in dots, 50 prints it.
func (m *Model) graphics(io *engine.IO, arg []byte) {
	switch {
	case len(arg) >= 10 && arg[1] == 112:
		io.Look(func() { m.kept = Line{Row: (word(arg[6:]) + 7) / 8, Raster: append([]byte(nil), arg[10:]...)} })
	case len(arg) >= 2 && (arg[1] == 50 || arg[1] == 2):
		var l Line
		io.Look(func() { l = m.kept })
		m.raster(io, l.Row, l.Raster)
	}
}

// Picture is one form of a ticket: txt, svg, png or json.
func (t Ticket) Picture(form string) (body []byte, contentType string, err error) {
	switch form {
	case "txt":
		return []byte(t.Text()), "text/plain; charset=utf-8", nil
	case "svg":
		return []byte(t.SVG()), "image/svg+xml", nil
	case "png":
		body, err = t.PNG()
		return body, "image/png", err
	}
	return nil, "", fmt.Errorf("no form %q", form)
}
