package omron3s4yr

import (
	"fmt"
	"strings"
	"time"

	"zhigui/sim/device/crt350n"
	"zhigui/sim/device/engine"
)

const charGap = 500 * time.Millisecond // the maker allows 5 s between characters

// Run implements engine.Model: the control matrix of 1.6. Pending text is its state 3.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		if b != dle {
			io.Heard([]byte{b}, "", "noise")
			continue
		}
		h, text, raw := decode(func() (byte, bool) { return io.Byte(charGap) })
		switch h {
		case nothing:
			io.Heard(raw, "", "noise")
		case abort:
			io.Heard(raw, "", "DLE EOT: interrupt")
			io.Do(func() { m.pending = "" })
		case broken:
			io.Heard(raw, "", "bad text")
			io.Do(func() { m.pending = "" })
			io.Write([]byte{dle, nak}, "DLE NAK")
		case command:
			cmd := text[1:3]
			io.Heard(raw, "", cmd+" "+title(cmd))
			if io.Accept(cmd, []byte{dle, ack}, []byte{dle, nak}) {
				io.Do(func() { m.pending = text })
			}
		case execute:
			io.Heard(raw, "", "DLE ENQ")
			m.enquired(io)
		}
	}
}

// enquired runs the pending command, or in the idle state sends the last response again.
func (m *Model) enquired(io *engine.IO) {
	text := ""
	var again []byte
	var cmd, shown string
	io.Do(func() { text, again, cmd, shown = m.pending, m.last, m.lastOf, m.shown; m.pending = "" })
	switch {
	case text != "":
		m.execute(io, text[1:3], text[3:])
	case again != nil:
		io.Reply(again, shown, cmd, cmd+" response (again)")
	}
}

// mechanical errors make the reader wait for an initial reset.
func mechanical(e string) bool { return len(e) == 2 && e[0] == '1' && e < "20" }

func (m *Model) execute(io *engine.IO, cmd, data string) {
	bad, out := "", ""
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		bad = f.Code
	} else {
		bad, out = m.command(io, cmd, data)
		if f, hit := io.Fire(cmd, engine.AfterMotion); hit && f.Code != engine.FaultNone {
			bad, out = f.Code, ""
		}
	}
	io.Drain() // while it works the reader hears nothing but DLE EOT
	var f []byte
	shown, decoded := "", ""
	io.Do(func() {
		if mechanical(bad) {
			m.SetReady(false, true)
		}
		text := "P" + cmd + m.res() + out
		if bad != "" {
			text = "N" + cmd + bad
		}
		f, decoded = encode(text), text
		if cmd[0] == '6' && out != "" { // a track
			shown = engine.Hex(f[:7]) + strings.Repeat(" ··", len(f)-7)
			decoded = text[:5] + "········"
		}
		m.last, m.lastOf, m.shown = f, cmd, shown
	})
	if !io.ReplyLost(cmd) {
		io.Reply(f, shown, cmd, decoded)
	}
}

// res is the status in a positive response: where the card is.
func (m *Model) res() string {
	if s := map[string]string{"none": "00", "gate": "01", "inside": "02"}[m.Stuck("sensor")]; s != "" {
		return s
	}
	switch m.Where() {
	case crt350n.Mouth:
		return "01"
	case crt350n.Inside:
		return "02"
	}
	return "00"
}

