package crt591

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

const (
	frameGap  = 500 * time.Millisecond
	repeatGap = 500 * time.Millisecond
	repeats   = 3
)

// commandTable: CM PM in hex, as faults name them.
var commandTable = []struct{ code, name, zh string }{
	{"30 30", "initialise, card to the gate", "初始化并退卡"}, {"30 31", "initialise, card to the bin", "初始化并收卡"}, {"30 33", "initialise, leave the card", "初始化"},
	{"30 34", "initialise, card to the gate, counter on", "初始化并退卡（计数）"}, {"30 35", "initialise, card to the bin, counter on", "初始化并收卡（计数）"}, {"30 37", "initialise, leave the card, counter on", "初始化（计数）"},
	{"31 30", "status", "状态"}, {"31 31", "sensors", "传感器"}, {"32 30", "to the gate, hold", "移到卡口"}, {"32 31", "to the IC position, or dispense", "移到 IC 位/发卡"},
	{"32 32", "to the RF position", "移到射频位"}, {"32 33", "to the error bin", "收卡"}, {"32 39", "out of the gate", "吐出"}, {"33", "entry", "进卡许可"},
	{"50", "card type", "卡类型"}, {"51 30", "IC cold reset", "IC 冷复位"}, {"51 31", "IC power off", "IC 下电"}, {"51 33", "IC command T=0", "IC 命令 T=0"}, {"51 34", "IC command T=1", "IC 命令 T=1"},
	{"51 38", "IC warm reset", "IC 热复位"}, {"51 39", "IC command", "IC 命令"}, {"51", "IC card", "IC 卡"},
	{"60 30", "RF activate", "非接触卡激活"}, {"60 31", "RF off", "非接触卡下电"}, {"60 32", "RF status", "非接触卡状态"}, {"60 34", "RF command type A", "非接触命令 A"}, {"60 35", "RF command type B", "非接触命令 B"}, {"60", "RF card", "非接触卡"}, {"A2", "serial number", "序列号"}, {"A4", "version", "版本"}, {"A5", "bin counter", "收卡计数"},
}

func code(cm, pm byte) string { return fmt.Sprintf("%02X %02X", cm, pm) }

func title(cmd string) string {
	for _, c := range commandTable {
		if c.code == cmd || c.code == cmd[:2] {
			return c.name
		}
	}
	return "unknown command"
}

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		switch b {
		case head:
			m.receive(io)
		case eot:
			io.Heard([]byte{eot}, "", "EOT: abort")
			io.Write([]byte{eot}, "EOT")
		case ack, nak:
		default:
			io.Heard([]byte{b}, "", "noise")
		}
	}
}

func (m *Model) receive(io *engine.IO) {
	addr, text, raw, v := unwrap(func() (byte, bool) { return io.Byte(frameGap) })
	switch {
	case v == incomplete:
		io.Heard(raw, "", "incomplete frame, ignored")
		return
	case addr != byte(m.cfg.Address):
		io.Heard(raw, "", "for another address")
		return
	case v == wrong:
		io.Heard(raw, "", "bad checksum or length")
		io.Write([]byte{nak}, "NAK")
		return
	}
	cmd := code(text[1], text[2])
	io.Heard(raw, "", cmd+" "+title(cmd))
	if io.Accept(cmd, []byte{ack}, []byte{nak}) {
		m.execute(io, cmd, text)
	}
}

// answer is DATA, or e1 e0.
type answer struct {
	err    string
	data   []byte
	secret bool // what a chip says has the card's number
}

func (m *Model) execute(io *engine.IO, cmd string, text []byte) {
	var a answer
	if f, hit := io.Fire(cmd, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		a.err = f.Code
	} else {
		a = m.command(io, cmd, text[1], text[2], text[3:])
		if f, hit := io.Fire(cmd, engine.AfterMotion); hit && f.Code != engine.FaultNone {
			a = answer{err: f.Code}
		}
	}
	if io.ReplyLost(cmd) {
		return
	}
	var out []byte
	io.Look(func() {
		if a.err != "" {
			out = append([]byte{'N', text[1], text[2]}, a.err...)
			return
		}
		out = append([]byte{'P', text[1], text[2], m.st0(), m.level(), '0'}, a.data...)
		if m.binFull() {
			out[5] = '1'
		}
	})
	m.respond(io, cmd, out, a.secret)
}

