package crt350n

import "zhigui/sim/device/engine"

var commandTable = []struct{ code, name, zh string }{
	{"C0", "initialise", "初始化"}, {"C10", "status", "查询状态"}, {"C:0", "enable entry", "允许进卡"}, {"C:1", "disable entry", "禁止进卡"},
	{"C20", "timed intake", "限时进卡"}, {"C30", "eject", "退卡"}, {"C31", "capture", "吞卡"}, {"C40", "take in again", "重新吸卡"},
	{"C61", "read track 1", "读一磁道"}, {"C62", "read track 2", "读二磁道"}, {"C63", "read track 3", "读三磁道"}, {"C65", "read all tracks", "读全部磁道"},
	{"C@0", "press IC contacts", "IC 触点下压"}, {"C@2", "release IC contacts", "IC 触点释放"}, {"CI0", "IC cold reset", "IC 冷复位"},
	{"CI1", "IC power off", "IC 下电"}, {"CI2", "IC status", "IC 状态"}, {"CI3", "IC command T=0", "IC 命令 T=0"}, {"CI4", "IC command T=1", "IC 命令 T=1"},
	{"CI8", "IC warm reset", "IC 热复位"}, {"CI9", "IC command", "IC 命令"}, {"CC0", "read retain counter", "读吞卡计数"}, {"CA1", "version", "版本"},
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
