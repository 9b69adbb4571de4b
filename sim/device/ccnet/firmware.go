package ccnet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

// mode is what the validator does now.
type mode string

const (
	poweredUp    mode = "powerUp" // 10, 11 or 12, until a reset
	initialising mode = "initialising"
	disabled     mode = "disabled"
	idling       mode = "idling"
	accepting    mode = "accepting"
	escrowed     mode = "escrow"
	stacking     mode = "stacking"
	returning    mode = "returning"
	rejecting    mode = "rejecting"
)

// Movements that faults can be bound to.
const (
	mvRead   = "read"
	mvStack  = "stack"
	mvReturn = "return"
	mvInit   = "init"
)

const frameGap = 200 * time.Millisecond

var commandList = []struct {
	code     byte
	name, zh string
}{
	{0x30, "reset", "复位"}, {0x31, "get status", "状态"}, {0x32, "set security", "安全级"}, {0x33, "poll", "轮询"}, {0x34, "enable bill types", "启用币种"},
	{0x35, "stack", "压钞"}, {0x36, "return", "退钞"}, {0x37, "identification", "标识"}, {0x38, "hold", "保持"}, {0x41, "bill table", "币种表"},
}

func title(c byte) string {
	for _, k := range commandList {
		if k.code == c {
			return k.name
		}
	}
	return "unknown command"
}

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		wait := engine.Forever
		io.Look(func() { wait = m.wait() })
		if wait == 0 {
			m.step(io)
		}
		b, w := io.Next(wait)
		switch {
		case w == engine.TimedOut:
			m.step(io)
		case w != engine.GotByte:
		case b != sync:
			io.Heard([]byte{b}, "", "noise")
		default:
			raw, ok, bad := readFrame(func() (byte, bool) { return io.Byte(frameGap) })
			switch {
			case !ok:
				io.Heard(raw, "", "incomplete frame, ignored")
			case bad:
				io.Heard(raw, "", "bad checksum")
				io.Write(pack(nak), "NAK")
			default:
				m.frame(io, raw)
			}
		}
	}
}

func (m *Model) frame(io *engine.IO, raw []byte) {
	cmd, data := raw[3], raw[4:len(raw)-2]
	name := fmt.Sprintf("%02X", cmd)
	switch cmd {
	case ack:
		io.Heard(raw, "", "ACK")
		io.Do(func() {
			if m.sent {
				m.latched, m.sent = nil, false
			}
		})
		return
	case nak:
		io.Heard(raw, "", "NAK")
		return
	}
	io.Heard(raw, "", name+" "+title(cmd))
	if !io.Accept(name, nil, pack(nak)) {
		return
	}
	a, hit := io.Fire(name, engine.BeforeMotion)
	out := []byte{illegal}
	if !hit || a.Code != "30" {
		io.Do(func() { out = m.execute(cmd, data) })
	}
	io.Fire(name, engine.AfterMotion)
	if io.ReplyLost(name) {
		return
	}
	io.Reply(pack(out...), "", name, name+" reply "+engine.Hex(out))
}

// execute carries a command out and gives the reply's data; call it locked.
func (m *Model) execute(cmd byte, d []byte) []byte {
	m.sent = false
	done, no := []byte{ack}, []byte{illegal}
	switch {
	case cmd == 0x30:
		m.latched = nil
		m.mode, m.due = initialising, m.after(m.cfg.ReadMs)
		return done
	case cmd == 0x33:
		return m.poll()
	case cmd == 0x37:
		return []byte(fmt.Sprintf("%-15s%-12s", "SM-CN2026  V1", "21K900012345") + "\x00\x00\x00\x00\x00\x00\x01")
	case cmd == 0x41:
		return m.table()
	case cmd == 0x31:
		return append(slices.Clone(m.enabled[:]), m.escrow[:]...)
	case m.mode == poweredUp || m.mode == initialising:
		return no
	case cmd == 0x32 && len(d) == 3:
		return done
	case cmd == 0x34 && len(d) == 6:
		copy(m.enabled[:], d)
		copy(m.escrow[:], d[3:])
		switch {
		case m.mode == disabled && m.enabled != [3]byte{}:
			m.mode = idling
		case m.mode == idling && m.enabled == [3]byte{}:
			m.mode = disabled
		}
		return done
	case cmd == 0x35 && m.mode == escrowed:
		m.mode, m.due = stacking, m.after(m.cfg.StackMs)
		return done
	case cmd == 0x36 && m.mode == escrowed:
		m.mode, m.due = returning, m.after(m.cfg.ReadMs)
		return done
	case cmd == 0x38 && m.mode == escrowed:
		m.due = m.after(m.cfg.EscrowMs)
		return done
	}
	return no
}

func (m *Model) table() []byte {
	b := make([]byte, 0, 120)
	for i := range 24 {
		if i >= len(m.cfg.Values) {
			b = append(b, 0, 0, 0, 0, 0)
			continue
		}
		d, z := split(m.cfg.Values[i])
		b = append(append(b, byte(d)), m.cfg.Currency...)
		b = append(b, byte(z))
	}
	return b
}

// poll is the state now; a result is repeated until the host has acknowledged it.
func (m *Model) poll() []byte {
	if m.latched != nil {
		m.sent = true
		return m.latched
	}
	if m.st.Jam != 0 {
		return []byte{m.st.Jam}
	}
	if m.failed != nil {
		return m.failed
	}
	switch m.mode {
	case poweredUp:
		switch {
		case m.at(Stacker) != nil:
			return []byte{0x12}
		case m.at(Path, Escrow) != nil:
			return []byte{0x11}
		}
		return []byte{0x10}
	case initialising:
		return []byte{0x13}
	}
	switch {
	case m.st.CassetteOut:
		return []byte{0x42}
	case m.count(Cassette) >= m.cfg.Capacity && m.mode != stacking:
		return []byte{0x41}
	}
	switch m.mode {
	case idling:
		return []byte{0x14}
	case accepting:
		return []byte{0x15}
	case escrowed:
		return []byte{0x80, byte(m.at(Escrow).Type)}
	case stacking:
		return []byte{0x17}
	case returning:
		return []byte{0x18}
	case rejecting:
		return []byte{0x1C, m.reason}
	}
	return []byte{0x19}
}