// respond sends the response until it is acknowledged: on NAK, and three times if nothing comes.
func (m *Model) respond(io *engine.IO, cmd string, text []byte, secret bool) {
	f := wrap(byte(m.cfg.Address), text)
	shown, note := "", cmd+" "+string(text[:1])+" "+strconv.QuoteToASCII(string(text[3:]))
	if secret {
		shown = engine.Hex(f[:10]) + strings.Repeat(" ··", len(f)-10)
		note = fmt.Sprintf("%s %s and %d bytes of the chip", cmd, text[:1], len(text)-6)
	}
	io.Reply(f, shown, cmd, note)
	for again := 0; ; {
		b, w := io.Next(repeatGap)
		switch {
		case w == engine.Poked:
			continue
		case w == engine.GotByte && b == ack:
			io.Heard([]byte{b}, "", "ACK")
			return
		case w == engine.GotByte && (b == head || b == eot):
			io.Unread(b)
			return
		case w == engine.GotByte && b != nak:
			continue
		}
		if again++; again > repeats {
			return
		}
		io.Reply(f, shown, cmd, note+" (again)")
	}
}

// st0 is where the card is, for the host. A card that jammed on the path counts as inside.
func (m *Model) st0() byte {
	switch k := m.phy.inside(); {
	case k == nil:
		return '0'
	case k.At == Gate:
		return '1'
	}
	return '2'
}

func (m *Model) command(io *engine.IO, cmd string, cm, pm byte, data []byte) answer {
	if cm == 0x30 {
		return m.initialise(io, cmd, pm)
	}
	ready := false
	io.Look(func() { ready = m.ready })
	if !ready {
		return answer{err: "B0"}
	}
	switch {
	case cm == 0x31 && pm == 0x30:
		return answer{}
	case cm == 0x31 && pm == 0x31:
		return answer{data: m.sensors(io)}
	case cm == 0x32:
		return m.travel(io, cmd, pm)
	case cm == 0x33:
		return m.permit(io, pm)
	case cm == 0x50 && pm == 0x30, cm == 0x51:
		return m.contact(io, cmd, cm, pm, data)
	case cm == 0x50 && pm == 0x31, cm == 0x60:
		return m.antenna(io, cmd, cm, pm, data)
	case cm == 0xA2 && pm == 0x30:
		return answer{data: []byte("SIM0000591")}
	case cm == 0xA4 && pm == 0x30:
		return answer{data: []byte(m.cfg.Firmware)}
	case cm == 0xA5:
		return m.binCounter(io, pm, data)
	}
	return answer{err: "00"}
}

// initialise: 30 card to the gate, 31 to the bin, 33 leave; 34, 35, 37 with the counter on.
func (m *Model) initialise(io *engine.IO, cmd string, pm byte) answer {
	var to Place
	switch pm {
	case 0x30, 0x34:
		to = Gate
	case 0x31, 0x35:
		to = Bin
	case 0x33, 0x37:
	default:
		return answer{err: "01"}
	}
	inside := false
	io.Do(func() {
		m.ready, m.entry, m.counting = true, false, pm >= 0x34
		m.slot.Off()
		m.air = field{}
		inside = m.phy.inside() != nil
	})
	if to != "" && inside {
		if bad := m.bring(io, cmd, to); bad != "" {
			return answer{err: bad}
		}
	}
	return answer{data: []byte(m.cfg.Firmware)}
}

