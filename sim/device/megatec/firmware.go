package megatec

import (
	"fmt"
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

// status is the reading now; locked.
func (m *Model) status() status {
	s := status{in: 220, fault: m.body.FaultIn, out: 220, load: m.body.Load, hertz: 50, battery: 20 + 7.3*float64(m.body.Battery)/100, celsius: 25}
	switch m.Status("mains") {
	case "fail":
		s.in = 0
	case "low":
		s.in = 165
	}
	if !m.body.Output {
		s.out, s.load = 0, 0
	}
	if m.Status("temperature") == "hot" {
		s.celsius = 58
	}
	s.bits = [8]bool{m.Status("mains") == "fail", m.body.Battery < 20, m.Status("bypass") == "on", m.Status("unit") == "failed", true, !m.until.IsZero(), !m.body.OffAt.IsZero(), !m.body.Silent}
	return s
}

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		var wait time.Duration
		io.Do(func() { wait = m.pass(io.Now()) })
		b, w := io.Next(wait)
		if w != engine.GotByte {
			continue
		}
		switch {
		case b == '\r':
			line := string(m.line)
			m.line = nil
			m.serve(io, line)
		case len(m.line) < 32:
			m.line = append(m.line, b)
		default:
			m.line = nil
		}
	}
}

// pass does what is due and says how long nothing else is; locked.
func (m *Model) pass(now time.Time) time.Duration {
	wait := engine.Forever
	due := func(t *time.Time, do func()) {
		if t.IsZero() {
			return
		}
		left := t.Sub(now)
		if left <= 0 {
			*t = time.Time{}
			do()
			m.Keep()
			return
		}
		if wait < 0 || left < wait {
			wait = left
		}
	}
	due(&m.until, func() {})
	due(&m.body.OffAt, func() {
		m.body.Output = false
		m.body.Shutdown++
		if m.body.OnAfter >= 0 {
			m.body.OnAt = now.Add(m.minutes(float64(m.body.OnAfter)))
		}
	})
	if m.Status("mains") != "fail" { // without mains it does not come back
		due(&m.body.OnAt, func() { m.body.Output = true })
	}
	return wait
}

func (m *Model) minutes(n float64) time.Duration {
	return time.Duration(n * float64(m.cfg.MinuteMs) * float64(time.Millisecond))
}

func (m *Model) serve(io *engine.IO, line string) {
	c := understand(line)
	cmd := c.name
	if cmd == "Q" {
		cmd = "BEEP" // faults are bound by prefix: Q would be Q1, too
	}
	io.Heard([]byte(line+"\r"), "", line)
	if !io.Accept(cmd, nil, nil) {
		return
	}
	echo := func() { io.Reply([]byte(line+"\r"), "", cmd, "echo: not known") }
	if cmd == "" || (cmd == "I" || cmd == "F") && m.Trait("identity") == "no" {
		echo()
		return
	}
	if a, hit := io.Fire(cmd, engine.BeforeMotion); hit {
		switch a.Code {
		case "ECHO":
			echo()
			return
		case "DEAF":
			return
		case "UPSFAIL":
			io.Do(func() { _ = m.SetStatus("unit", "failed") })
		}
	}
	var out string
	io.Do(func() { out = m.perform(c, io.Now()) })
	if a, hit := io.Fire(cmd, engine.AfterMotion); hit && a.Code == "UPSFAIL" {
		io.Do(func() { _ = m.SetStatus("unit", "failed") })
	}
	if out != "" && !io.ReplyLost(cmd) {
		io.Reply([]byte(out), "", cmd, strings.TrimSpace(out))
	}
}

// perform obeys and gives the answer, if the command has one; locked.
func (m *Model) perform(c command, now time.Time) (out string) {
	switch c.name {
	case "Q1":
		out = m.status().String()
		if m.Status("temperature") == "none" {
			out = strings.Replace(out, " 25.0 ", " --.- ", 1)
		}
		return out
	case "F":
		return "#220.0 005 24.00 50.0\r"
	case "I":
		return fmt.Sprintf("#%-15s %-10s %-10s\r", "ZHIGUI-VIRTUAL", "V-UPS1000", "VER 1.0")
	case "T", "TL":
		if c.length == 0 {
			c.length = 30 * time.Minute
		}
		m.until = now.Add(time.Duration(float64(c.length) * float64(m.cfg.MinuteMs) / 60000))
	case "CT":
		m.until = time.Time{}
	case "S":
		m.body.OffAt, m.body.OnAfter = now.Add(m.minutes(c.minutes)), c.restore
		switch c.restore {
		case 0: // R0000: stays off
			m.body.OnAfter = -1
		case -1: // without R: as soon as there is mains
			m.body.OnAfter = 0
		}
	case "C":
		m.body.OffAt, m.body.OnAt = time.Time{}, time.Time{}
		m.body.Output = true
	case "Q":
		m.body.Silent = !m.body.Silent
	}
	m.Keep()
	return ""
}
