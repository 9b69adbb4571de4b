package zt598

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

const frameGap = time.Second

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(m.wait(io))
		switch {
		case w == engine.Poked:
			m.keys(io)
		case w == engine.TimedOut:
			m.expire(io)
		case b == stx:
			m.receive(io)
		default:
			io.Heard([]byte{b}, "", "noise")
		}
	}
}

// wait is how long the present entry may still last.
func (m *Model) wait(io *engine.IO) time.Duration {
	d := engine.Forever
	io.Look(func() {
		if m.entry != "" && m.timeout > 0 {
			d = max(0, m.timeout-io.Now().Sub(m.lastKey))
		}
	})
	return d
}

func (m *Model) expire(io *engine.IO) {
	over := false
	io.Do(func() {
		if over = m.entry != "" && io.Now().Sub(m.lastKey) >= m.timeout; over {
			m.drop()
		}
	})
	if over {
		io.Write([]byte{keyTimeout}, "key: time-out")
	}
}

// keys handles what was pressed; each key goes out as one byte between frames.
func (m *Model) keys(io *engine.IO) {
	for {
		var out byte
		send, more := false, false
		io.Do(func() {
			if len(m.pending) == 0 || m.entry == "" {
				m.pending = nil
				return
			}
			k := m.pending[0]
			m.pending = m.pending[1:]
			more = true
			m.lastKey = io.Now()
			out, send = m.press(k)
		})
		if !more {
			return
		}
		if send {
			io.Write([]byte{out}, "key: "+keyName(out))
		}
	}
}

func keyName(b byte) string {
	switch b {
	case keyEnter:
		return "enter"
	case keyCancel:
		return "cancel"
	case keyClear:
		return "clear"
	case keyMasked:
		return "masked digit"
	case keyTimeout:
		return "time-out"
	case key00:
		return "00"
	}
	return "digit"
}

// press is one key, locked; it answers the byte to send, if any.
func (m *Model) press(k byte) (byte, bool) {
	switch {
	case k == keyCancel:
		m.drop()
		return keyCancel, true
	case k == keyClear:
		m.pin, m.digits = "", 0
		return keyClear, true
	case k == keyEnter && m.entry == "pin":
		if m.digits < m.min {
			return 0, false
		}
		m.entry, m.entered, m.pending = "", true, nil
		return keyEnter, true
	case k == keyEnter:
		m.entry, m.pending = "", nil
		return keyEnter, true
	case m.entry == "pin":
		if k < '0' || k > '9' || m.digits >= m.max {
			return 0, false
		}
		m.pin += string(rune(k))
		m.digits++
		return keyMasked, true
	}
	m.digits++
	return k, true
}

func (m *Model) receive(io *engine.IO) {
	body, raw, ok := readFrame(func() (byte, bool) { return io.Byte(frameGap) })
	if !ok {
		io.Heard(raw[:min(len(raw), 5)], "", "incomplete frame or wrong checksum, ignored")
		return
	}
	cmd := commandName(string(body))
	shown := ""
	if strings.ContainsAny(cmd[:1], "126789bcdeox") { // keys, accounts, data: never shown
		shown = engine.Hex(raw[:5]) + " ··"
	}
	io.Heard(raw, shown, cmd+" "+title(cmd))
	if !io.Accept(cmd, nil, nil) {
		return
	}
	var reply []byte
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		reply = failure(f.Code)
	} else {
		io.Do(func() { reply = m.command(io, string(body)) })
		for _, s := range []engine.Stage{engine.MidMotion, engine.AfterMotion} {
			if f, hit := io.Fire(cmd, s); hit && f.Code != engine.FaultNone {
				reply = failure(f.Code)
			}
		}
	}
	if io.ReplyLost(cmd) {
		return
	}
	f := frame(reply)
	shown = ""
	if cmd == "9" || cmd == "d" {
		shown = engine.Hex(f[:5]) + " ··"
	}
	io.Reply(f, shown, cmd, fmt.Sprintf("%s reply %02X %d characters", cmd, reply[0], len(reply)-1))
}

// commandName is what faults are bound to: the first letter, for 5 and n all that is fixed.
func commandName(body string) string {
	switch {
	case strings.HasPrefix(body, "50"):
		return body[:min(4, len(body))]
	case strings.HasPrefix(body, "5"):
		return body[:min(2, len(body))]
	case strings.HasPrefix(body, "x") && len(body) > 2: // without the zone
		return "x" + body[2:3]
	}
	return body[:1]
}

func title(cmd string) string {
	for _, c := range commandTable {
		if strings.HasPrefix(cmd, c.code) {
			return c.name
		}
	}
	return ""
}

func failure(code string) []byte {
	n, err := strconv.ParseUint(code, 16, 8)
	if err != nil {
		n = 0xEF
	}
	return []byte{byte(n)}
}

func success(data string) []byte { return append([]byte{rtnGood}, data...) }

// control is command 5: what follows the 5 is a parameter and a value.
func (m *Model) control(io *engine.IO, arg string) []byte {
	switch arg {
	case "030": // reset
		m.drop()
		m.min, m.max, m.timeout = 4, 12, 60*time.Second
		return success("")
	case "031": // wipe
		m.wipe()
		if err := m.save(); err != nil {
			panic(err)
		}
		return success("")
	case "032": // stop input: a PIN that is long enough stays
		if m.entry == "pin" && m.digits >= m.min {
			m.entry, m.entered, m.pending = "", true, nil
		} else {
			m.drop()
		}
		return success("")
	case "033":
		m.drop()
		m.entry, m.lastKey = "plain", io.Now()
		m.entries++
		return success("")
	case "034", "035", "03D", "A":
		return success("")
	}
	if len(arg) != 3 {
		return failure("E8")
	}
	n, ok := slot(arg[1:])
	if !ok {
		return failure("EB")
	}
	switch arg[0] {
	case '2':
		m.timeout = time.Duration(n) * time.Second
	case '4':
		m.min = n
	case '5':
		m.max = n
	case '3', '6', '8':
	default:
		return failure("EB")
	}
	return success("")
}

// information is command 3: user 50, scan codes 48, settings 20, function 8, model 6,
// hardware 3, firmware 3, serial 8.
func (m *Model) information() []byte {
	scan := m.phy.ScanCode
	if scan == "" {
		scan = strings.Repeat("0", 48)
	}
	return success(fmt.Sprintf("%-50s%s%020d%-8s%-6s%-3s%-3s%-8s", "VIRTUAL PIN PAD NON-PRODUCTION", scan, 0, "3DESSM4", "ZT598", "H01", m.cfg.Firmware, m.cfg.Serial))
}
