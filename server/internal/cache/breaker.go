package cache

import (
	"log/slog"
	"sync"
	"time"
)

// breaker keeps an engine that does not answer from costing every request its timeout: after three failures
// in a row one question a second is asked.
type breaker struct {
	log   *slog.Logger
	mu    sync.Mutex
	row   int // failures in a row
	until time.Time
	since time.Time
}

const (
	breakAfter = 3
	breakRest  = time.Second
)

func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.row < breakAfter {
		return true
	}
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(breakRest)
	return true
}

// open tells whether the engine is away, and since when.
func (b *breaker) open() (away bool, since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.row < breakAfter {
		return false, time.Time{}
	}
	return true, b.since
}

// done tells how a question ended. The log has one line when the engine goes and one when it is back.
func (b *breaker) done(now time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		if b.row >= breakAfter {
			b.log.Info("the cache is back", "away", now.Sub(b.since).Round(time.Millisecond).String())
		}
		b.row = 0
		return
	}
	if b.row++; b.row == breakAfter {
		b.since, b.until = now, now.Add(breakRest)
		b.log.Warn("the cache is away: the database serves", "error", err.Error())
	}
}
