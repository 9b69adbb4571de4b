package host

import "time"

// backoff decides about restarts from the life-times of processes, not from whether a start
// succeeded: a driver that starts well and dies at once must not be restarted hot.
type backoff struct {
	cfg     *Config
	next    time.Duration
	crashes []time.Time
}

// crashed says how long to wait, or that the limit is reached.
func (b *backoff) crashed(now time.Time, lived time.Duration) (wait time.Duration, failed bool) {
	if lived >= b.cfg.HealthyAfter || b.next == 0 {
		b.next = b.cfg.BackoffMin
	}
	kept := b.crashes[:0]
	for _, t := range b.crashes {
		if now.Sub(t) < b.cfg.CrashWindow {
			kept = append(kept, t)
		}
	}
	b.crashes = append(kept, now)
	if len(b.crashes) >= b.cfg.CrashLimit {
		return 0, true
	}
	wait = time.Duration(float64(b.next) * (0.8 + 0.4*b.cfg.Jitter()))
	b.next = min(2*b.next, b.cfg.BackoffMax)
	return wait, false
}

func (b *backoff) reset() { b.next, b.crashes = 0, nil }
