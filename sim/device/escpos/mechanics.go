package escpos

import (
	"strings"

	"zhigui/sim/device/engine"
)

// The mechanics without the language: another make's firmware prints on the same paper
// (package starline embeds a Model and has its own Run). What takes an IO moves something and
// plays the armed faults; the rest is called locked.

// OnTrouble says what is called when the state changed while the printer stands still.
func (m *Model) OnTrouble(f func(*engine.IO)) { m.tell = f }

// Type adds bytes in GB18030 to the line.
func (m *Model) Type(b ...byte) { m.text = append(m.text, b...) }

// Restore puts the settings of the text back, as after power on.
func (m *Model) Restore() { m.reset() }

// Bold, Size and Align change how the next text looks; the alignment counts for whole lines.
func (m *Model) Bold(on bool) { m.flushText(); m.style.Bold = on }

// Size is how many times as wide and as high.
func (m *Model) Size(w, h int) { m.flushText(); m.style.W, m.style.H = w, h }

// Align is left, center or right.
func (m *Model) Align(how string) { m.flushText(); m.align = how }

// Place goes to a place of the line, in dots from its begin, or from where it is. It is rounded to
// columns; what lies behind is not printed over.
func (m *Model) Place(dots int, fromHere bool) {
	m.flushText()
	here := m.line.columns()
	to := (dots + colDots/2) / colDots
	if fromHere {
		to += here
	}
	if n := min(to, Columns) - here; n > 0 {
		m.line.Spans = append(m.line.Spans, Span{Text: strings.Repeat(" ", n), W: 1, H: 1})
	}
}

// Print prints the line; Feed moves the paper on by lines.
func (m *Model) Print(io *engine.IO) { m.printLine(io) }

// Feed prints what is in the line and moves the paper on.
func (m *Model) Feed(io *engine.IO, lines int) { m.feed(io, lines) }

// Cut cuts the ticket off; Retract draws back what lies at the exit.
func (m *Model) Cut(io *engine.IO) { m.cut(io) }

// Retract draws back what lies at the exit.
func (m *Model) Retract(io *engine.IO) { m.present(io, 2) }

// QR prints a symbol with modules of so many dots.
func (m *Model) QR(io *engine.IO, data string, dots int) {
	if m.ready(io) {
		io.Do(func() { m.symbol(data, dots) })
	}
}

// Raster prints rows of dots, eight a byte, row bytes each.
func (m *Model) Raster(io *engine.IO, row int, dots []byte) { m.raster(io, row, dots) }

// Drop forgets what is buffered; a standing printer goes on without it.
func (m *Model) Drop() {
	m.line, m.text, m.dropped = Line{}, nil, true
	m.dev.Discard()
	m.dev.Poke()
}

// Go ends the effect of Drop: what comes now is printed.
func (m *Model) Go() { m.dropped = false }

// Empty reports whether nothing waits in the line.
func (m *Model) Empty() bool { return len(m.text) == 0 && len(m.line.Spans) == 0 }

// Stuck is the value of a status: cover, jam, cutter, head, voltage, unit.
func (m *Model) Stuck(name string) string { return m.phy.Status[name] }

// Stands reports whether the printer cannot print.
func (m *Model) Stands() bool { return m.trouble() != "" }

// Near and End are the two sensors of the roll.
func (m *Model) Near() bool { return m.near() }

// End reports that there is no paper.
func (m *Model) End() bool { return m.end() }

// Last says where the ticket cut last is: "none", "exit", "taken", "retracted" or "dropped".
func (m *Model) Last() string {
	n := len(m.phy.Tickets)
	switch {
	case n == 0:
		return "none"
	case m.phy.Tickets[n-1].Gone == "":
		return "exit"
	}
	return m.phy.Tickets[n-1].Gone
}

// Printing reports paper that is printed and not yet cut.
func (m *Model) Printing() bool { return len(m.phy.Current) > 0 }