// travel is command 32. Only the movement to the IC position takes a card from the stacker.
func (m *Model) travel(io *engine.IO, cmd string, pm byte) answer {
	to, ok := map[byte]Place{0x30: Gate, 0x31: IC, 0x32: RF, 0x33: Bin, 0x39: Customer}[pm]
	if !ok {
		return answer{err: "01"}
	}
	return answer{err: m.bring(io, cmd, to)}
}

// bring moves the card in the path, or for the IC position the next one of the stacker.
func (m *Model) bring(io *engine.IO, cmd string, to Place) (bad string) {
	no := 0
	io.Do(func() {
		k := m.phy.inside()
		if k == nil && to == IC {
			if k = m.phy.lowest(); k == nil || m.stuck["stackerSensor"] == "empty" {
				bad = "A0"
				return
			}
		}
		switch {
		case k == nil:
			bad = "02"
		case m.stuck["motor"] == "error":
			bad = "51"
		case to == Bin && m.binFull():
			bad = "A1"
		default:
			no, m.moving = k.No, true
		}
	})
	if bad != "" {
		return bad
	}
	io.Sleep(time.Duration(m.cfg.MotionMs) * time.Millisecond / 2)
	// Half way: without power, or with a jam, the card stays here.
	io.Do(func() {
		k := &m.phy.List[no-1]
		if k.At == Customer || k.At == Operator { // a person was quicker
			bad, m.moving = "45", false
			return
		}
		if k.At == Stacker {
			m.put(no, Path)
		}
	})
	if bad != "" {
		return bad
	}
	if f, hit := io.Fire(cmd, engine.MidMotion); hit && f.Code != engine.FaultNone {
		io.Do(func() {
			m.moving = false
			if p := staysAt(f.Code); p != "" {
				m.put(no, p)
			}
		})
		return f.Code
	}
	io.Sleep(time.Duration(m.cfg.MotionMs) * time.Millisecond / 2)
	io.Do(func() {
		m.moving = false
		m.put(no, to)
		if to == Bin && m.counting {
			m.phy.Counter = (m.phy.Counter + 1) % 1000
			m.put(no, to)
		}
	})
	return ""
}

// put moves a card and makes it durable; call it locked.
func (m *Model) put(no int, p Place) {
	m.phy.List[no-1].At = p
	m.lift()
	if err := m.save(); err != nil {
		panic(err)
	}
}

// permit: M001 30 lets cards in, 31 keeps them out; R02 32 and 30.
func (m *Model) permit(io *engine.IO, pm byte) answer {
	on, off := byte(0x30), byte(0x31)
	if m.cfg.R02 {
		on, off = 0x32, 0x30
	}
	if pm != on && pm != off {
		return answer{err: "01"}
	}
	io.Do(func() { m.entry = pm == on })
	return answer{}
}

// sensors: S1 gate, S2 entry, S3 IC position, S4 RF position, S5 stacker exit, S6 stacker few,
// S7 bin, S8 reserved.
func (m *Model) sensors(io *engine.IO) []byte {
	out := []byte("00000000")
	io.Look(func() {
		set := func(i int, b bool) {
			if b {
				out[i] = '1'
			}
		}
		at := Place("")
		if k := m.phy.inside(); k != nil {
			at = k.At
		}
		set(0, at == Gate)
		set(1, at == Gate || at == Path)
		set(2, at == IC)
		set(3, at == RF)
		set(4, m.level() != '0')
		set(5, m.level() == '2')
		set(6, m.binFull())
	})
	return out
}

// binCounter: A5 30 reads, A5 31 sets three decimal digits.
func (m *Model) binCounter(io *engine.IO, pm byte, data []byte) answer {
	if pm == 0x31 {
		n, err := strconv.Atoi(string(data))
		if err != nil || len(data) != 3 || n < 0 {
			return answer{err: "04"}
		}
		io.Do(func() {
			m.phy.Counter = n
			if err := m.save(); err != nil {
				panic(err)
			}
		})
		return answer{}
	}
	n := 0
	io.Look(func() { n = m.phy.Counter })
	return answer{data: fmt.Appendf(nil, "%03d", n)}
}
