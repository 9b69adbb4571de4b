package link

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/api/message"
)

const (
	queued int32 = iota
	writing
	written
	gone // the waiter left before the write
)

// wait is one request that waits for its answer. Without a channel it is a message that expects none.
type wait struct {
	state atomic.Int32
	frame []byte
	link  *conn
	ch    chan *Answer // capacity 1; nil = the link was lost
}

// begin claims the message for the write; false when its sender has left.
func (w *wait) begin() bool { return w.state.CompareAndSwap(queued, writing) }

// left tells what became of a request without an answer.
func (w *wait) left() error {
	if w.state.CompareAndSwap(queued, gone) {
		return ErrNotSent
	}
	for w.state.Load() == writing { // the copy of the frame is a matter of nanoseconds
		runtime.Gosched()
	}
	return ErrNoAnswer
}

// pairing brings answers to those who wait for them. A key is in flight once; who has left is
// remembered for a while, so that a late answer is told from an alien one.
type pairing struct {
	codec     *Codec
	max       int
	tombstone time.Duration
	log       *slog.Logger

	mu      sync.Mutex
	pending map[Key]*wait
	dead    map[Key]time.Time

	answered, late, orphan, garbage, timeouts, lost atomic.Uint64
}

func (p *pairing) init() { p.pending, p.dead = map[Key]*wait{}, map[Key]time.Time{} }

// add registers w; false when there are too many or one with this key.
func (p *pairing) add(key Key, w *wait) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) >= p.max || p.pending[key] != nil {
		return false
	}
	p.pending[key] = w
	delete(p.dead, key)
	return true
}

// remove takes w out again; false when its answer or its loss has come already.
func (p *pairing) remove(key Key, w *wait) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[key] != w {
		return false
	}
	delete(p.pending, key)
	if w.state.Load() != queued {
		p.dead[key] = time.Now()
	}
	return true
}

// wait is the end of Send: the answer, or what became of the request.
func (p *pairing) wait(ctx context.Context, key Key, w *wait) (*Answer, error) {
	select {
	case a := <-w.ch:
		if a != nil {
			return a, nil
		}
	case <-ctx.Done():
		if !p.remove(key, w) { // the answer or the loss came at the same moment
			if a := <-w.ch; a != nil {
				return a, nil
			}
		}
		p.timeouts.Add(1)
	}
	return nil, w.left()
}

// lose ends the requests that went out by a link.
func (p *pairing) lose(l *conn) {
	p.mu.Lock()
	var orphans []*wait
	for k, w := range p.pending {
		if w.link == l {
			delete(p.pending, k)
			p.dead[k] = time.Now()
			orphans = append(orphans, w)
		}
	}
	p.mu.Unlock()
	for _, w := range orphans { // never while holding mu
		p.lost.Add(1)
		w.ch <- nil
	}
}

// receive unpacks a.buf and delivers it. It reports false for a request of the peer, which a keeps.
func (p *pairing) receive(a *Answer) bool {
	if err := p.codec.unpackAnswer(a); err != nil {
		p.garbage.Add(1)
		p.log.Warn("link: unreadable message", "error", err.Error())
		a.Release()
		return true
	}
	if isRequest(a.Msg) {
		return false
	}
	k := p.codec.Key(a.Msg)
	p.mu.Lock()
	w := p.pending[k]
	if w == nil {
		_, late := p.dead[k]
		p.mu.Unlock()
		if late {
			p.late.Add(1)
		} else {
			p.orphan.Add(1)
		}
		p.log.Warn("link: answer without a waiter", "late", late, "mti", a.Msg.MTI(), "stan", string(a.Msg.Value(message.STAN)))
		a.Release()
		return true
	}
	delete(p.pending, k)
	p.dead[k] = time.Time{} // a second answer is late, not alien; remembered for one sweep
	p.mu.Unlock()
	p.answered.Add(1)
	w.ch <- a
	return true
}

// isRequest tells a request (0200, 0420, 0800) from an answer (0210, 0430, 0810).
func isRequest(m *message.Message) bool { return (m.MTI()[2]-'0')%2 == 0 }

// sweep forgets tombstones.
func (p *pairing) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, at := range p.dead {
		if now.Sub(at) > p.tombstone {
			delete(p.dead, k)
		}
	}
}

func (p *pairing) inFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending)
}
