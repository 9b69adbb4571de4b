package itlssp

import (
	"encoding/binary"
	"time"

	"zhigui/sim/device/engine"
)

// phase is what the mechanism does now.
type phase string

const (
	idle      phase = ""
	reading   phase = "reading"
	escrowed  phase = "escrowed"
	stacking  phase = "stacking" // up to the point of the credit
	credited  phase = "credited" // from there to its place
	rejecting phase = "rejecting"
	moving    phase = "moving" // a note of a payout, float or empty
	holding   phase = "holding"
)

// wait is how long until the mechanism goes on by itself; call it locked.
func (m *Model) wait() time.Duration {
	if m.phase == idle && m.st.Job != nil && m.st.Jam == "" {
		m.phase, m.due = moving, m.after(m.cfg.PayMs)
	}
	if m.phase == holding && m.at(Bezel) == nil {
		m.phase = idle
		return 0
	}
	if m.phase == idle || m.phase == holding {
		return engine.Forever
	}
	return max(0, m.due.Sub(m.clock.Now()))
}

// step goes one step on.
func (m *Model) step(io *engine.IO) {
	var now phase
	ready := false
	io.Look(func() { now, ready = m.phase, m.phase != idle && m.phase != holding && !m.clock.Now().Before(m.due) })
	if !ready {
		return
	}
	switch now {
	case reading:
		m.read(io)
	case escrowed:
		io.Do(func() { m.giveBack(rejectTimeout) })
	case stacking:
		m.credit(io)
	case credited:
		m.stack(io)
	case rejecting:
		m.rejected(io)
	case moving:
		m.moveNext(io)
	}
}

// jam stops the note where it is.
func (m *Model) jam(kind string) {
	m.st.Jam, m.phase = kind, idle
	m.save()
}

// read decides about the note in the path.
func (m *Model) read(io *engine.IO) {
	var code byte
	var jam string
	fraud := false
	for _, s := range []engine.Stage{engine.BeforeMotion, engine.MidMotion} {
		a, hit := io.Fire(mvRead, s)
		if !hit {
			continue
		}
		switch r, reject := rejectOf(a.Code); {
		case a.Code == "E9":
			jam = "unsafe"
		case a.Code == "EA":
			jam = "safe"
		case a.Code == "E6":
			fraud, code = true, rejectInternal
		case reject:
			code = r
		}
	}
	io.Do(func() {
		n := m.at(Path)
		if n == nil {
			m.phase = idle
			return
		}
		if jam != "" {
			m.jam(jam)
			return
		}
		if fraud {
			m.event(0xE6, byte(n.Channel))
		}
		switch {
		case code != 0:
		case n.Channel == 0:
			code = rejectUnknown
		case conditions[n.Condition] != rejectNone:
			code = conditions[n.Condition]
		case !m.enabled || m.inhibits&(1<<(n.Channel-1)) == 0:
			code = rejectInhibit
		}
		if code != 0 {
			m.giveBack(code)
			return
		}
		n.Place = Escrow
		m.save()
		m.event(0xEF, byte(n.Channel))
		m.told, m.phase, m.due = false, escrowed, m.after(m.cfg.EscrowMs)
	})
	io.Fire(mvRead, engine.AfterMotion) // power only
}

// giveBack begins to return the note in path or escrow; call it locked.
func (m *Model) giveBack(code byte) {
	m.st.LastReject = code
	m.save()
	m.event(0xED)
	m.phase, m.due = rejecting, m.after(m.cfg.ReadMs)
}

func (m *Model) rejected(io *engine.IO) {
	jam := ""
	for _, s := range []engine.Stage{engine.BeforeMotion, engine.MidMotion} {
		if a, hit := io.Fire(mvReject, s); hit && (a.Code == "E9" || a.Code == "EA") {
			jam = map[string]string{"E9": "unsafe", "EA": "safe"}[a.Code]
		}
	}
	io.Do(func() {
		if n := m.at(Path, Escrow); n != nil {
			if jam != "" {
				m.jam(jam)
				return
			}
			n.Place = Mouth
			m.st.Counts.Rejected++
			m.save()
			m.event(0xEC)
		}
		m.phase = idle
	})
	io.Fire(mvReject, engine.AfterMotion)
}

