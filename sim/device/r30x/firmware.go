package r30x

import (
	"fmt"
	"strconv"

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
			f, n, state := cut(m.buf)
			if n == 0 {
				break
			}
			raw := m.buf[:n]
			m.buf = m.buf[n:]
			switch {
			case state == "bad":
				io.Reply(wrap(7, 0x01), "", "", "packet error")
			case state == "good" && f.pid == 1 && len(f.data) > 0:
				m.serve(io, raw, f.data)
			case state == "good" && (f.pid == 2 || f.pid == 8):
				m.receive(io, f)
			}
		}
	}
}

// receive takes a data packet of a download.
func (m *Model) receive(io *engine.IO, f frame) {
	io.Heard(f.data, "··", fmt.Sprintf("data, %d bytes", len(f.data)))
	io.Do(func() {
		if m.incoming == 0 {
			return
		}
		m.download = append(m.download, f.data...)
		if f.pid == 8 || len(m.download) > templateSize {
			if len(m.download) == templateSize {
				m.feature[m.incoming] = m.download
			}
			m.incoming, m.download = 0, nil
		}
	})
}

func (m *Model) serve(io *engine.IO, raw, data []byte) {
	cmd := fmt.Sprintf("%02X", data[0])
	shown := ""
	if data[0] == 0x13 {
		shown = "··"
	}
	io.Heard(raw, shown, "instruction "+cmd)
	if !io.Accept(cmd, nil, nil) {
		return
	}
	code := func(f engine.Armed) []byte {
		v, err := strconv.ParseUint(f.Code, 16, 8)
		if err != nil {
			v = 1
		}
		return []byte{byte(v)}
	}
	var out, upload []byte
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit {
		out = code(f)
	} else {
		io.Do(func() { out, upload = m.perform(data) })
		for _, stage := range []engine.Stage{engine.MidMotion, engine.AfterMotion} {
			if f, hit := io.Fire(cmd, stage); hit {
				out, upload = code(f), nil
			}
		}
	}
	if io.ReplyLost(cmd) {
		return
	}
	io.Reply(wrap(7, out...), "", cmd, fmt.Sprintf("code %02X", out[0]))
	for len(upload) > 0 {
		n, pid := min(chunk, len(upload)), byte(2)
		if n == len(upload) {
			pid = 8
		}
		io.Reply(wrap(pid, upload[:n]...), "··", cmd, fmt.Sprintf("data, %d bytes", n))
		upload = upload[n:]
	}
}

func at(data []byte, i int) int {
	if i+1 >= len(data) {
		return 0
	}
	return int(data[i])<<8 | int(data[i+1])
}

// perform obeys an instruction: confirmation code and data, and what is uploaded behind it;
// locked.
func (m *Model) perform(d []byte) (out, upload []byte) {
	say := func(b ...byte) ([]byte, []byte) { return b, nil }
	buffer := 0
	if len(d) > 1 && (d[1] == 1 || d[1] == 2) {
		buffer = int(d[1])
	}
	if !m.open && d[0] != 0x13 && d[0] != 0x0F {
		return say(0x13)
	}
	switch d[0] {
	case 0x13:
		if at(d, 1) != 0 || at(d, 3) != 0 || m.Status("password") != "default" {
			return say(0x13)
		}
		m.open = true
		return say(0)
	case 0x0F: // 200 pages, packets of 128 bytes (code 2), 57600 = 6 · 9600
		return say(0, 0, 0, 0, 9, 0, capacity, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0, 2, 0, 6)
	case 0x01:
		m.image, m.wanted = m.body.Finger, true
		switch {
		case m.Status("window") == "dirty":
			return say(0x03)
		case m.image == "":
			return say(0x02)
		}
		if m.poor = m.body.Poor > 0; m.poor {
			m.body.Poor--
			m.Keep()
		}
		return say(0)
	case 0x02:
		switch {
		case m.image == "" || buffer == 0:
			return say(0x15)
		case m.poor:
			return say(0x07)
		}
		m.feature[buffer] = features(m.image)
		m.wanted = false
		return say(0)
	case 0x03:
		s := score(m.feature[1], m.feature[2])
		if s < 50 {
			return say(0x08, 0, 0)
		}
		return say(0, byte(s>>8), byte(s))
	case 0x04:
		for p := at(d, 2); p < min(capacity, at(d, 2)+at(d, 4)) && buffer > 0; p++ {
			if s := score(m.feature[buffer], m.body.Pages[p]); s >= 50 {
				return say(0, byte(p>>8), byte(p), byte(s>>8), byte(s))
			}
		}
		return say(0x09, 0, 0, 0, 0)
	case 0x05:
		if score(m.feature[1], m.feature[2]) < 50 {
			return say(0x0A)
		}
		m.feature[2] = m.feature[1]
		return say(0)
	case 0x06:
		p := at(d, 2)
		if p >= capacity || buffer == 0 || m.feature[buffer] == nil {
			return say(0x0B)
		}
		m.body.Pages[p] = m.feature[buffer]
		m.Keep()
		return say(0)
	case 0x07:
		p := at(d, 2)
		if m.body.Pages[p] == nil || buffer == 0 {
			return say(0x0C)
		}
		m.feature[buffer] = m.body.Pages[p]
		return say(0)
	case 0x08:
		if buffer == 0 || m.feature[buffer] == nil {
			return say(0x0D)
		}
		return []byte{0}, m.feature[buffer]
	case 0x09:
		if buffer == 0 {
			return say(0x0E)
		}
		m.incoming, m.download = buffer, nil
		return say(0)
	case 0x0C:
		for p := at(d, 1); p < at(d, 1)+at(d, 3); p++ {
			delete(m.body.Pages, p)
		}
		m.Keep()
		return say(0)
	case 0x0D:
		m.body.Pages = map[int][]byte{}
		m.Keep()
		return say(0)
	case 0x1D:
		return say(0, byte(len(m.body.Pages)>>8), byte(len(m.body.Pages)))
	case 0x1F:
		out, block := make([]byte, 33), 0
		if len(d) > 1 {
			block = int(d[1])
		}
		for p := range m.body.Pages {
			if i := p - 256*block; i >= 0 && i < 256 {
				out[1+i/8] |= 1 << (i % 8)
			}
		}
		return out, nil
	}
	return say(0x01)
}
