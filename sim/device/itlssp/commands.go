package itlssp

import (
	"encoding/binary"
	"slices"
)

// command is one command of the protocol. args is its exact number of data bytes, -1 any;
// secret ones must come encrypted; payout ones need a payout device.
type command struct {
	name, zh       string
	args           int
	secret, payout bool
	run            func(m *Model, d []byte) []byte
}

var ok = []byte{0xF0}

func okWith(b ...byte) []byte { return append([]byte{0xF0}, b...) }

// no is "command cannot be processed", with a reason if there is one.
func no(reason ...byte) []byte { return append([]byte{0xF5}, reason...) }

var outOfRange = []byte{0xF4}

var commands map[byte]command

var commandOrder []byte

func init() {
	le := binary.LittleEndian
	commands = map[byte]command{
		0x01: {"reset", "复位", 0, false, false, func(*Model, []byte) []byte { return ok }},
		0x02: {"set inhibits", "设置通道", -1, false, false, (*Model).setInhibits},
		0x03: {"display on", "灯亮", 0, false, false, func(*Model, []byte) []byte { return ok }},
		0x04: {"display off", "灯灭", 0, false, false, func(*Model, []byte) []byte { return ok }},
		0x05: {"setup request", "配置查询", 0, false, false, (*Model).setup},
		0x06: {"host protocol version", "协议版本", 1, false, false, func(m *Model, d []byte) []byte {
			if d[0] < 6 || d[0] > 8 {
				return []byte{0xF8}
			}
			m.protocol = d[0]
			return ok
		}},
		0x07: {"poll", "轮询", 0, false, false, (*Model).poll},
		0x08: {"reject", "退钞", 0, false, false, func(m *Model, _ []byte) []byte {
			if m.phase != escrowed {
				return no()
			}
			m.giveBack(rejectHost)
			return ok
		}},
		0x09: {"disable", "禁用", 0, false, false, func(m *Model, _ []byte) []byte {
			m.enabled = false
			if m.phase == escrowed {
				m.giveBack(rejectHost)
			}
			return ok
		}},
		0x0A: {"enable", "启用", 0, false, false, func(m *Model, _ []byte) []byte { m.enabled = true; return ok }},
		0x0C: {"serial number", "序列号", 0, false, false, func(*Model, []byte) []byte { return okWith(0x00, 0x12, 0xD6, 0x87) }},
		0x0D: {"unit data", "单元数据", 0, false, false, func(m *Model, _ []byte) []byte {
			b := append(okWith(m.unitType()), "0420"+m.cfg.Currency...)
			return append(b, 0, 0, 1, m.protocol)
		}},
		0x0E: {"channel values", "通道面值", 0, false, false, func(m *Model, _ []byte) []byte {
			b := okWith(byte(len(m.cfg.Values)))
			for _, v := range m.cfg.Values {
				b = append(b, byte(v))
			}
			return m.expanded(b)
		}},
		0x0F: {"channel security", "通道安全级", 0, false, false, func(m *Model, _ []byte) []byte {
			b := okWith(byte(len(m.cfg.Values)))
			return append(b, slices.Repeat([]byte{2}, len(m.cfg.Values))...)
		}},
		0x11: {"sync", "同步", 0, false, false, func(*Model, []byte) []byte { return ok }},
		0x17: {"last reject code", "最近拒钞码", 0, false, false, func(m *Model, _ []byte) []byte { return okWith(m.st.LastReject) }},
		0x18: {"hold", "保持暂存", 0, false, false, func(m *Model, _ []byte) []byte {
			if m.phase != escrowed {
				return no()
			}
			m.due = m.after(m.cfg.EscrowMs)
			return ok
		}},
		0x20: {"firmware version", "固件版本", 0, false, false, func(*Model, []byte) []byte { return append(okWith(), "NV02004200000000"...) }},
		0x21: {"dataset version", "数据集版本", 0, false, false, func(m *Model, _ []byte) []byte { return append(okWith(), m.cfg.Currency+"01A06"...) }},
		0x22: {"all levels", "全部存量", 0, false, true, func(m *Model, _ []byte) []byte {
			return m.byChannel(func(ch int) int { return m.level(ch) })
		}},
		0x33: {"payout amount", "按金额出钞", 8, true, true, func(m *Model, d []byte) []byte {
			if c := m.mayPay(); c != 0 {
				return no(c)
			}
			plan, c := m.byAmount(int(le.Uint32(d)))
			return m.order("payout", plan, c, string(d[4:7]), d[7])
		}},
		0x35: {"denomination level", "面值存量", 7, false, true, func(m *Model, d []byte) []byte {
			ch, found := m.denomination(d)
			if !found {
				return outOfRange
			}
			return le.AppendUint16(okWith(), uint16(m.level(ch)))
		}},
		0x38: {"halt", "停止出钞", 0, true, true, func(m *Model, _ []byte) []byte {
			if !m.halt() {
				return no()
			}
			return ok
		}},
		0x3B: {"set route", "设置去向", 8, false, true, func(m *Model, d []byte) []byte {
			ch, found := m.denomination(d[1:])
			if !found || d[0] > 1 {
				return outOfRange
			}
			m.st.ToStore[ch] = d[0] == 0
			m.save()
			return ok
		}},
		0x3C: {"get route", "查询去向", 7, true, true, func(m *Model, d []byte) []byte {
			ch, found := m.denomination(d)
			switch {
			case !found:
				return no(2)
			case m.st.ToStore[ch]:
				return okWith(0)
			}
			return okWith(1)
		}},
		0x3D: {"float amount", "按金额留存", 10, true, true, func(m *Model, d []byte) []byte {
			if c := m.mayPay(); c != 0 {
				return no(c)
			}
			keep, c := m.byAmount(int(le.Uint32(d[2:])))
			return m.order("float", m.but(keep), c, string(d[6:9]), d[9])
		}},
		0x3E: {"minimum payout", "最小出钞额", 0, false, true, func(m *Model, _ []byte) []byte {
			least := 0
			for ch, v := range m.cfg.Values {
				if m.level(ch+1) > 0 && (least == 0 || v < least) {
					least = v
				}
			}
			return le.AppendUint32(okWith(), uint32(least*minor))
		}},
		0x3F: {"empty all", "全部清空", 0, true, true, func(m *Model, _ []byte) []byte { return m.empty("empty") }},
		0x44: {"float by denomination", "按面值留存", -1, true, true, func(m *Model, d []byte) []byte {
			if c := m.mayPay(); c != 0 {
				return no(c)
			}
			keep, test, good, enough := m.list(d)
			switch {
			case !good:
				return []byte{0xF3}
			case !enough:
				return no(notEnough)
			}
			return m.order("float", m.but(keep), 0, m.cfg.Currency, test)
		}},
		0x46: {"payout by denomination", "按面值出钞", -1, true, true, func(m *Model, d []byte) []byte {
			if c := m.mayPay(); c != 0 {
				return no(c)
			}
			plan, test, good, enough := m.list(d)
			switch {
			case !good:
				return []byte{0xF3}
			case !enough:
				return no(notEnough)
			}
			return m.order("payout", plan, 0, m.cfg.Currency, test)
		}},
		0x4A: {"set generator", "设置生成元", 8, false, false, func(m *Model, d []byte) []byte {
			if !prime(le.Uint64(d)) {
				return outOfRange
			}
			m.crypt.generator = le.Uint64(d)
			return ok
		}},
		0x4B: {"set modulus", "设置模数", 8, false, false, func(m *Model, d []byte) []byte {
			if !prime(le.Uint64(d)) {
				return outOfRange
			}
			m.crypt.modulus = le.Uint64(d)
			return ok
		}},
		0x4C: {"key exchange", "密钥交换", 8, false, false, func(m *Model, d []byte) []byte {
			mine, done := m.crypt.exchange(m.st.FixedKey, le.Uint64(d))
			if !done {
				return []byte{0xF8}
			}
			return le.AppendUint64(okWith(), mine)
		}},
		0x4F: {"build revision", "构建版本", 0, false, false, func(m *Model, _ []byte) []byte { return okWith(m.unitType(), 0, 7) }},
		0x52: {"smart empty", "智能清空", 0, true, true, func(m *Model, _ []byte) []byte { return m.empty("smartEmpty") }},
		0x53: {"cash box payout data", "转入钞箱明细", 0, false, true, func(m *Model, _ []byte) []byte {
			return append(m.byChannel(func(ch int) int { return m.st.LastMoved[ch] }), 0, 0, 0, 0)
		}},
		0x58: {"get counters", "查询计数器", 0, false, false, func(m *Model, _ []byte) []byte {
			b := okWith(5)
			c := m.st.Counts
			for _, n := range []uint32{c.Stacked, c.Stored, c.Dispensed, c.Transferred, c.Rejected} {
				b = le.AppendUint32(b, n)
			}
			return b
		}},
		0x59: {"reset counters", "清零计数器", 0, false, false, func(m *Model, _ []byte) []byte {
			m.st.Counts = Counts{}
			m.save()
			return ok
		}},
		0x5B: {"disable payout device", "禁用出钞", 0, false, true, func(m *Model, _ []byte) []byte { m.payout = false; return ok }},
		0x5C: {"enable payout device", "启用出钞", -1, false, true, func(m *Model, _ []byte) []byte {
			switch {
			case m.st.Job != nil:
				return no(3)
			case m.st.Jam != "":
				return no(5)
			}
			m.payout = true
			return ok
		}},
		0x60: {"set fixed key", "设置固定密钥", 8, true, false, func(m *Model, d []byte) []byte {
			m.st.FixedKey = le.Uint64(d)
			m.save()
			return ok
		}},
		0x61: {"reset fixed key", "恢复固定密钥", 0, false, false, func(m *Model, _ []byte) []byte {
			if m.count(Store) > 0 {
				return no()
			}
			m.st.FixedKey = defaultFixedKey
			m.save()
			return ok
		}},
	}
	for c := range commands {
		commandOrder = append(commandOrder, c)
	}
	slices.Sort(commandOrder)
}

