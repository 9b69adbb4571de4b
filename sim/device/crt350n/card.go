package crt350n

import (
	"encoding/hex"

	"zhigui/sim/device/engine"
)

var commandTable = []struct{ code, name, zh string }{
	{"C0", "initialise", "初始化"}, {"C10", "status", "查询状态"}, {"C:0", "enable entry", "允许进卡"}, {"C:1", "disable entry", "禁止进卡"},
	{"C20", "timed intake", "限时进卡"}, {"C30", "eject", "退卡"}, {"C31", "capture", "吞卡"}, {"C40", "take in again", "重新吸卡"},
	{"C61", "read track 1", "读一磁道"}, {"C62", "read track 2", "读二磁道"}, {"C63", "read track 3", "读三磁道"}, {"C65", "read all tracks", "读全部磁道"},
	{"C@0", "press IC contacts", "IC 触点下压"}, {"CI0", "IC cold reset", "IC 冷复位"}, {"CC0", "read retain counter", "读吞卡计数"}, {"CA1", "version", "版本"},
}

func title(cmd string) string {
	best := ""
	n := 0
	for _, c := range commandTable {
		if len(c.code) > n && len(cmd) >= len(c.code) && cmd[:len(c.code)] == c.code {
			best, n = c.name, len(c.code)
		}
	}
	return best
}

// read: C61 to C63 one track, C65 all of them with ~ between.
func (m *Model) read(io *engine.IO, cmd string) answer {
	var a answer
	m.motion(io)
	if f, hit := io.Fire(cmd, engine.MidMotion); hit && f.Code != engine.FaultNone {
		return answer{err: wire(f.Code)}
	}
	io.Do(func() {
		c := m.phy.Card
		switch {
		case m.phy.Position != Inside || c == nil:
			a.err = "02"
		case cmd == "C66" || cmd == "C67":
		case cmd >= "C61" && cmd <= "C63":
			n := int(cmd[2] - '0')
			var data string
			data, a.err = m.track(n)
			a.data = []byte(data)
		case cmd == "C65":
			for n := 1; n <= 3; n++ {
				data, _ := m.track(n) // a track that cannot be read is empty
				if n > 1 {
					a.data = append(a.data, '~')
				}
				a.data = append(a.data, data...)
			}
		default:
			a.err = "03"
		}
	})
	return a
}

func (m *Model) track(n int) (data, code string) {
	if !m.phy.Card.Mag {
		return "", "24"
	}
	raw := m.phy.Card.Tracks[n-1]
	if raw == nil {
		raw = []byte{}
	}
	return DecodeTrack(n, raw)
}

// sensors is C11's data, assumed: eight characters 0 or 1: gate, entry, middle, rear,
// shutter, motor, IC contact, bin full.
func (m *Model) sensors(io *engine.IO) []byte {
	out := []byte("00000000")
	io.Do(func() {
		switch m.phy.Position {
		case Mouth:
			out[0] = '1'
		case Inside:
			out[2] = '1'
		}
		for i, k := range map[int]string{4: "shutter", 5: "motor"} {
			if m.stuck[k] == "error" {
				out[i] = '1'
			}
		}
		if m.contacts {
			out[6] = '1'
		}
		if m.stuck["bin"] == "full" {
			out[7] = '1'
		}
	})
	return out
}

// demoATR is the answer to reset of the demo chip: T=0, direct convention, four
// historical characters.
var demoATR, _ = hex.DecodeString("3B6400005A475349")

// chip: contacts and a chip that answers each APDU with 6D00; there is no application on it.
func (m *Model) chip(io *engine.IO, cmd string, data []byte) answer {
	var a answer
	io.Do(func() {
		c := m.phy.Card
		switch {
		case m.phy.Position != Inside || c == nil:
			a.err = "02"
		case cmd == "C@0":
			m.contacts = true
		case cmd == "C@2":
			m.contacts, m.chipOn = false, false
		case !m.contacts:
			a.err = "43"
		case !c.IC:
			a.err = "63"
		case cmd == "CI0" || cmd == "CI8":
			m.chipOn = true
			a.data = append([]byte{'0'}, demoATR...)
		case cmd == "CI1":
			m.chipOn = false
		case cmd == "CI2":
			a.data = []byte("0")
			if m.chipOn {
				a.data = []byte("1")
			}
		case !m.chipOn:
			a.err = "65"
		case cmd == "CI3" || cmd == "CI4" || cmd == "CI9":
			if len(data) < 4 {
				a.err = "04"
				return
			}
			a.data = []byte{0x6D, 0x00}
		default:
			a.err = "03"
		}
	})
	return a
}