// credit moves the note out of escrow, beyond the point from which nobody gets it back.
func (m *Model) credit(io *engine.IO) {
	before, hit := io.Fire(mvStack, engine.BeforeMotion)
	if hit && before.Code == "REJ-1D" {
		io.Do(func() { m.giveBack(rejectUnable) })
		return
	}
	io.Do(func() {
		n := m.at(Escrow)
		n.Place = Stacking
		m.save()
		if hit && (before.Code == "EA" || before.Code == "E9") {
			m.jam(map[string]string{"E9": "unsafe", "EA": "safe"}[before.Code])
		}
	})
	a, hit := io.Fire(mvStack, engine.MidMotion)
	io.Do(func() {
		n := m.at(Stacking)
		switch {
		case m.st.Jam != "" || n == nil:
			m.phase = idle
		case hit && a.Code == "EA":
			m.jam("safe")
		case hit && a.Code == "E9":
			m.jam("unsafe")
		case hit && a.Code == "E6": // the customer pulls it back on a string
			n.Place = Customer
			m.save()
			m.event(0xE6, byte(n.Channel))
			m.phase = idle
		default:
			n.Credited = true
			m.save()
			m.event(0xEE, byte(n.Channel))
			m.phase, m.due = credited, m.after(m.cfg.StackMs/2)
		}
	})
}

// stack brings a credited note to its place.
func (m *Model) stack(io *engine.IO) {
	a, hit := io.Fire(mvStack, engine.AfterMotion)
	io.Do(func() {
		if hit && a.Code == "EA" {
			m.jam("safe")
			return
		}
		n := m.at(Stacking)
		if m.payout && m.storable(n) {
			n.Place = Store
			m.st.Counts.Stored++
			m.save()
			m.event(0xDB)
		} else {
			n.Place = Cashbox
			m.st.Counts.Stacked++
			m.save()
			m.event(0xEB)
		}
		m.phase = idle
	})
}

func (m *Model) storable(n *Note) bool {
	return m.cfg.Payout && m.st.ToStore[n.Channel] && n.Condition == "genuine" && m.count(Store) < m.cfg.StoreCapacity
}

// startUp is what the device does when the power comes or a reset is asked for: what lies in
// its path is cleared and reported, then F1.
func (m *Model) startUp(io *engine.IO) {
	a, stuck := io.Fire(mvClear, engine.BeforeMotion)
	io.Do(func() {
		m.PowerOff()
		m.event(0xF1)
		if stuck && (a.Code == "EA" || a.Code == "E9") {
			m.st.Jam = map[string]string{"E9": "unsafe", "EA": "safe"}[a.Code]
		} else {
			m.st.Jam = ""
		}
		m.save()
	})
	if stuck {
		return
	}
	io.Do(func() {
		switch n := m.at(Path, Escrow, Stacking); {
		case n == nil:
		case n.Place != Stacking && m.at(Mouth, Bezel) == nil:
			ch := byte(n.Channel)
			if n.Place == Path {
				ch = 0
			}
			n.Place = Mouth
			m.st.Counts.Rejected++
			m.save()
			m.event(0xE1, ch)
		case m.st.CashboxOut:
			m.jam("safe")
		default:
			n.Place, n.Credited = Cashbox, true
			m.st.Counts.Stacked++
			m.save()
			m.event(0xE2, byte(n.Channel))
		}
	})
	io.Fire(mvClear, engine.MidMotion)
	io.Do(func() {
		if n := m.at(Paying); n != nil {
			if m.st.CashboxOut {
				m.jam("safe")
				return
			}
			n.Place = Cashbox
			m.st.Counts.Transferred++
			if j := m.st.Job; j != nil {
				j.Moved[n.Channel]++
			}
			m.save()
			m.event(append([]byte{0xCA, 1}, m.amount(n.Value*minor)...)...)
		}
	})
	io.Do(func() {
		j := m.st.Job
		if j == nil {
			return
		}
		m.st.LastMoved, m.st.Job = j.Moved, nil
		m.save()
		switch j.Kind {
		case "payout":
			m.event(m.incomplete(0xDC, j)...)
		case "float":
			m.event(m.incomplete(0xDD, j)...)
		}
	})
	io.Fire(mvClear, engine.AfterMotion)
}

func (m *Model) incomplete(code byte, j *Job) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{code, 1}, uint32(j.Done))
	b = binary.LittleEndian.AppendUint32(b, uint32(j.Requested))
	return append(b, m.cfg.Currency...)
}

// amount is a value in minor units with its currency, as events carry it.
func (m *Model) amount(v int) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(v)), m.cfg.Currency...)
}
