package itlssp

import (
	"fmt"
	"strconv"
	"strings"

	"zhigui/sim/device/engine"
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	m.startUp(io)
	var d deframer
	for {
		wait := engine.Forever
		io.Look(func() { wait = m.wait() })
		if wait == 0 { // before the line: a host that asks all the time must not starve the mechanism
			m.step(io)
		}
		b, w := io.Next(wait)
		switch w {
		case engine.TimedOut:
			m.step(io)
		case engine.GotByte:
			p, ok, bad := d.push(b)
			switch {
			case bad:
				io.Heard(d.raw, "", "bad checksum, ignored")
			case ok:
				m.packet(io, p, d.raw)
			}
		}
	}
}

// packet answers one good frame.
func (m *Model) packet(io *engine.IO, p packet, raw []byte) {
	if int(p.addr&^seqBit) != m.cfg.Address {
		io.Heard(raw, "", "for another address")
		return
	}
	seq := p.addr & seqBit
	if m.lastReply != nil && seq == m.lastSeq && p.data[0] != 0x11 {
		io.Heard(raw, "", m.lastName+" again: the last reply is repeated")
		if io.Accept(m.lastName, nil, nil) && !io.ReplyLost(m.lastName) {
			io.Reply(m.lastReply, "", m.lastName, m.lastName+" reply (again)")
		}
		return
	}
	data, encrypted := p.data, false
	if data[0] == stex {
		if m.crypt.key == nil {
			io.Heard(raw, "", "encrypted, but there is no key")
			m.reply(io, p.addr, []byte{0xFA}, false, "7E")
			return
		}
		count, plain, ok := open(m.crypt.key, data[1:])
		if !ok || count != m.crypt.count {
			io.Heard(raw, "", "encrypted under another key or with another count, ignored")
			return
		}
		data, encrypted = plain, true
	}
	cmd := hexByte(data[0])
	shown := ""
	if data[0] == 0x60 {
		shown = "··"
	}
	io.Heard(raw, shown, decode(data, encrypted))
	if !io.Accept(cmd, nil, nil) {
		return
	}
	out := m.execute(io, data, encrypted)
	if data[0] == 0x11 {
		io.Look(func() {
			seq = seqBit
			if m.cfg.SeqAfterSync == "80" {
				seq = 0
			}
		})
	}
	if encrypted {
		m.crypt.count++
	}
	m.replyAs(io, p.addr, seq, out, encrypted, cmd)
	if data[0] == 0x01 && out[0] == 0xF0 {
		m.startUp(io)
	}
}

func (m *Model) reply(io *engine.IO, addr byte, out []byte, encrypted bool, cmd string) {
	m.replyAs(io, addr, addr&seqBit, out, encrypted, cmd)
}

// replyAs sends the answer and keeps it for a repetition; seq is the bit that counts as used.
func (m *Model) replyAs(io *engine.IO, addr, seq byte, out []byte, encrypted bool, cmd string) {
	data := out
	if encrypted {
		data = seal(m.crypt.key, m.crypt.count, out)
	}
	frame := pack(addr, data)
	m.lastSeq, m.lastReply, m.lastName = seq, frame, cmd
	if _, hit := io.Fire(cmd, engine.AfterMotion); hit {
		io.Log("%s after the command", cmd)
	}
	if io.ReplyLost(cmd) {
		return
	}
	io.Reply(frame, "", cmd, cmd+" reply "+engine.Hex(out))
}

// execute carries the command out and gives the plain reply.
func (m *Model) execute(io *engine.IO, data []byte, encrypted bool) []byte {
	cmd := hexByte(data[0])
	if a, hit := io.Fire(cmd, engine.BeforeMotion); hit && strings.HasPrefix(a.Code, "F") {
		if n, err := strconv.ParseUint(a.Code, 16, 8); err == nil {
			return []byte{byte(n)}
		}
	}
	c, ok := commands[data[0]]
	switch {
	case !ok || c.payout && !m.cfg.Payout:
		return []byte{0xF2}
	case c.secret && !encrypted:
		return []byte{0xFA}
	case c.args >= 0 && len(data)-1 != c.args:
		return []byte{0xF3}
	}
	var out []byte
	io.Do(func() { out = c.run(m, data[1:]) })
	return out
}

func hexByte(b byte) string { return fmt.Sprintf("%02X", b) }

func decode(data []byte, encrypted bool) string {
	s := hexByte(data[0]) + " " + commands[data[0]].name
	if encrypted {
		s += " (encrypted)"
	}
	return s
}
