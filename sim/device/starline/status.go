package starline

// spread puts a number of five bits where Star's status bytes have room: bits 1, 2, 3, 5, 6;
// bits 0, 4 and 7 tell the kinds of answers apart.
func spread(n int) byte {
	return byte(n&7)<<1 | byte(n>>3&3)<<5
}

func bit(on bool, b byte) byte {
	if on {
		return b
	}
	return 0
}

// length of the automatic status: two headers and seven bytes.
const length = 9

// asb is the automatic status, which ESC ACK SOH asks for too; locked. The mark that an ETB was
// reached is told once.
func (m *Model) asb() []byte {
	a := make([]byte, length)
	a[0] = spread(length) | 1
	a[1] = spread(version)
	a[2] = bit(m.Stuck("cover") == "open", 0x20) | bit(m.Stands(), 0x08) | bit(m.reached, 0x02)
	a[3] = bit(m.Stuck("head") != "ok", 0x40) | bit(m.Stuck("unit") != "ok" || m.Stuck("voltage") != "ok", 0x20) | bit(m.Stuck("cutter") != "ok", 0x08)
	a[4] = bit(m.Stuck("jam") == "yes", 0x04)
	a[5] = bit(m.End(), 0x08) | bit(m.Near(), 0x04)
	a[6] = bit(m.Last() == "exit", 0x02)
	a[7] = spread(m.count)
	a[8] = spread(m.place())
	return a
}

// version of the status; 3 has the ETB counter and the presenter.
const version = 3

// place of the paper in the presenter: 0 none, 1 being supplied, 3 at the exit, 6 drawn back, 7
// pulled out.
func (m *Model) place() int {
	switch {
	case m.open:
		return 0
	case m.Last() == "exit":
		return 3
	case m.Printing():
		return 1
	case m.Last() == "retracted":
		return 6
	case m.Last() == "taken":
		return 7
	}
	return 0
}

// once is the status to be sent: the ETB mark is told once.
func (m *Model) once() []byte {
	a := m.asb()
	m.reached = false
	m.told = string(m.asb())
	return a
}

// enquiry answers ENQ: bits 5 buffer empty, 3 paper end, 2 other error (unit, cover).
func (m *Model) enquiry() byte {
	return bit(len(m.buf) == 0 && m.Empty(), 0x20) | bit(m.End(), 0x08) |
		bit(m.Stuck("unit") != "ok" || m.Stuck("cover") == "open", 0x04)
}

// paper answers EOT: bits 6 presenter jam, 4 always, 3 paper end, 2 near end.
func (m *Model) paper() byte {
	return 0x10 | bit(m.Stuck("jam") == "yes", 0x40) | bit(m.End(), 0x08) | bit(m.Near(), 0x04)
}

// Tap implements engine.RealTimer: ESC ACK SOH (status) and ESC ACK CAN (reset) act when they
// arrive, also inside data.
func (m *Model) Tap(b byte) ([]byte, string) {
	m.rt = append(m.rt, b)
	switch n := len(m.rt); {
	case m.rt[0] != esc:
		m.rt = m.rt[:0]
	case n == 2 && b == esc:
		m.rt = m.rt[:1]
	case n == 2 && b != ack:
		m.rt = m.rt[:0]
	case n == 3:
		m.rt = m.rt[:0]
		switch b {
		case 0x01:
			return m.once(), "ESC ACK SOH reply"
		case can:
			m.buf, m.auto, m.count, m.reached = nil, false, 0, false
			m.Restore()
			m.Drop()
		}
	}
	return nil, ""
}
