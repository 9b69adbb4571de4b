package crt350n

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

const (
	frameGap  = 500 * time.Millisecond
	repeatGap = 500 * time.Millisecond
	repeats   = 3
	maxNaks   = 8
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	m.startUp(io)
	for {
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		switch b {
		case head:
			m.receive(io)
		case dle:
			if b, ok := io.Byte(frameGap); ok && b == eot {
				io.Heard([]byte{dle, eot}, "", "DLE EOT: cancel")
				io.Write([]byte{dle, eot}, "DLE EOT")
			} else if ok {
				io.Unread(b)
			}
		case ack, nak:
		default:
			io.Heard([]byte{b}, "", "noise")
		}
	}
}

// startUp is what the reader does with a card inside when the power comes back.
func (m *Model) startUp(io *engine.IO) {
	move := false
	io.Do(func() { move = m.eject && m.phy.Position == Inside; m.eject = false })
	if move {
		m.motion(io)
		io.Do(func() { m.place(Mouth) })
	}
}

func (m *Model) receive(io *engine.IO) {
	text, raw, v := readFrame(func() (byte, bool) { return io.Byte(frameGap) })
	switch v {
	case noise:
		io.Heard(raw, "", "incomplete frame, ignored")
		return
	case damaged:
		io.Heard(raw, "", "bad checksum or length")
		io.Write([]byte{nak}, "NAK")
		return
	}
	cmd := string(text[:3])
	io.Heard(raw, "", cmd+" "+title(cmd))
	if io.Accept(cmd, []byte{ack}, []byte{nak}) {
		m.execute(io, cmd, text[3:])
	}
}

// answer is the text of a response.
type answer struct {
	err  string // e1 e0; "" is good
	data []byte
	mute bool // canceled: no response
}

func (m *Model) execute(io *engine.IO, cmd string, data []byte) {
	var a answer
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		a.err = wire(f.Code)
	} else {
		a = m.command(io, cmd, data)
		if f, hit := io.Fire(cmd, engine.AfterMotion); hit && f.Code != engine.FaultNone {
			a = answer{err: wire(f.Code)}
		}
	}
	if a.mute || io.ReplyLost(cmd) {
		return
	}
	m.respond(io, cmd, a)
}

var secretDigits = regexp.MustCompile(`[0-9]{8,}`)

// respond sends the response, again on NAK, and again three times if nothing comes.
func (m *Model) respond(io *engine.IO, cmd string, a answer) {
	var text []byte
	io.Do(func() {
		if a.err != "" {
			text = []byte("N" + cmd[1:] + a.err)
		} else {
			text = []byte("P" + cmd[1:] + m.st())
		}
	})
	text = append(text, a.data...)
	f := frame(text)
	shown, decoded := "", string(text)
	if strings.HasPrefix(cmd, "C6") && len(a.data) > 0 {
		shown = engine.Hex(f[:8]) + strings.Repeat(" ··", len(f)-8)
		decoded = secretDigits.ReplaceAllString(decoded, "········")
	}
	if strings.HasPrefix(cmd, "CI") && len(a.data) > 0 { // a chip's answer has the card's number
		shown = engine.Hex(f[:8]) + strings.Repeat(" ··", len(f)-8)
		decoded = fmt.Sprintf("%s and %d bytes of the chip", text[:5], len(a.data))
	}
	if a.err != "" {
		decoded += " " + errorName(a.err)
	}
	io.Reply(f, shown, cmd, decoded)
	for again, naks := 0, 0; ; {
		b, w := io.Next(repeatGap)
		switch {
		case w == engine.Poked:
			continue
		case w == engine.GotByte && b == ack:
			io.Heard([]byte{b}, "", "ACK")
			return
		case w == engine.GotByte && (b == head || b == dle):
			io.Unread(b)
			return
		case w == engine.GotByte && b == nak:
			io.Heard([]byte{b}, "", "NAK")
			if naks++; naks > maxNaks {
				return
			}
		case w == engine.TimedOut:
			if again++; again > repeats {
				return
			}
		default:
			continue
		}
		io.Reply(f, shown, cmd, decoded+" (again)")
	}
}

// st is the status in a good response: 00 no card, 01 at the gate, 02 inside.
func (m *Model) st() string {
	switch m.stuck["sensor"] {
	case "none":
		return "00"
	case "gate":
		return "01"
	case "inside":
		return "02"
	}
	switch m.phy.Position {
	case Mouth:
		return "01"
	case Inside:
		return "02"
	}
	return "00"
}

func errorName(code string) string {
	for _, e := range errorTable {
		if e.code == code {
			return e.name
		}
	}
	return ""
}

func (m *Model) motion(io *engine.IO) {
	io.Sleep(time.Duration(m.cfg.MotionMs) * time.Millisecond)
}

// place puts the card somewhere and saves it; call it locked.
func (m *Model) place(p Position) {
	m.phy.Position = p
	switch p {
	case Retained:
		name := "unknown"
		if m.phy.Card != nil {
			name = m.phy.Card.Name
		}
		m.phy.Bin = append(m.phy.Bin, name)
		if m.counting {
			m.phy.Counter++
		}
		m.phy.Position, m.phy.Card = Outside, nil
	case Outside:
		m.phy.Card = nil
	}
	m.release()
	if err := m.save(); err != nil {
		panic(err)
	}
}

