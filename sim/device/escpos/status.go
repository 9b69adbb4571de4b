package escpos

import "fmt"

// realtime answers DLE EOT n, ahead of everything queued and inside data. n 1 printer, 2
// cause of being offline, 3 error, 4 paper: one byte with bits 1 and 4 set; 17 and 20: the
// kiosk printers' six bytes.
func (m *Model) realtime(n byte) []byte {
	s := m.phy.Status
	set := func(b *byte, on bool, bits byte) {
		if on {
			*b |= bits
		}
	}
	b := byte(0x12)
	switch n {
	case 1:
		set(&b, m.trouble() != "", 0x08)
	case 2:
		set(&b, s["cover"] == "open", 0x04)
		set(&b, m.end(), 0x20)
		set(&b, m.errors() != [3]bool{}, 0x40)
	case 3:
		e := m.errors()
		set(&b, e[0], 0x08)
		set(&b, e[1], 0x20)
		set(&b, e[2], 0x40)
	case 4:
		set(&b, m.near(), 0x0C)
		set(&b, m.end(), 0x60)
	case 17, 20:
		var f [4]byte
		set(&f[0], m.end(), 0x01)
		set(&f[0], m.near(), 0x04)
		set(&f[0], m.exit() > 0, 0x20)
		set(&f[1], s["head"] == "up", 0x01)
		set(&f[1], s["cover"] == "open", 0x02)
		set(&f[2], s["head"] == "hot", 0x01)
		set(&f[2], s["voltage"] != "ok", 0x08)
		set(&f[2], s["jam"] == "yes", 0x40)
		set(&f[3], s["cutter"] != "ok", 0x01)
		set(&f[3], s["unit"] != "ok", 0x40)
		return []byte{0x10, 0x0F, f[0], f[1], f[2], f[3]}
	default:
		return nil
	}
	return []byte{b}
}

// errors: cutter, unrecoverable, recoverable.
func (m *Model) errors() [3]bool {
	s := m.phy.Status
	return [3]bool{s["cutter"] != "ok", s["unit"] != "ok", s["jam"] == "yes" || s["head"] != "ok" || s["voltage"] != "ok"}
}

// asb are the four bytes of the automatic status (GS a).
func (m *Model) asb() [4]byte {
	a := [4]byte{0x10, 0, 0, 0x0F}
	if m.trouble() != "" {
		a[0] |= 0x08
	}
	if m.phy.Status["cover"] == "open" {
		a[0] |= 0x20
	}
	e := m.errors()
	for i, bit := range []byte{0x08, 0x20, 0x40} {
		if e[i] {
			a[1] |= bit
		}
	}
	a[2] = m.paperBits()
	return a
}

func (m *Model) paperBits() byte {
	var b byte
	if m.near() {
		b |= 0x03
	}
	if m.end() {
		b |= 0x0C
	}
	return b
}

var dropSequence = []byte{0x10, 0x14, 0x08, 0x01, 0x03, 0x14, 0x01, 0x06, 0x02, 0x08}

// Tap implements engine.RealTimer.
func (m *Model) Tap(b byte) ([]byte, string) {
	m.rt = append(m.rt, b)
	switch {
	case m.rt[0] != dle:
		m.rt = m.rt[:0]
	case len(m.rt) == 2 && b != 0x04 && b != 0x14:
		m.rt = m.rt[:0]
		if b == dle {
			m.rt = append(m.rt, b)
		}
	case len(m.rt) == 3 && m.rt[1] == 0x04:
		m.rt = m.rt[:0]
		return m.realtime(b), fmt.Sprintf("DLE EOT %d reply", b)
	case m.rt[len(m.rt)-1] != dropSequence[min(len(m.rt), len(dropSequence))-1] && len(m.rt) > 2:
		m.rt = m.rt[:0]
	case len(m.rt) == len(dropSequence):
		m.rt = m.rt[:0]
		m.buf, m.line, m.text, m.dropped = nil, Line{}, nil, true
		m.dev.Discard()
		m.dev.Poke()
	}
	return nil, ""
}
