package gm65

import (
	"bytes"
	"fmt"
	"time"

	"zhigui/sim/device/engine"
)

// The triggers of plain scanners: SYN T CR and SYN U CR (Honeywell's).
var plainOn, plainOff = []byte{0x16, 'T', '\r'}, []byte{0x16, 'U', '\r'}

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	var until time.Time // the scan gives up; zero: never
	for {
		wait := engine.Forever
		var looks, sees bool
		io.Look(func() {
			mode := m.mode()
			looks = m.scanning || mode == "continuous" || mode == "sensing"
			sees = m.body.Code != nil && !m.missed && m.Status("window") == "clean"
		})
		if looks && sees {
			m.read(io)
			continue
		}
		if m.scanning && !until.IsZero() {
			if wait = until.Sub(io.Now()); wait <= 0 {
				io.Do(func() { m.scanning = false })
				continue
			}
		}
		b, w := io.Next(wait)
		if w != engine.GotByte {
			continue
		}
		if m.hear(io, b) {
			until = time.Time{}
			if t := m.zones[0x0006]; t > 0 && m.Trait("language") == "grow" {
				until = io.Now().Add(time.Duration(t) * 100 * time.Millisecond)
			}
		}
	}
}

// hear takes a byte of the line; true when a scan was begun.
func (m *Model) hear(io *engine.IO, b byte) (began bool) {
	m.buf = append(m.buf, b)
	if m.Trait("language") == "plain" {
		m.buf = m.buf[max(0, len(m.buf)-3):]
		on := bytes.Equal(m.buf, plainOn)
		if on || bytes.Equal(m.buf, plainOff) {
			io.Heard(m.buf, "", map[bool]string{true: "trigger on", false: "trigger off"}[on])
			if io.Accept("scan", nil, nil) {
				io.Do(func() { m.scanning, m.missed = on, false })
			}
		}
		return on
	}
	for {
		r, n, ok := parse(m.buf)
		if n == 0 {
			return began
		}
		frame := m.buf[:n]
		m.buf = m.buf[n:]
		if ok {
			began = m.serve(io, frame, r) || began
		}
	}
}

func (m *Model) serve(io *engine.IO, frame []byte, r request) (began bool) {
	name := fmt.Sprintf("%02X", r.op)
	io.Heard(frame, "", fmt.Sprintf("%s zone %04X % X", name, r.zone, r.data))
	if !io.Accept(name, nil, nil) {
		return false
	}
	out := answer(0x02, 0x00)
	switch r.op {
	case readZone:
		n := 0
		if len(r.data) > 0 {
			n = int(r.data[0])
		}
		data := make([]byte, n)
		for i := range data {
			data[i] = m.zones[r.zone+i]
		}
		out = answer(0x02, data...)
	case writeZone:
		io.Do(func() {
			for i, v := range r.data {
				m.zones[r.zone+i] = v
			}
			if r.zone == 0x0002 && len(r.data) > 0 {
				began = r.data[0]&1 == 1
				m.scanning = began
				m.missed = m.missed && !began
				m.zones[0x0002] &^= 1 // it falls back by itself
			}
			if r.zone == 0x00D9 && len(r.data) > 0 && r.data[0] == 0x50 {
				m.PowerOff()
			}
		})
	case saveZones:
		io.Do(func() {
			for k, v := range m.zones {
				m.body.Flash[k] = v
			}
			m.Keep()
		})
	case heartbeat:
		out = answer(0x03, 0x00)
	default:
		return false
	}
	if !io.ReplyLost(name) {
		io.Reply(out, "", name, "answer "+name)
	}
	return began
}

// read decodes the symbol before the window and sends it.
func (m *Model) read(io *engine.IO) {
	io.Sleep(time.Duration(m.cfg.DecodeMs) * time.Millisecond)
	if _, hit := io.Fire("scan", engine.BeforeMotion); hit {
		io.Do(func() { m.missed = true })
		return
	}
	var text, tail string
	io.Do(func() {
		c := m.body.Code
		if c == nil { // taken away while it was looked at
			return
		}
		text, tail = c.Text, tails[m.Trait("tail")]
		if m.Trait("aimId") == "on" {
			text = c.Aim + text
		}
		m.scanning, m.missed = false, true
		m.body.Reads++
		if !c.Hold {
			m.body.Code = nil
		}
		m.Keep()
	})
	if text == "" {
		return
	}
	if _, hit := io.Fire("scan", engine.MidMotion); hit {
		text, tail = text[:len(text)/2], ""
	}
	if _, hit := io.Fire("scan", engine.AfterMotion); hit {
		tail = ""
	}
	if io.ReplyLost("scan") {
		return
	}
	io.Reply([]byte(text+tail), "··", "scan", fmt.Sprintf("code of %d bytes", len(text)))
}
