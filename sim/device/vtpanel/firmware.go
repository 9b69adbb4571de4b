package vtpanel

import (
	"fmt"

	"zhigui/sim/device/engine"
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		m.sendKeys(io)
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		var report string
		m.heard = append(m.heard, b)
		io.Do(func() { report = m.screen.take(b) })
		if len(m.heard) >= 64 || report != "" {
			io.Heard(m.heard, "", fmt.Sprintf("%q", m.heard))
			m.heard = nil
		}
		if report != "" && io.Accept(report, nil, nil) {
			m.report(io, report)
		}
	}
}

// report answers what the host asks.
func (m *Model) report(io *engine.IO, what string) {
	_, hit := io.Fire(what, engine.BeforeMotion)
	var out string
	io.Look(func() {
		switch what {
		case "5n": // device status: ready, or malfunction
			out = "\x1b[0n"
			if hit || m.Status("selfTest") == "malfunction" {
				out = "\x1b[3n"
			}
		case "6n": // cursor position
			out = fmt.Sprintf("\x1b[%d;%dR", m.screen.row+1, m.screen.col+1)
		case "c": // what are you: a VT100 with the advanced video option
			out = "\x1b[?1;2c"
		}
	})
	if !io.ReplyLost(what) {
		io.Reply([]byte(out), "", what, "report "+what)
	}
}

// sendKeys sends what was pressed. Keys may be a password: the trace does not show them.
func (m *Model) sendKeys(io *engine.IO) {
	for {
		var seq string
		io.Look(func() {
			if len(m.pressed) > 0 {
				seq, m.pressed = m.pressed[0], m.pressed[1:]
			}
		})
		if seq == "" {
			return
		}
		if io.ReplyLost("key") {
			continue
		}
		io.Reply([]byte(seq), "··", "key", "key")
		io.Do(func() { m.body.Keys++; m.Keep() })
	}
}
