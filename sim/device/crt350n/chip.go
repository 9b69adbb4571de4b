package crt350n

import (
	"errors"
	"path/filepath"
	"strings"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/iccard"
)

// Faults of the chip. They strike in mid-motion of a command to the chip; after is how many
// commands it has answered since its reset.
const (
	chipMute   = "CHIP-MUTE"
	chipPulled = "CHIP-PULLED"
	chipNoise  = "CHIP-NOISE"
	apdus      = "CI3,CI4,CI9"
)

// holder is the cardholder's name of a track 1.
func holder(track1 string) string {
	if f := strings.Split(track1, "^"); len(f) > 1 {
		return f[1]
	}
	return ""
}

// release lifts the contacts; call it locked.
func (m *Model) release() {
	m.contacts = false
	m.slot.Put(nil)
}

// press puts the contacts on the card inside; call it locked.
func (m *Model) press() error {
	if m.contacts {
		return nil
	}
	m.contacts = true
	c := m.phy.Card
	if !c.IC {
		return nil
	}
	of := chip{}
	if c.Chip != nil {
		of = *c.Chip
	}
	k, err := iccard.New(filepath.Dir(m.file), of.Kind, of.Track2, of.Holder)
	if err != nil {
		return err
	}
	m.slot.Put(k)
	return nil
}

// chipError is e1 e0 of what the coupler says.
func chipError(err error) string {
	for e, code := range map[error]string{iccard.ErrMute: "63", iccard.ErrATR: "62", iccard.ErrOff: "65", iccard.ErrProtocol: "64",
		iccard.ErrOther: "66", iccard.ErrLength: "04"} {
		if errors.Is(err, e) {
			return code
		}
	}
	return "64"
}

// chip: C@0 and C@2 press and release the contacts; CI is power and commands. The answer to a
// reset is the protocol's number as a character and the ATR, both assumed; an answer to a
// command is the chip's, with a status word 61xx or 6Cxx as it comes.
func (m *Model) chip(io *engine.IO, cmd string, data []byte) answer {
	count := 0
	io.Do(func() { count = m.slot.Commands })
	struck, hit := io.FireIf(cmd, engine.MidMotion, func(a engine.Armed) bool { return a.After <= count })
	if hit && !strings.HasPrefix(struck.Code, "CHIP-") {
		if struck.Code == engine.FaultNone {
			return answer{}
		}
		return answer{err: wire(struck.Code)}
	}
	var a answer
	io.Do(func() {
		switch struck.Code {
		case chipMute:
			m.slot.Mute = true
		case chipNoise:
			m.slot.Noise++
		case chipPulled:
			m.place(Outside)
			a.err = "16"
			return
		}
		switch {
		case m.phy.Position != Inside || m.phy.Card == nil:
			a.err = "02"
		case cmd == "C@0":
			if err := m.press(); err != nil {
				panic(err)
			}
		case cmd == "C@2":
			m.release()
		case !m.contacts:
			a.err = "43"
		case cmd == "CI0" || cmd == "CI8":
			atr, err := m.slot.Power()
			if err != nil {
				a.err = chipError(err)
				return
			}
			a.data = append([]byte{'0' + byte(m.slot.Protocol())}, atr...)
		case cmd == "CI1":
			m.slot.Off()
		case cmd == "CI2":
			a.data = []byte("0")
			if m.slot.Powered() {
				a.data = []byte("1")
			}
		case cmd == "CI3" || cmd == "CI4" || cmd == "CI9":
			protocol := m.slot.Protocol()
			if cmd != "CI9" {
				protocol = int(cmd[2] - '3')
			}
			out, err := m.slot.Transmit(protocol, data)
			if err != nil {
				a.err = chipError(err)
				return
			}
			a.data = out
		default:
			a.err = "03"
		}
	})
	return a
}