func (m *Model) command(io *engine.IO, cmd, data string) (bad, out string) {
	if cmd[0] == '0' {
		return m.initialReset(io, cmd, data), ""
	}
	ready := false
	io.Look(func() { ready = m.Ready() })
	switch {
	case !ready:
		return "19", ""
	case cmd == "10":
		return "", ""
	case cmd == "11":
		io.Look(func() { out = sensorData(m.Where()) })
		return "", out
	case cmd == ":0", cmd == ":1", cmd == ":2":
		io.Do(func() { m.Let(map[string]string{":0": "all", ":1": "", ":2": "mag"}[cmd]) })
		return "", ""
	case cmd == "30":
		return m.carry(io, cmd, crt350n.Mouth, "01", crt350n.Inside), ""
	case cmd == "31":
		return m.carry(io, cmd, crt350n.Retained, "01", crt350n.Inside, crt350n.Mouth), ""
	case cmd == "40":
		return m.carry(io, cmd, crt350n.Inside, "60", crt350n.Mouth), ""
	case cmd == "61", cmd == "62", cmd == "63":
		return m.read(io, int(cmd[1]-'0'))
	case cmd == "Q0":
		io.Look(func() { out = fmt.Sprintf("%03d", m.Captured()%1000) })
		return "", out
	case cmd == "Q1":
		io.Do(func() { must(m.SetCaptured(0)) })
		return "", ""
	case cmd == "V0":
		return "", m.firmware
	}
	return "00", ""
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// sensorData: S0 front, spare, S2 middle, spare, S4 rear, and seven more (5.1).
func sensorData(p crt350n.Position) string {
	switch p {
	case crt350n.Mouth:
		return "100000000000"
	case crt350n.Inside:
		return "001010000000"
	}
	return "000000000000"
}

// initialReset: 0 return, 1 eject to the rear, 2 hold; 4 to 6 without the shutter. Data: the
// switching time (0, 2 to 9) and what to do after a power failure (A, B, C), both may miss.
func (m *Model) initialReset(io *engine.IO, cmd, data string) string {
	kind := cmd[1]
	if kind > '6' || kind == '3' {
		return "00"
	}
	if len(data) > 2 || len(data) > 0 && !strings.Contains("023456789", data[:1]) || len(data) > 1 && !strings.Contains("ABC", data[1:]) {
		return "02"
	}
	at := crt350n.Outside
	io.Do(func() { m.SetReady(true, true); m.Let(""); at = m.Where() })
	switch (kind - '0') % 4 {
	case 0:
		if at == crt350n.Inside {
			return m.carry(io, cmd, crt350n.Mouth, "10", crt350n.Inside)
		}
	case 1:
		if at != crt350n.Outside {
			return m.carry(io, cmd, crt350n.Retained, "10", crt350n.Inside, crt350n.Mouth)
		}
	}
	return "" // a card in the mouth is held where it is
}

// carry moves the card; none is the error when it is not at one of the places.
func (m *Model) carry(io *engine.IO, cmd string, to crt350n.Position, none string, from ...crt350n.Position) (bad string) {
	done := false
	io.Do(func() {
		at := m.Where()
		done = at == to
		bad = none
		for _, f := range from {
			if f == at {
				bad = ""
			}
		}
		switch {
		case done:
			bad = ""
		case m.Stuck("motor") == "error":
			bad = "13"
		case m.Stuck("shutter") == "error" && to != crt350n.Retained:
			bad = "11"
		case to == crt350n.Retained && m.Stuck("bin") == "full":
			bad = "16"
		}
		m.Moving(bad == "" && !done)
	})
	if bad != "" || done {
		return bad
	}
	io.Sleep(time.Duration(m.motionMs) * time.Millisecond)
	if f, hit := io.Fire(cmd, engine.MidMotion); hit && f.Code != engine.FaultNone {
		io.Do(func() { m.Moving(false) }) // it stops on its way: inside
		return f.Code
	}
	io.Do(func() {
		m.Moving(false)
		if m.Where() == crt350n.Outside {
			bad = "14"
			return
		}
		m.Put(to)
	})
	return bad
}

// read sends a track without sentinels and LRC (format 0, the default).
func (m *Model) read(io *engine.IO, n int) (bad, out string) {
	io.Look(func() {
		if m.Where() != crt350n.Inside {
			bad = "01"
			return
		}
		raw := m.Track(n)
		if raw == nil {
			bad = "44"
			return
		}
		data, code := crt350n.DecodeTrack(n, raw)
		if code != "" {
			bad = readError[code]
			return
		}
		if data == "" {
			bad = "45"
		}
		out = data
	})
	return bad, out
}
