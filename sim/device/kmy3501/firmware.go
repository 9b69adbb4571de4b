package kmy3501

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

const charGap = time.Second

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		left := engine.Forever
		io.Look(func() {
			if m.mode == "pin" && m.limit > 0 {
				left = max(0, m.limit-io.Now().Sub(m.touched))
			}
		})
		b, w := io.Next(left)
		switch {
		case w == engine.Poked:
			m.keys(io)
		case w == engine.TimedOut:
			over := false
			io.Do(func() {
				if over = m.mode == "pin" && io.Now().Sub(m.touched) >= m.limit; over {
					m.drop()
				}
			})
			if over {
				io.Write([]byte{keyTimeout}, "key: time-out")
			}
		case b == start:
			m.receive(io)
		default:
			io.Heard([]byte{b}, "", "noise")
		}
	}
}

// keys sends what was pressed, a byte for each key.
func (m *Model) keys(io *engine.IO) {
	for more := true; more; {
		var out []byte
		io.Do(func() {
			if more = len(m.pending) > 0 && m.mode != ""; !more {
				m.pending = nil
				return
			}
			k := m.pending[0]
			m.pending = m.pending[1:]
			m.touched = io.Now()
			out = m.press(k)
		})
		if len(out) > 0 {
			what := "key"
			if out[0] == keyStar {
				what = "key: masked digit"
			}
			io.Write(out, what)
		}
	}
}

// press is one key, locked; a digit of a PIN goes out as a star. The longest PIN ends the
// entry by itself.
func (m *Model) press(k byte) []byte {
	if m.mode == "plain" {
		return []byte{k}
	}
	switch {
	case k == keyCancel:
		m.drop()
	case k == keyBack:
		if m.typed == 0 {
			return nil
		}
		m.typed--
		m.pin = m.pin[:m.typed]
	case k == keyEnter:
		if m.typed < 4 {
			return nil
		}
		m.mode, m.entered, m.pending = "", true, nil
	case k >= '0' && k <= '9':
		m.pin += string(rune(k))
		if m.typed++; m.typed >= m.longest {
			m.mode, m.entered, m.pending = "", true, nil
		}
		return []byte{keyStar}
	default:
		return nil
	}
	return []byte{k}
}

// secret are the commands whose bytes the trace does not show.
const secret = "\x32\x33\x34\x36\x37\x41\x42\x4B"

func (m *Model) receive(io *engine.IO) {
	body, raw, err := take(func() (byte, bool) { return io.Byte(charGap) })
	if err != nil {
		io.Heard(raw[:min(len(raw), 5)], "", err.Error())
		return
	}
	cmd := name(body[0])
	if body[0] == 0x4B && len(body) > 1 { // and its operation
		cmd += fmt.Sprintf("%02X", body[1])
	}
	hidden := strings.IndexByte(secret, body[0]) >= 0
	shown := ""
	if hidden {
		shown = engine.Hex(raw[:5]) + " ··"
	}
	io.Heard(raw, shown, cmd+" "+title(body[0]))
	if !io.Accept(cmd, nil, nil) {
		return
	}
	st, data := byte(0), []byte(nil)
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		st = status(f.Code)
	} else {
		io.Do(func() { st, data = m.command(io, body[0], body[1:]) })
		for _, s := range []engine.Stage{engine.MidMotion, engine.AfterMotion} {
			if f, hit := io.Fire(cmd, s); hit && f.Code != engine.FaultNone {
				st, data = status(f.Code), nil
			}
		}
	}
	if io.ReplyLost(cmd) {
		return
	}
	out := answer(st, data)
	shown = ""
	if hidden && len(data) > 0 {
		shown = engine.Hex(out[:5]) + " ··"
	}
	io.Reply(out, shown, cmd, fmt.Sprintf("%s answers %02X, %d bytes", cmd, st, len(data)))
}

func status(code string) byte {
	n, err := strconv.ParseUint(code, 16, 8)
	if err != nil {
		return stUnknown
	}
	return byte(n)
}

// done is the success: it tells of missing master keys and a bad battery.
func (m *Model) done() byte {
	switch {
	case m.stuck["battery"] == "low":
		return 0xC4
	case len(m.mem.Masters) == 0:
		return stNoKeyOK
	}
	return stDone
}

func (m *Model) key(hexKey string) ([]byte, bool) {
	b, err := hex.DecodeString(hexKey)
	return b, err == nil && len(b) == 16
}

