package host

import (
	"sync"
	"sync/atomic"
	"time"
)

// breaker refuses requests to a host that does not answer, so that they fail at once instead of
// filling the server. It opens after Limits.BreakAfter missing answers in a row, or when 20 are
// under way and the oldest is older than Limits.Slow. After a rest it lets one request through,
// then two, four, …; an answer of the host to an echo ends the rest at once.
type breaker struct {
	l       Limits
	misses  atomic.Int32
	flying  atomic.Int32
	closed  atomic.Bool
	seconds [ages]atomic.Int32 // requests under way by the second they began in

	mu     sync.Mutex
	since  time.Time // open since
	trying bool
	trial  int // requests let through at a time while trying
	out    int // of those, given and not come back
	opened uint64
	barred uint64
}

// ages is the number of seconds that are told apart; no request lives longer.
const ages = 128

func newBreaker(l Limits) *breaker {
	b := &breaker{l: l}
	b.closed.Store(true)
	return b
}

func (b *breaker) open() bool { return !b.closed.Load() && b.state() == "open" }

func (b *breaker) state() string {
	if b.closed.Load() {
		return "closed"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trying || time.Since(b.since) >= b.l.Rest {
		return "trying"
	}
	return "open"
}

func (b *breaker) counts() (opened, barred uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened, b.barred
}

// allow tells whether a request may go on. In the closed state it costs two loads. A trial is one of the
// few that an open breaker lets through: it stays taken until done.
func (b *breaker) allow() (ok, trial bool) {
	if b.closed.Load() {
		if b.flying.Load() < 20 || b.oldest(time.Now()) < b.l.Slow {
			return true, false
		}
		b.trip()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return true, false
	}
	if !b.trying && time.Since(b.since) >= b.l.Rest {
		b.trying, b.trial = true, 1
	}
	if b.trying && b.out < b.trial {
		b.out++
		return true, true
	}
	b.barred++
	return false, false
}

// done gives a trial back.
func (b *breaker) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out--
}

// oldest is the age of the oldest request under way.
func (b *breaker) oldest(now time.Time) time.Duration {
	s := now.Unix()
	for age := int64(ages - 1); age > 0; age-- {
		if b.seconds[(s-age+2*ages)%ages].Load() > 0 {
			return time.Duration(age) * time.Second
		}
	}
	return 0
}

// begin notes a request that goes out.
func (b *breaker) begin(now time.Time) (slot int) {
	slot = int(now.Unix() % ages)
	b.seconds[slot].Add(1)
	b.flying.Add(1)
	if !b.closed.Load() {
		slot += ages // was a try
	}
	return slot
}

// end notes how it ended: the host answered, it did not, or neither (nothing was sent).
func (b *breaker) end(slot int, answered, missed bool) {
	b.seconds[slot%ages].Add(-1)
	b.flying.Add(-1)
	switch {
	case answered:
		b.misses.Store(0)
		if !b.closed.Load() {
			b.heal()
		}
	case missed:
		if n := int(b.misses.Add(1)); n >= b.l.BreakAfter || slot >= ages {
			b.trip()
		}
	}
}

func (b *breaker) trip() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Swap(false) {
		b.opened++
	}
	b.since, b.trying, b.trial = time.Now(), false, 0
}

// heal lets more through after an answer, and closes when the trickle has grown to 64.
func (b *breaker) heal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trial = max(1, 2*b.trial); b.trial > 64 {
		b.closed.Store(true)
		b.trying = false
		b.misses.Store(0)
		return
	}
	b.trying = true
}
