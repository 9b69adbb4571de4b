package engine

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// Latency is how late the answers to a command are, beside what its motion takes. The same
// seed gives the same times.
type Latency struct {
	// Command is a prefix of the command's code, several joined by commas; empty: all.
	Command string `yaml:"command" json:"command"`
	// Kind is fixed (Ms), uniform (Ms-SpreadMs to Ms+SpreadMs) or normal (mean Ms, deviation
	// SpreadMs, cut at four deviations). No answer comes before its command.
	Kind     string  `yaml:"kind" json:"kind"`
	Ms       float64 `yaml:"ms" json:"ms"`
	SpreadMs float64 `yaml:"spreadMs" json:"spreadMs"`
}

// Validate names what is wrong.
func (l Latency) Validate() error {
	const most = 600_000
	ok := func(v float64) bool { return v >= 0 && v <= most } // false for NaN
	switch {
	case l.Kind != "fixed" && l.Kind != "uniform" && l.Kind != "normal":
		return BadArg("latency: kind: %q is none of fixed, uniform, normal", l.Kind)
	case !ok(l.Ms) || !ok(l.SpreadMs):
		return BadArg("latency: ms and spreadMs: 0 to %d", most)
	case l.Kind == "fixed" && l.SpreadMs != 0:
		return BadArg("latency: a fixed one has no spreadMs")
	}
	return nil
}

// draw gives the next time.
func (l Latency) draw(r *rand.Rand) time.Duration {
	ms := l.Ms
	switch l.Kind {
	case "uniform":
		ms += (2*r.Float64() - 1) * l.SpreadMs
	case "normal":
		ms += max(-4, min(4, r.NormFloat64())) * l.SpreadMs
	}
	return time.Duration(math.Max(0, ms) * float64(time.Millisecond))
}

// latencies are those of one device.
type latencies struct {
	list []Latency
	rand *rand.Rand
}

// seeded is the source of one device: devices of one seed differ by their ids.
func seeded(seed int, id string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
}

// next is the time for a command; the first entry that fits decides.
func (l *latencies) next(cmd string) time.Duration {
	for _, x := range l.list {
		if matchCommand(x.Command, cmd) {
			return x.draw(l.rand)
		}
	}
	return 0
}

// set puts an entry before the others, in place of one for the same command.
func (l *latencies) set(x Latency) {
	list := []Latency{x}
	for _, old := range l.list {
		if old.Command != x.Command {
			list = append(list, old)
		}
	}
	l.list = list
}

// setLatency is the action; ms 0 and no spread takes the entry away.
func (d *Device) setLatency(a Args) error {
	var x Latency
	var err error
	if x.Command, err = a.String("command", ""); err != nil {
		return err
	}
	if x.Kind, err = a.String("kind", "fixed"); err != nil {
		return err
	}
	ms, err := a.Int("ms", 0)
	if err != nil {
		return err
	}
	spread, err := a.Int("spreadMs", 0)
	if err != nil {
		return err
	}
	x.Ms, x.SpreadMs = float64(ms), float64(spread)
	if err := x.Validate(); err != nil {
		return err
	}
	if a.Has("seed") {
		seed, err := a.Int("seed", 0)
		if err != nil {
			return err
		}
		d.late.rand = seeded(seed, d.opt.ID)
	}
	d.late.set(x)
	if ms == 0 && spread == 0 {
		d.late.list = d.late.list[1:]
	}
	return nil
}
