package crt591

import (
	"errors"
	"path/filepath"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/iccard"
)

// Faults of the chip. They strike in mid-motion of a command to the chip; after is how many
// commands it has answered since its reset.
const (
	chipMute  = "CHIP-MUTE"
	chipNoise = "CHIP-NOISE"
	apdus     = "51 33,51 34,51 39"
)

// Commands of CM 51.
const (
	icCold = 0x30
	icOff  = 0x31
	icSays = 0x32
	icT0   = 0x33
	icT1   = 0x34
	icWarm = 0x38
	icAuto = 0x39
)

// lift takes the contacts off: the card is not at the IC position any more. Call it locked.
func (m *Model) lift() {
	m.seated = 0
	m.slot.Put(nil)
}

// seat lays the contacts on the card at the IC position; call it locked. It is nil when none is
// there.
func (m *Model) seat() *Card {
	k := m.phy.inside()
	if k == nil || k.At != IC {
		m.lift()
		return nil
	}
	if m.seated == k.No {
		return k
	}
	m.lift()
	if !k.Blank {
		c, err := iccard.New(filepath.Dir(m.file), k.Chip, k.Track2, "")
		if err != nil { // insertCard has checked it
			panic(err)
		}
		m.slot.Put(c)
	}
	m.seated = k.No
	return k
}

// coupler is the maker's number of what a chip did.
func coupler(err error) string {
	for _, x := range []struct {
		err  error
		code string
	}{{iccard.ErrMute, "63"}, {iccard.ErrATR, "61"}, {iccard.ErrOff, "65"}, {iccard.ErrProtocol, "64"}, {iccard.ErrOther, "66"}, {iccard.ErrLength, "04"}} {
		if errors.Is(err, x.err) {
			return x.code
		}
	}
	return "67"
}

// cardType is the answer to 50 30, from the chip's answer to reset.
func (m *Model) cardType(k *Card) string {
	switch {
	case k.Blank:
		return "00"
	case k.Chip.Protocol == "T1":
		return "11"
	}
	return "10"
}

// contact is the IC side: 50 30 type; 51 30 cold reset, 31 off, 32 status, 33 and 34 a command
// over T=0 and T=1, 38 warm reset, 39 a command over the protocol of the answer to reset. The
// answer to a reset is the protocol as a character, and the ATR.
func (m *Model) contact(io *engine.IO, cmd string, cm, pm byte, data []byte) (a answer) {
	told := 0
	io.Look(func() { told = m.slot.Commands })
	struck, hit := io.FireIf(cmd, engine.MidMotion, func(f engine.Armed) bool { return f.After <= told })
	if hit && struck.Code != chipMute && struck.Code != chipNoise && struck.Code != engine.FaultNone {
		return answer{err: struck.Code}
	}
	io.Do(func() {
		k := m.seat()
		switch struck.Code {
		case chipMute:
			m.slot.Mute = true
		case chipNoise:
			m.slot.Noise++
		}
		if k == nil {
			a.err = "02"
			return
		}
		if cm == 0x50 {
			a.data = []byte(m.cardType(k))
			return
		}
		switch pm {
		case icCold, icWarm:
			a = m.resetChip(pm, data)
		case icOff:
			m.slot.Off()
		case icSays:
			a.data = []byte{'0'}
			if m.slot.Powered() {
				a.data = []byte{'1'}
			}
		case icT0, icT1, icAuto:
			how := map[byte]int{icT0: 0, icT1: 1, icAuto: m.slot.Protocol()}[pm]
			said, err := m.slot.Transmit(how, data)
			if err != nil {
				a.err = coupler(err)
				return
			}
			a.data, a.secret = said, true
		default:
			a.err = "03"
		}
	})
	return a
}

// resetChip: a cold reset has the voltage as its data, a warm one wants a chip that is on.
func (m *Model) resetChip(pm byte, data []byte) answer {
	switch {
	case pm == icCold && (len(data) != 1 || data[0] != '0' && data[0] != '3' && data[0] != '5'):
		return answer{err: "04"}
	case pm == icWarm && !m.slot.Powered():
		return answer{err: "65"}
	}
	atr, err := m.slot.Power()
	if err != nil {
		return answer{err: coupler(err)}
	}
	return answer{data: append([]byte{'0' + byte(m.slot.Protocol())}, atr...)}
}
