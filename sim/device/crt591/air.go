package crt591

import (
	"bytes"
	"path/filepath"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/iccard"
)

// airLeaves: the person takes the card away in mid-exchange; after is how many commands it has
// answered since it was activated.
const (
	airLeaves = "AIR-LEAVES"
	airAPDUs  = "60 34,60 35"
)

// Commands of CM 60.
const (
	rfOn    = 0x30
	rfOff   = 0x31
	rfSays  = 0x32
	rfA     = 0x34
	rfB     = 0x35
	longest = 261 // C-APDU
)

// The maker's text has no numbers for an antenna that hears nobody, or two at once.
const (
	airNobody = "61"
	airMany   = "67"
)

// field is the card that the antenna talks to; no is 0 when there is none.
type field struct {
	no       int
	kind     byte // A, B, M
	card     *iccard.Card
	commands int
}

// near are the cards that the antenna reaches: held to the front, or at the RF position. Call it
// locked.
func (m *Model) near() (out []*Card) {
	for i := range m.phy.List {
		if k := &m.phy.List[i]; !k.Blank && k.Chip.Air != "none" && (k.At == Field || k.At == RF) {
			out = append(out, k)
		}
	}
	return out
}

// tap holds a card to the antenna. One that was held there before, by that name, is the same card.
func (m *Model) tap(a engine.Args) error {
	c, err := newCard(a)
	if err != nil {
		return err
	}
	if m.phy.count(Field) == maxField {
		return engine.Conflictf("two cards are held to the antenna already")
	}
	for i := range m.phy.List {
		if k := &m.phy.List[i]; c.Name != "" && k.Name == c.Name && k.At == Holder && (c.Track2 == "" || c.Track2 == k.Track2) {
			k.At = Field
			m.dev.Poke()
			return m.save()
		}
	}
	c.At = Field
	m.phy.add(c)
	m.dev.Poke()
	return m.save()
}

// antenna is the RF side: 50 31 type; 60 30 activate, 31 off, 32 status, 34 and 35 a command to a card
// of type A and B.
func (m *Model) antenna(io *engine.IO, cmd string, cm, pm byte, data []byte) (a answer) {
	told := 0
	io.Look(func() { told = m.air.commands })
	struck, hit := io.FireIf(cmd, engine.MidMotion, func(f engine.Armed) bool { return f.After <= told })
	if hit && struck.Code != airLeaves && struck.Code != engine.FaultNone {
		return answer{err: struck.Code}
	}
	io.Do(func() {
		if m.air.no != 0 { // is it still there?
			if at := m.phy.List[m.air.no-1].At; at != Field && at != RF {
				m.air = field{}
			}
		}
		if struck.Code == airLeaves {
			m.phy.all(Field, Holder)
			m.air = field{}
			if err := m.save(); err != nil {
				panic(err)
			}
			a.err = "68"
			return
		}
		switch {
		case cm == 0x50:
			if a = m.activate(nil); a.err == "" {
				a.data = m.rfStatus()
			}
			m.air = field{}
		case pm == rfOn:
			a = m.activate(data)
		case pm == rfOff:
			m.air = field{}
		case pm == rfSays:
			a.data = m.rfStatus()
		case pm == rfA, pm == rfB:
			a = m.overAir(map[byte]byte{rfA: 'A', rfB: 'B'}[pm], data)
		default:
			a.err = "03"
		}
	})
	return a
}

// activate looks for a card, in the order of Set1 and Set2: A, B, or 0 for not at all. What it answers
// to type A with APDUs ends with a parameter byte behind the ATS.
func (m *Model) activate(order []byte) answer {
	if len(order) == 0 {
		order = []byte("AB")
	}
	if len(order) > 2 || bytes.ContainsFunc(order, func(r rune) bool { return r != 'A' && r != 'B' && r != '0' }) {
		return answer{err: "04"}
	}
	m.air = field{}
	near := m.near()
	switch len(near) {
	case 0:
		return answer{err: airNobody}
	case 1:
	default:
		return answer{err: airMany}
	}
	c, err := iccard.New(filepath.Dir(m.file), near[0].Chip, near[0].Track2, "")
	if err != nil {
		panic(err) // newCard has checked it
	}
	heard, err := c.Select()
	of := heard.Kind
	if of == 'M' {
		of = 'A'
	}
	if err != nil || !bytes.Contains(order, []byte{of}) {
		return answer{err: airNobody}
	}
	m.air = field{no: near[0].No, kind: heard.Kind, card: c}
	out := append([]byte{heard.Kind}, heard.ATQ...)
	if heard.Kind != 'B' {
		out = append(append(append(out, byte(len(heard.UID))), heard.UID...), heard.SAK)
	}
	if heard.Kind == 'A' {
		out = append(append(out, heard.ATS...), 0x00)
	}
	return answer{data: out, secret: true}
}

// rfStatus is sti stj.
func (m *Model) rfStatus() []byte {
	switch m.air.kind {
	case 'A':
		return []byte("20")
	case 'B':
		return []byte("30")
	case 'M':
		return []byte("10")
	}
	return []byte("00")
}

// overAir carries one command to the active card.
func (m *Model) overAir(kind byte, apdu []byte) answer {
	switch {
	case m.air.no == 0:
		return answer{err: "65"}
	case m.air.kind != kind:
		return answer{err: "66"}
	case len(apdu) < 4 || len(apdu) > longest:
		return answer{err: "04"}
	}
	m.air.commands++
	return answer{data: m.air.card.Command(apdu), secret: true}
}
