package host

import (
	"context"
	"sync"
	"time"
)

// pool is a budget of requests under way with a short queue. When many wait the newest goes first:
// the oldest have the least time left, and are the ones that would be too late anyway.
type pool struct {
	mu      sync.Mutex
	free    int
	size    int
	queue   int
	waiting []chan struct{} // newest last
	refused uint64
}

// acquire takes one of the budget; false when none came free in time or too many wait.
func (p *pool) acquire(ctx context.Context, wait time.Duration) bool {
	p.mu.Lock()
	if p.free > 0 {
		p.free--
		p.mu.Unlock()
		return true
	}
	if len(p.waiting) >= p.queue {
		p.refused++
		p.mu.Unlock()
		return false
	}
	ch := make(chan struct{}, 1)
	p.waiting = append(p.waiting, ch)
	p.mu.Unlock()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ch:
		return true
	case <-ctx.Done():
	case <-t.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiting {
		if w == ch {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			p.refused++
			return false
		}
	}
	return true // the turn came at the same moment
}

func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.waiting); n > 0 {
		p.waiting[n-1] <- struct{}{}
		p.waiting = p.waiting[:n-1]
		return
	}
	p.free++
}

func (p *pool) look() (used, waiting int, refused uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size - p.free, len(p.waiting), p.refused
}