func (m *Model) setInhibits(d []byte) []byte {
	if len(d) < 1 || len(d) > 2 {
		return []byte{0xF3}
	}
	m.inhibits = uint16(d[0])
	if len(d) == 2 {
		m.inhibits |= uint16(d[1]) << 8
	}
	return ok
}

func (m *Model) unitType() byte {
	if m.cfg.Payout {
		return 6
	}
	return 0
}

func (m *Model) setup([]byte) []byte {
	n := len(m.cfg.Values)
	b := append(okWith(m.unitType()), "0420"+m.cfg.Currency...)
	b = append(b, 0, 0, 1, byte(n))
	for _, v := range m.cfg.Values {
		b = append(b, byte(v))
	}
	b = append(b, slices.Repeat([]byte{2}, n)...)
	return m.expanded(append(b, 0, 0, minor, m.protocol))
}

// expanded adds currency and four-byte value of each channel (protocol 6 and later).
func (m *Model) expanded(b []byte) []byte {
	for range m.cfg.Values {
		b = append(b, m.cfg.Currency...)
	}
	for _, v := range m.cfg.Values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// byChannel lists a count of each denomination: n × (count, value, currency).
func (m *Model) byChannel(count func(ch int) int) []byte {
	b := okWith(byte(len(m.cfg.Values)))
	for i, v := range m.cfg.Values {
		b = binary.LittleEndian.AppendUint16(b, uint16(count(i+1)))
		b = append(b, m.amount(v*minor)...)
	}
	return b
}

// denomination reads value and currency.
func (m *Model) denomination(d []byte) (ch int, found bool) {
	v := int(binary.LittleEndian.Uint32(d))
	ch = m.channel(v / minor)
	return ch, ch > 0 && v%minor == 0 && string(d[4:7]) == m.cfg.Currency
}

// list reads n × (count, value, currency) and the option byte, and picks the notes.
func (m *Model) list(d []byte) (plan []int, test byte, good, enough bool) {
	if len(d) < 2 || len(d) != 2+9*int(d[0]) {
		return nil, 0, false, false
	}
	enough = true
	for i := range int(d[0]) {
		e := d[1+9*i:]
		ch, found := m.denomination(e[2:9])
		if !found {
			return nil, 0, false, false
		}
		var all bool
		plan, all = m.pick(ch, int(binary.LittleEndian.Uint16(e)), plan)
		enough = enough && all
	}
	return plan, d[len(d)-1], true, enough
}

// but are the notes in the store that are not kept.
func (m *Model) but(keep []int) []int {
	return slices.DeleteFunc(m.all(), func(id int) bool { return slices.Contains(keep, id) })
}

// order starts a payout or float, or only says whether it could be done.
func (m *Model) order(kind string, plan []int, refused byte, currency string, option byte) []byte {
	switch {
	case refused != 0:
		return no(refused)
	case currency != m.cfg.Currency || option != 0x19 && option != 0x58:
		return outOfRange
	case option == 0x58:
		m.start(kind, plan)
	}
	return ok
}

func (m *Model) empty(kind string) []byte {
	if c := m.mayPay(); c != 0 && c != disabled {
		return no(c)
	}
	m.start(kind, m.all())
	return ok
}

const pollRoom = 230

// poll gives the events since the last poll and the states that last. A note in escrow that
// has been reported is accepted by this very command.
func (m *Model) poll([]byte) []byte {
	if m.phase == escrowed && m.told {
		m.told = false
		m.event(0xCC)
		m.phase, m.due = stacking, m.after(m.cfg.StackMs/2)
	}
	b := okWith()
	for len(m.events) > 0 && len(b)+len(m.events[0]) < pollRoom {
		e := m.events[0]
		m.events = m.events[1:]
		if e[0] == 0xEF && e[1] != 0 && m.phase == escrowed {
			m.told = true
		}
		b = append(b, e...)
	}
	add := func(on bool, e ...byte) {
		if on {
			b = append(b, e...)
		}
	}
	add(m.st.Jam == "unsafe", 0xE9)
	add(m.st.Jam == "safe", 0xEA)
	add(m.full(), 0xE7)
	if j := m.st.Job; j != nil {
		switch j.Kind {
		case "payout":
			b = append(append(b, 0xDA, 1), m.amount(j.Done)...)
		case "float":
			b = append(append(b, 0xD7, 1), m.amount(j.Done)...)
		case "smartEmpty":
			b = append(append(b, 0xB3, 1), m.amount(j.Done)...)
		default:
			b = append(b, 0xC2)
		}
	}
	if n := m.at(Bezel); n != nil {
		b = append(append(b, 0xCE), m.amount(n.Value*minor)...)
	}
	add(m.enabled && m.inhibits == 0, 0xB5)
	add(!m.enabled, 0xE8)
	return b
}