// command runs one command, locked.
func (m *Model) command(io *engine.IO, cmd byte, p []byte) (byte, []byte) {
	switch cmd {
	case 0x30:
		return m.done(), fmt.Appendf(nil, "%-16s", m.cfg.Version)
	case 0x38:
		return m.done(), []byte(m.cfg.Serial)
	case 0x31:
		return m.reset(p)
	case 0x32:
		return m.loadMaster(p)
	case 0x33:
		return m.loadWork(p)
	case 0x43:
		if len(p) != 2 {
			return stParam, nil
		}
		slot := fmt.Sprintf("%02d/%02d", p[0], p[1])
		if m.mem.Work[slot] == "" {
			return stNoKey, nil
		}
		m.active = slot
		return m.done(), nil
	case 0x34:
		if len(p) != 12 || strings.Trim(string(p), "0123456789") != "" {
			return stParam, nil
		}
		m.account = string(p)
		return m.done(), nil
	case 0x45:
		if len(p) != 1 || p[0] < 1 || p[0] > 4 {
			return stParam, nil
		}
		if m.mode != "" || p[0] == 1 && !m.entered {
			m.drop()
		}
		if p[0] > 1 {
			m.drop()
			m.mode = "plain"
		}
		return m.done(), nil
	case 0x46:
		if len(p) != 2 || p[0] == 6 && (p[1] < 1 || p[1] > 3) || p[0] < 2 && p[1] != 0x30 && p[1] != 0x20 {
			return stParam, nil
		}
		if p[0] == 6 {
			m.mac = p[1]
		}
		return m.done(), nil
	case 0x35:
		return m.startPin(io, p)
	case 0x4B:
		return m.extension(p)
	}
	k, ok := m.key(m.mem.Work[m.active])
	if !ok {
		return stNoKey, nil
	}
	return m.under(cmd, k, p)
}

// under are the commands that use the active key.
func (m *Model) under(cmd byte, k, p []byte) (byte, []byte) {
	c, err := two(k)
	if err != nil {
		return stNoKey, nil
	}
	switch cmd {
	case 0x36, 0x37:
		if len(p) == 0 || len(p)%8 != 0 {
			return stParam, nil
		}
		if cmd == 0x36 {
			return m.done(), blocks(c.Encrypt, p)
		}
		return m.done(), blocks(c.Decrypt, p)
	case 0x41:
		var out []byte
		switch {
		case len(p) == 0:
			return stParam, nil
		case m.mac == 1:
			out, err = retail(k, p)
		case m.mac == 3:
			out, err = union(k, p)
		default:
			return stUnknown, nil
		}
		if err != nil {
			return stNoKey, nil
		}
		return m.done(), out
	case 0x42:
		if !m.entered || m.account == "" {
			return stParam, nil
		}
		m.count["blocks"]++
		return m.done(), blocks(c.Encrypt, isoZero(m.pin, m.account))
	}
	return stUnknown, nil
}

// reset: without data the keys stay, with 38 they go.
func (m *Model) reset(p []byte) (byte, []byte) {
	m.PowerOff()
	if len(p) == 1 && p[0] == 0x38 {
		m.wipe()
		if err := m.save(); err != nil {
			panic(err)
		}
	}
	return m.done(), nil
}

// loadMaster: number and sixteen bytes in the clear. Working keys under an old one are gone.
func (m *Model) loadMaster(p []byte) (byte, []byte) {
	if len(p) != 17 || p[0] > 15 {
		return stParam, nil
	}
	m.putMaster(int(p[0]), p[1:])
	return m.done(), nil
}

// putMaster puts a master key into its place and saves the memory.
func (m *Model) putMaster(n int, key []byte) {
	m.mem.Masters[n] = hex.EncodeToString(key)
	for slot := range m.mem.Work {
		if strings.HasPrefix(slot, fmt.Sprintf("%02d/", n)) {
			delete(m.mem.Work, slot)
		}
	}
	if err := m.save(); err != nil {
		panic(err)
	}
}

// loadWork: master, number, sixteen bytes encrypted under the master.
func (m *Model) loadWork(p []byte) (byte, []byte) {
	if len(p) != 18 || p[0] > 15 || p[1] > 15 {
		return stParam, nil
	}
	mk, ok := m.key(m.mem.Masters[int(p[0])])
	if !ok {
		return stNoKey, nil
	}
	c, err := two(mk)
	if err != nil {
		return stNoKey, nil
	}
	m.mem.Work[fmt.Sprintf("%02d/%02d", p[0], p[1])] = hex.EncodeToString(blocks(c.Decrypt, p[2:]))
	if err := m.save(); err != nil {
		panic(err)
	}
	return m.done(), nil
}

// startPin: longest PIN, display, with account, prompt, seconds.
func (m *Model) startPin(io *engine.IO, p []byte) (byte, []byte) {
	switch {
	case len(p) != 5 || p[0] < 4 || p[0] > 12:
		return stParam, nil
	case m.active == "":
		return stNoKey, nil
	}
	m.drop()
	m.mode, m.longest, m.limit, m.touched = "pin", int(p[0]), time.Duration(p[4])*time.Second, io.Now()
	m.count["entries"]++
	return m.done(), nil
}
