package crt288k

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/iccard"
)

const (
	byteGap = 500 * time.Millisecond
	again   = 3 // times an answer is repeated
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(engine.Forever)
		switch {
		case w != engine.GotByte || b == ack || b == nak:
		case b == eot:
			io.Heard([]byte{b}, "", "EOT")
			io.Write([]byte{eot}, "EOT")
		case b == stx:
			m.take(io)
		default:
			io.Heard([]byte{b}, "", "noise")
		}
	}
}

func (m *Model) take(io *engine.IO) {
	text, raw, verdict := unpack(func() (byte, bool) { return io.Byte(byteGap) })
	switch verdict {
	case broken:
		io.Heard(raw, "", "incomplete, ignored")
		return
	case bad:
		io.Heard(raw, "", "wrong check or length")
		io.Write([]byte{nak}, "NAK")
		return
	}
	cmd := fmt.Sprintf("%02X %02X", text[1], text[2])
	shown := ""
	if text[1] == 0x51 && len(text) > 5 {
		shown = engine.Hex(raw[:6]) + strings.Repeat(" ··", len(raw)-6)
	}
	io.Heard(raw, shown, cmd+" "+title(cmd))
	if !io.Accept(cmd, []byte{ack}, []byte{nak}) {
		return
	}
	var data []byte
	code := ""
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		code = f.Code
	}
	strike := ""
	if code == stripeLRC || code == stripeBlank {
		strike, code = code, ""
	}
	if code == "" {
		io.Do(func() { data, code = m.obey(cmd, text[3:], strike) })
		if f, hit := io.Fire(cmd, engine.AfterMotion); hit && f.Code != engine.FaultNone && code == "" {
			code = f.Code
		}
	}
	if io.ReplyLost(cmd) {
		return
	}
	var out []byte
	io.Look(func() { out = m.reply(text, data, code) })
	m.say(io, cmd, out)
}

// reply is P CM PM st1 st0 DATA, or N CM PM e1 e0. st1 is 1 while the latch holds.
func (m *Model) reply(text, data []byte, code string) []byte {
	if code != "" {
		return append([]byte{'N', text[1], text[2]}, code...)
	}
	st := []byte{'P', text[1], text[2], '0', map[Place]byte{Outside: '0', Halfway: '1', Inside: '2'}[m.phy.At]}
	if m.latched {
		st[3] = '1'
	}
	return append(st, data...)
}

// say sends an answer until it is acknowledged. What tracks and chips say is not in the trace.
func (m *Model) say(io *engine.IO, cmd string, text []byte) {
	f := pack(text)
	shown, note := "", cmd+" answers "+strconv.QuoteToASCII(string(text[:min(len(text), 5)]))
	if len(text) > 5 && (text[1] == '6' || text[1] == 'Q') {
		shown = engine.Hex(f[:8]) + strings.Repeat(" ··", len(f)-8)
	}
	io.Reply(f, shown, cmd, note)
	for n := 0; ; {
		b, w := io.Next(byteGap)
		switch {
		case w == engine.Poked:
			continue
		case w == engine.GotByte && b == ack:
			io.Heard([]byte{b}, "", "ACK")
			return
		case w == engine.GotByte && (b == stx || b == eot):
			io.Unread(b)
			return
		case w == engine.GotByte && b != nak:
			continue
		}
		if n++; n > again {
			return
		}
		io.Reply(f, shown, cmd, note+" (again)")
	}
}

// obey does a command, locked; it answers DATA or a code.
func (m *Model) obey(cmd string, data []byte, strike string) ([]byte, string) {
	switch {
	case cmd == "30 30" || cmd == "30 31":
		return m.initialise(cmd == "30 30")
	case !m.ready:
		return nil, "30"
	case cmd == "31 30":
		return nil, ""
	case cmd == "A2 30":
		return append([]byte{byte(len(m.cfg.Serial))}, m.cfg.Serial...), ""
	case cmd == "36 30":
		if string(data) != "0170" {
			return nil, "04"
		}
		return nil, ""
	case cmd == "36 31":
		if string(data) != "07" {
			return nil, "04"
		}
		return m.stripe(strike), ""
	case strings.HasPrefix(cmd, "51 "), cmd == "50 30":
		return m.chip(cmd, data)
	}
	return nil, "00"
}

func (m *Model) initialise(hold bool) ([]byte, string) {
	if m.stuck["latch"] == "broken" && !m.cfg.Plain {
		return nil, "11"
	}
	m.ready = true
	m.slot.Off()
	if hold && m.cfg.Plain {
		return nil, "03"
	}
	m.latched = hold && m.phy.At == Inside
	if hold && m.phy.At != Inside {
		return nil, "11" // there is nothing to hold
	}
	return nil, ""
}

// stripe is the three tracks as they were read when the card came in.
func (m *Model) stripe(strike string) []byte {
	k := m.phy.Card
	if k == nil || m.phy.At != Inside {
		k = &Card{}
	}
	var parts []string
	for _, t := range []string{k.Track1, k.Track2, k.Track3} {
		switch {
		case strike == stripeLRC && t != "":
			parts = append(parts, "N28")
		case t == "" || k.Invalid || strike == stripeBlank:
			parts = append(parts, "N24")
		default:
			parts = append(parts, "P"+t)
		}
	}
	return []byte(strings.Join(parts, "~"))
}

func (m *Model) chip(cmd string, data []byte) ([]byte, string) {
	if m.phy.At != Inside {
		return nil, "02"
	}
	switch cmd {
	case "50 30":
		switch k := m.phy.Card; {
		case !k.IC || k.Invalid:
			return []byte("00"), ""
		case k.Chip.Protocol == "T1":
			return []byte("11"), ""
		}
		return []byte("10"), ""
	case "51 30":
		if len(data) > 1 || len(data) == 1 && data[0] != '0' && data[0] != '3' {
			return nil, "04"
		}
		atr, err := m.slot.Power()
		if err != nil {
			return nil, told(err)
		}
		return append([]byte{'0' + byte(m.slot.Protocol())}, atr...), ""
	case "51 31":
		m.slot.Off()
		return nil, ""
	case "51 33", "51 34":
		out, err := m.slot.Transmit(map[string]int{"51 34": 1}[cmd], data)
		if err != nil {
			return nil, told(err)
		}
		return out, ""
	}
	return nil, "01"
}

func told(err error) string {
	switch {
	case errors.Is(err, iccard.ErrMute):
		return "63"
	case errors.Is(err, iccard.ErrATR):
		return "61"
	case errors.Is(err, iccard.ErrOff):
		return "65"
	case errors.Is(err, iccard.ErrOther):
		return "66"
	case errors.Is(err, iccard.ErrLength):
		return "04"
	}
	return "64"
}
