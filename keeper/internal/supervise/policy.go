// Package supervise starts the programs of a terminal, watches them by process and by
// heartbeat, and starts them again by a policy. Only keeperd imports it.
package supervise

import "time"

// Policy says when a program that ended is started again.
type Policy struct {
	// Delays before the 1st, 2nd, … restart in a row; the last one repeats.
	Delays []time.Duration `yaml:"delays"`
	// Attempts within Window; after that many the program counts as failed and is tried
	// again only every Slow (the terminal is out of service meanwhile).
	Attempts int           `yaml:"attempts"`
	Window   time.Duration `yaml:"window"`
	Slow     time.Duration `yaml:"slow"`
	// Missing is how long a beat or a progress counter may stay away before the program
	// counts as hung.
	Missing time.Duration `yaml:"missing"`
	// StartWithin is how long a program may take to its first beat.
	StartWithin time.Duration `yaml:"startWithin"`
	// StopWithin is how long it may take to end after an order; then it is killed.
	StopWithin time.Duration `yaml:"stopWithin"`
}

// DefaultPolicy is what a configuration need not say.
func DefaultPolicy() Policy {
	return Policy{
		Delays:   []time.Duration{200 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second},
		Attempts: 10, Window: 10 * time.Minute, Slow: 6 * time.Minute,
		Missing: 6 * time.Second, StartWithin: 30 * time.Second, StopWithin: 15 * time.Second,
	}
}

// history decides the delay before the next start from the ends so far.
type history struct {
	policy Policy
	ends   []time.Time
	row    int
}

// next records an end at now of a program that lived that long and returns the pause
// before the next start and whether the program counts as failed.
func (h *history) next(now time.Time, lived time.Duration) (pause time.Duration, failed bool) {
	if lived >= h.policy.Window {
		h.row, h.ends = 0, nil
	}
	h.ends = append(h.ends, now)
	for len(h.ends) > 0 && now.Sub(h.ends[0]) > h.policy.Window {
		h.ends = h.ends[1:]
	}
	if len(h.ends) > h.policy.Attempts {
		return h.policy.Slow, true
	}
	pause = h.policy.Delays[min(h.row, len(h.policy.Delays)-1)]
	h.row++
	return pause, false
}
