package samv

import (
	"fmt"
	"strconv"
	"time"

	"zhigui/sim/device/engine"
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		m.buf = append(m.buf, b)
		for {
			a, n, v := look(m.buf)
			if v == more {
				break
			}
			frame := m.buf[:n]
			m.buf = m.buf[n:]
			switch v {
			case good:
				m.serve(io, frame, a)
			case badSum:
				io.Reply(answer(0x10), "", "", "checksum error")
			case badLen:
				io.Reply(answer(0x11), "", "", "length error")
			}
		}
	}
}

func (m *Model) serve(io *engine.IO, frame []byte, a ask) {
	cmd := fmt.Sprintf("%02X%02X", a.cmd, a.para)
	io.Heard(frame, "", cmd)
	if !io.Accept(cmd, nil, nil) {
		return
	}
	sw := func(f engine.Armed, otherwise byte) byte {
		if v, err := strconv.ParseUint(f.Code, 16, 8); err == nil {
			return byte(v)
		}
		return otherwise
	}
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit {
		io.Reply(answer(sw(f, 0x21)), "", cmd, "fault "+f.Code)
		return
	}
	if a.cmd == 0x30 && a.para != 0x03 {
		io.Sleep(time.Duration(m.cfg.ReadMs) * time.Millisecond)
	}
	var code byte
	var data []byte
	io.Do(func() { code, data = m.perform(a) })
	for _, stage := range []engine.Stage{engine.MidMotion, engine.AfterMotion} {
		if f, hit := io.Fire(cmd, stage); hit {
			code, data = sw(f, 0x41), nil
		}
	}
	if io.ReplyLost(cmd) {
		return
	}
	shown := ""
	if len(data) > 32 { // what the card holds
		shown = engine.Hex(answer(code)[:10]) + " ··"
	}
	io.Reply(answer(code, data...), shown, cmd, fmt.Sprintf("answer %02X, %d bytes", code, len(data)))
}

// perform obeys; locked.
func (m *Model) perform(a ask) (sw byte, data []byte) {
	module := map[string]byte{"ok": 0x90, "selftest": 0x60, "unauthorised": 0x66}[m.Status("module")]
	p, card := m.person()
	switch [2]byte{a.cmd, a.para} {
	case [2]byte{0x10, 0xFF}:
		m.found, m.selected, m.spent, m.wanted = false, false, false, false
		return 0x90, nil
	case [2]byte{0x11, 0xFF}:
		return module, nil
	case [2]byte{0x12, 0xFF}: // 05.03-20260101-0000001234-0000005678
		return 0x90, []byte{5, 0, 3, 0, 0x05, 0x25, 0x35, 0x01, 0xD2, 4, 0, 0, 0x2E, 0x16, 0, 0}
	case [2]byte{0x20, 0x01}:
		m.found, m.selected, m.wanted = false, false, true
		switch {
		case module != 0x90:
			return module, nil
		case !card, m.spent && m.Trait("again") == "lift":
			return 0x80, nil
		}
		m.found = true
		return 0x9F, make([]byte, 4)
	case [2]byte{0x20, 0x02}:
		switch {
		case !card || !m.found:
			return 0x81, nil
		case m.Status("genuine") == "no":
			return 0x31, nil
		}
		m.selected = true
		return 0x90, make([]byte, 8)
	case [2]byte{0x30, 0x01}, [2]byte{0x30, 0x10}:
		if !card || !m.selected {
			return 0x41, nil
		}
		m.found, m.selected, m.spent, m.wanted = false, false, true, false
		m.body.Reads++
		m.Keep()
		blocks := [][]byte{p.text(), p.photo()}
		if a.para == 0x10 {
			fingers := []byte{}
			if p.Fingers {
				fingers = p.fingers()
			}
			blocks = append(blocks, fingers)
		}
		for _, b := range blocks {
			data = append(data, byte(len(b)>>8), byte(len(b)))
		}
		for _, b := range blocks {
			data = append(data, b...)
		}
		return 0x90, data
	case [2]byte{0x30, 0x03}:
		return 0x91, nil
	case [2]byte{0x60, a.para}, [2]byte{0x61, 0xFF}:
		return 0x90, nil
	}
	return 0x21, nil
}