// wait is how long until the mechanism goes on by itself.
func (m *Model) wait() time.Duration {
	switch m.mode {
	case poweredUp, disabled, idling:
		return engine.Forever
	}
	if m.st.Jam != 0 && m.mode != initialising {
		return engine.Forever
	}
	return max(0, m.due.Sub(m.clock.Now()))
}

func (m *Model) step(io *engine.IO) {
	var now mode
	ready := false
	io.Look(func() { now, ready = m.mode, m.wait() == 0 })
	if !ready {
		return
	}
	switch now {
	case accepting:
		m.read(io)
	case escrowed:
		io.Do(func() { m.mode, m.due = returning, m.after(m.cfg.ReadMs) })
	case stacking:
		m.stack(io)
	case returning, rejecting:
		m.giveBack(io, now)
	case initialising:
		m.initialise(io)
	}
}

// rest is the mode after a note has gone.
func (m *Model) rest() {
	m.mode = disabled
	if m.enabled != [3]byte{} {
		m.mode = idling
	}
}

func (m *Model) read(io *engine.IO) {
	code := ""
	for _, s := range []engine.Stage{engine.BeforeMotion, engine.MidMotion} {
		if a, hit := io.Fire(mvRead, s); hit {
			code = a.Code
		}
	}
	io.Do(func() {
		n := m.at(Path)
		reason := conditions[n.Condition]
		if r, ok := strings.CutPrefix(code, "1C-"); ok {
			v, _ := strconv.ParseUint(r, 16, 8)
			reason = byte(v)
		}
		switch {
		case code == "43":
			m.st.Jam = 0x43
			m.save()
			return
		case reason != 0:
		case n.Type < 0:
			reason = 0x69
		case m.enabled[2-n.Type/8]&(1<<(n.Type%8)) == 0:
			reason = 0x66
		}
		if reason != 0 {
			m.reason, m.mode, m.due = reason, rejecting, m.after(m.cfg.ReadMs)
			m.latched = []byte{0x1C, reason}
			return
		}
		n.Place = Escrow
		m.save()
		m.mode, m.due = escrowed, m.after(m.cfg.EscrowMs)
		if m.escrow[2-n.Type/8]&(1<<(n.Type%8)) == 0 { // no escrow for this type
			m.mode, m.due = stacking, m.after(m.cfg.StackMs)
		}
	})
	io.Fire(mvRead, engine.AfterMotion)
}

func (m *Model) stack(io *engine.IO) {
	before, hitB := io.Fire(mvStack, engine.BeforeMotion)
	if hitB && before.Code == "44" {
		io.Do(func() { m.st.Jam = 0x44; m.save() })
		return
	}
	io.Do(func() {
		m.at(Escrow).Place = Stacker
		m.save()
	})
	a, hit := io.Fire(mvStack, engine.MidMotion)
	if !hit && hitB {
		a, hit = before, true
	}
	stop := false
	io.Do(func() {
		switch {
		case hit && a.Code == "44":
			m.st.Jam, stop = 0x44, true
			m.save()
		case hit && a.Code == "45": // pulled back on a string
			m.at(Stacker).Place = Customer
			m.save()
			m.latched, stop = []byte{0x45}, true
			m.rest()
		}
	})
	if stop {
		return
	}
	io.Do(func() {
		n := m.at(Stacker)
		n.Place = Cassette
		m.st.Stacked++
		m.save()
		m.latched = []byte{0x81, byte(n.Type)}
		if hit && a.Code == "47-50" {
			m.failed = []byte{0x47, 0x50}
		}
		m.rest()
	})
	io.Fire(mvStack, engine.AfterMotion)
}

func (m *Model) giveBack(io *engine.IO, now mode) {
	for _, s := range []engine.Stage{engine.BeforeMotion, engine.MidMotion} {
		if a, hit := io.Fire(mvReturn, s); hit && a.Code == "43" {
			io.Do(func() { m.st.Jam = 0x43; m.save() })
			return
		}
	}
	io.Do(func() {
		n := m.at(Path, Escrow)
		n.Place = Mouth
		m.save()
		if now == returning {
			m.latched = []byte{0x82, byte(n.Type)}
		}
		m.rest()
	})
	io.Fire(mvReturn, engine.AfterMotion)
}

// initialise clears the path: a note in the validator goes out of the mouth, one in the stacker
// into the cassette.
func (m *Model) initialise(io *engine.IO) {
	a, stuck := io.Fire(mvInit, engine.BeforeMotion)
	io.Do(func() {
		if stuck && (a.Code == "43" || a.Code == "44") {
			m.st.Jam = map[string]byte{"43": 0x43, "44": 0x44}[a.Code]
			m.save()
			m.mode = poweredUp
			return
		}
		m.st.Jam, m.failed = 0, nil
		switch n := m.at(Path, Escrow, Stacker); {
		case n == nil:
		case n.Place == Stacker && !m.st.CassetteOut:
			n.Place = Cassette
			m.st.Stacked++
		case n.Place == Stacker:
			m.st.Jam = 0x44
		default:
			n.Place = Mouth
		}
		m.save()
		m.enabled, m.escrow, m.mode = [3]byte{}, [3]byte{}, disabled
	})
	io.Fire(mvInit, engine.AfterMotion)
}