// move carries the card from one of the positions to another.
func (m *Model) move(io *engine.IO, cmd string, to Position, from ...Position) answer {
	bad := ""
	at := Outside
	io.Do(func() {
		at = m.phy.Position
		switch {
		case m.stuck["motor"] == "error":
			bad = "51"
		case m.stuck["shutter"] == "error" && to != Retained:
			bad = "11"
		case to == Retained && m.stuck["bin"] == "full":
			bad = "50"
		case at == to:
		case m.contacts:
			bad = "05"
		default:
			bad = "02"
			for _, f := range from {
				if f == at {
					bad = ""
				}
			}
		}
		m.moving = bad == "" && at != to
	})
	if bad != "" || at == to {
		return answer{err: bad}
	}
	m.motion(io)
	if f, hit := io.Fire(cmd, engine.MidMotion); hit && f.Code != engine.FaultNone {
		// The card stops under the gate: neither in nor free to be taken; the sensors say inside.
		io.Do(func() { m.moving = false })
		return answer{err: wire(f.Code)}
	}
	io.Do(func() {
		m.moving = false
		if m.phy.Position == Outside { // taken while it moved
			bad = "16"
			return
		}
		m.place(to)
	})
	return answer{err: bad}
}

func (m *Model) command(io *engine.IO, cmd string, data []byte) answer {
	if strings.HasPrefix(cmd, "C0") {
		return m.initialise(io, cmd)
	}
	ready := false
	io.Do(func() { ready = m.ready })
	if !ready {
		return answer{err: "B0"}
	}
	switch {
	case cmd == "C10" || cmd == "C1@":
		return answer{}
	case cmd == "C11":
		return answer{data: m.sensors(io)}
	case cmd == "C30" || cmd == "C33":
		return m.move(io, cmd, Mouth, Inside)
	case cmd == "C37":
		return m.move(io, cmd, Outside, Inside, Mouth)
	case cmd == "C31":
		return m.move(io, cmd, Retained, Inside, Mouth)
	case cmd == "C32":
		return m.move(io, cmd, Inside, Inside)
	case cmd == "C40":
		return m.move(io, cmd, Inside, Mouth)
	case strings.HasPrefix(cmd, "C:"):
		return m.permit(io, cmd)
	case strings.HasPrefix(cmd, "C2"):
		return m.takeIn(io, cmd, data)
	case strings.HasPrefix(cmd, "C6"):
		return m.read(io, cmd)
	case strings.HasPrefix(cmd, "C@"), strings.HasPrefix(cmd, "CI"):
		return m.chip(io, cmd, data)
	case strings.HasPrefix(cmd, "C5"):
		return answer{} // lamps
	case strings.HasPrefix(cmd, "CA"):
		return answer{data: []byte(m.cfg.Firmware)}
	case cmd == "CC0":
		n := 0
		io.Do(func() { n = m.phy.Counter })
		return answer{data: fmt.Appendf(nil, "%04d", n%10000)}
	case cmd == "CC1":
		io.Do(func() { m.phy.Counter = 0; m.place(m.phy.Position) })
		return answer{}
	}
	return answer{err: "00"}
}

// initialise: C00/C04 eject, C01/C05 retain, C02/C06 re-accept, C03/C07 leave; 4 to 7 with
// the retain counter on. Entry is disabled by it.
func (m *Model) initialise(io *engine.IO, cmd string) answer {
	kind := cmd[2]
	if kind < '0' || kind > '7' {
		return answer{err: "01"}
	}
	at := Outside
	io.Do(func() {
		m.ready, m.entry, m.counting = true, "", kind >= '4'
		m.release()
		at = m.phy.Position
	})
	if at == Outside {
		return answer{data: []byte(m.cfg.Firmware)}
	}
	a := answer{}
	switch (kind - '0') % 4 {
	case 0:
		a = m.move(io, cmd, Mouth, Inside)
	case 1:
		a = m.move(io, cmd, Retained, Inside, Mouth)
	case 2:
		a = m.move(io, cmd, Inside, Mouth)
	}
	if a.err == "" {
		a.data = []byte(m.cfg.Firmware)
	}
	return a
}

// permit: C:0 all, C:1 none, C:2 magnetic only, C:3 IC only, C:4 IC and magnetic.
func (m *Model) permit(io *engine.IO, cmd string) answer {
	modes := map[byte]string{'0': "all", '1': "", '2': "mag", '3': "ic", '4': "both"}
	mode, ok := modes[cmd[2]]
	if !ok {
		return answer{err: "01"}
	}
	io.Do(func() { m.entry = mode })
	return answer{}
}

// takeIn is the timed intake: it answers when a card is in, after the seconds in its data (46),
// or not at all when DLE EOT cancels it.
func (m *Model) takeIn(io *engine.IO, cmd string, data []byte) answer {
	limit := engine.Forever
	if n, err := strconv.Atoi(string(data)); err == nil && n > 0 {
		limit = time.Duration(n) * time.Second
	}
	end := io.Now().Add(limit)
	in := false
	io.Do(func() { in = m.phy.Position == Inside; m.intake = !in })
	for !in {
		wait := limit
		if limit != engine.Forever {
			wait = max(0, end.Sub(io.Now()))
		}
		b, w := io.Next(wait)
		switch {
		case w == engine.TimedOut:
			io.Do(func() { m.intake = false })
			return answer{err: "46"}
		case w == engine.GotByte && b == dle:
			if b, ok := io.Byte(frameGap); ok && b == eot {
				io.Heard([]byte{dle, eot}, "", "DLE EOT: cancel")
				io.Write([]byte{dle, eot}, "DLE EOT")
				io.Do(func() { m.intake = false })
				return answer{mute: true}
			}
		}
		io.Do(func() { in = m.phy.Position == Inside })
	}
	io.Do(func() { m.intake = false })
	m.motion(io)
	return answer{}
}
