package lcdm4000

import (
	"maps"

	"zhigui/sim/device/engine"
)

// payment is one 52 or 53 at work. exit and reject are what the device's sensors saw; the
// truth is in the store.
type payment struct {
	m            *Model
	io           *engine.IO
	cmd          string
	test         bool
	ask          map[string]int
	exit, reject map[string]int
	moved, total int
	err          byte
	spray        bool
}

func (m *Model) dispense(io *engine.IO, o order) []byte {
	p := &payment{m: m, io: io, cmd: hex(o.cmd), test: o.cmd == cTest, ask: map[string]int{}, exit: map[string]int{}, reject: map[string]int{}, err: fine}
	p.read(o.data)
	for _, n := range p.ask {
		p.total += n
	}
	if p.err == fine && (p.total == 0 || p.total > limit) {
		p.err = 0x31
		if p.total > limit {
			p.err = 0x0C
		}
	}
	var c *Command
	io.Do(func() {
		if p.err == fine {
			p.err = p.obstacle()
		}
		p.spray = m.cfg.Exit == "spray"
		if m.cfg.Serial && p.err == fine {
			m.s.Serial = o.data[6] - plus
		}
		c = m.s.begin(m.now(), p.cmd, maps.Clone(p.ask))
		must(m.save())
	})
	p.fault(engine.BeforeMotion)
	if p.err == fine {
		io.Do(func() { m.moving = true })
		for _, n := range Names {
			for paid := 0; paid < p.ask[n] && p.err == fine; {
				paid += p.one(n)
			}
		}
		p.fault(engine.AfterMotion)
	}
	return m.finish(io, o.cmd, c, p.err, p.exit, p.reject)
}

// read takes the counts: four with 20 added, two bytes of time-out, and the tail.
func (p *payment) read(data []byte) {
	tail := 9
	if p.m.cfg.Serial {
		tail = 1
	}
	if len(data) != 6+tail || p.m.cfg.Serial && data[6] == plus+p.m.s.Serial {
		p.err = 0x31 // also a serial number that has been used
		return
	}
	for i, n := range Names {
		if data[i] < plus {
			p.err = 0x31
			return
		}
		if k := int(data[i] - plus); k > 0 {
			p.ask[n] = k
		}
	}
}

// obstacle is why the device refuses before anything moves.
func (p *payment) obstacle() byte {
	s := &p.m.s
	switch {
	case !s.Tray:
		return 0x26
	case s.total(Diverter)+s.total(Eject)+s.total(Exit) > 0:
		return 0x0B
	}
	for n := range p.ask {
		if !s.Boxes[n].Present {
			return 0x24
		}
	}
	return fine
}

func (p *payment) fault(s engine.Stage) {
	if f, hit := p.io.Fire(p.cmd, s); hit && f.Code != engine.FaultNone {
		p.err = errorOf(f.Code)
	}
}

// one picks a note; it answers 1 when the note counts for what was asked.
func (p *payment) one(n string) int {
	empty := false
	p.io.Look(func() { empty = p.m.s.Boxes[n].At[Cassette] == 0 })
	if empty {
		p.err = 0x01
		return 0
	}
	f, hit := p.io.FireIf(p.cmd, engine.MidMotion, at(p.moved, p.total))
	switch {
	case hit && f.Code == "REJ":
		p.toTray(n)
		return 0
	case hit && f.Code != engine.FaultNone:
		p.strike(n, f.Code)
		return 0
	case p.test:
		p.toTray(n)
		return 1
	}
	p.pay(n)
	p.exit[n]++
	return 1
}

func (p *payment) step(n string, from, to Place) {
	p.io.Do(func() {
		must(p.m.s.move(n, 1, from, to))
		must(p.m.save())
	})
}

// pay moves a note through the exit.
func (p *payment) pay(n string) {
	p.step(n, Cassette, Diverter)
	p.io.Sleep(p.m.noteTime())
	to := Exit
	if p.spray {
		to = Customer
	}
	p.step(n, Diverter, to)
	p.moved++
}

func (p *payment) toTray(n string) {
	p.step(n, Cassette, Diverter)
	p.io.Sleep(p.m.noteTime())
	p.step(n, Diverter, Reject)
	p.reject[n]++
	if p.reject[n] >= maxReject && !p.test {
		p.err = 0x0D
	}
}

// strike plays an error in mid-motion.
func (p *payment) strike(n, code string) {
	switch code {
	case "06", "07", "08", "0A": // a note goes out that the count does not have
		p.pay(n)
	case "40": // and one of the top cassette
		box := 0
		p.io.Look(func() { box = p.m.s.Boxes["1"].At[Cassette] })
		if box > 0 {
			p.pay("1")
		}
	case "0D":
		p.toTray(n)
	default:
		if to := stuckAt(code); to != "" {
			p.step(n, Cassette, Diverter)
			if to != Diverter {
				p.io.Sleep(p.m.noteTime() / 2)
				p.step(n, Diverter, to)
			}
		}
	}
	p.err = errorOf(code)
}
