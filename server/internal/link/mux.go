// Package link moves frames: multiplexed long links to a bank host (Mux) and the listener
// for terminals (Listener). It knows framing and pairing, not business. trade imports it.
package link

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/api/message"
)

// Outcomes of Send. ErrNotSent means that not one byte of the message left this process;
// after ErrNoAnswer the peer may have acted on it.
var (
	ErrNotSent  = errors.New("link: not sent")
	ErrNoAnswer = errors.New("link: no answer")
)

// Key pairs an answer with its request: MTI class, F7, F11 and F41.
type Key [25]byte

// KeyOf builds the pairing key of a host message.
func KeyOf(m *message.Message) (k Key) {
	mti := m.MTI()
	k[0] = mti[1]
	copy(k[1:11], m.Value(message.TransmitTime))
	copy(k[11:17], m.Value(message.STAN))
	copy(k[17:25], m.Value(message.Terminal))
	return k
}

// Answer is a received message. Release returns it; Msg must not be used after.
type Answer struct {
	Msg *message.Message
	buf []byte
}

var answers = sync.Pool{New: func() any { return &Answer{} }}

// Release gives the answer back for reuse.
func (a *Answer) Release() { answers.Put(a) }

// Options of a Mux.
type Options struct {
	Address   string
	Dialect   *message.Dialect
	Links     int           // parallel connections; 0 = 4
	InFlight  int           // requests without an answer at most; 0 = 1024
	Write     time.Duration // deadline of one write; 0 = 5 s
	Idle      time.Duration // a link silent for so long is closed; 0 = 90 s
	KeepAlive time.Duration // idle frames on a quiet link; 0 = 30 s
	Backoff   time.Duration // first wait before dialling again, doubled up to 5 s; 0 = 100 ms
	Tombstone time.Duration // how long a late answer is recognised; 0 = 60 s
	// OnUp is called, in its own goroutine, when the first link comes up after none was up.
	OnUp func()
	Log  *slog.Logger
}

// Stats are counters of a Mux since its start.
type Stats struct {
	Up                             int
	InFlight                       int
	Sent, Answered                 uint64
	Late, Orphan, Garbage, Refused uint64
	Timeouts, Lost, Reconnects     uint64
}

const (
	queued int32 = iota
	writing
	written
	gone // the waiter left before the write
)

type wait struct {
	state atomic.Int32
	frame []byte
	link  *conn
	ch    chan *Answer // capacity 1; nil = the link was lost
}

// Mux is a group of long links to one destination. It is safe for concurrent use.
type Mux struct {
	o    Options
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	pending map[Key]*wait
	dead    map[Key]time.Time // tombstones
	links   []*conn
	next    int

	sent, answered, late, orphan, garbage, refused, timeouts, lost, reconnects atomic.Uint64
}

type conn struct {
	c   net.Conn
	out chan *wait
}

// NewMux makes a mux; Start lets its links dial and redial until Close.
func NewMux(o Options) *Mux {
	def := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&o.Write, 5*time.Second)
	def(&o.Idle, 90*time.Second)
	def(&o.KeepAlive, 30*time.Second)
	def(&o.Backoff, 100*time.Millisecond)
	def(&o.Tombstone, time.Minute)
	if o.Links <= 0 {
		o.Links = 4
	}
	if o.InFlight <= 0 {
		o.InFlight = 1024
	}
	m := &Mux{o: o, pending: map[Key]*wait{}, dead: map[Key]time.Time{}}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// Start connects the links. Until then Send finds no link; OnUp is not called before it.
func (m *Mux) Start() {
	for i := range m.o.Links {
		m.wg.Go(func() { m.dial(i) })
	}
	m.wg.Go(m.sweep)
}

// Close ends all links and waits for their goroutines.
func (m *Mux) Close() {
	m.stop()
	m.mu.Lock()
	for _, l := range m.links {
		_ = l.c.Close()
	}
	m.mu.Unlock()
	m.wg.Wait()
}

// Stats returns the counters.
func (m *Mux) Stats() Stats {
	m.mu.Lock()
	up, fl := len(m.links), len(m.pending)
	m.mu.Unlock()
	return Stats{Up: up, InFlight: fl, Sent: m.sent.Load(), Answered: m.answered.Load(), Late: m.late.Load(), Orphan: m.orphan.Load(),
		Garbage: m.garbage.Load(), Refused: m.refused.Load(), Timeouts: m.timeouts.Load(), Lost: m.lost.Load(), Reconnects: m.reconnects.Load()}
}

// Up tells whether at least one link is connected.
func (m *Mux) Up() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.links) > 0
}

// Send sends frame and waits for the answer with the same key until ctx ends. frame must
// not change before Send returns with an answer or an error; it is not used afterwards.
func (m *Mux) Send(ctx context.Context, key Key, frame []byte) (*Answer, error) {
	w := &wait{frame: frame, ch: make(chan *Answer, 1)}
	m.mu.Lock()
	switch {
	case len(m.links) == 0, len(m.pending) >= m.o.InFlight, m.pending[key] != nil:
		m.mu.Unlock()
		m.refused.Add(1)
		return nil, ErrNotSent
	}
	m.next++
	w.link = m.links[m.next%len(m.links)]
	m.pending[key] = w
	delete(m.dead, key)
	select {
	case w.link.out <- w:
	default:
		delete(m.pending, key)
		m.mu.Unlock()
		m.refused.Add(1)
		return nil, ErrNotSent
	}
	m.mu.Unlock()
	select {
	case a := <-w.ch:
		if a != nil {
			return a, nil
		}
	case <-ctx.Done():
		m.mu.Lock()
		mine := m.pending[key] == w
		if mine {
			delete(m.pending, key)
			m.dead[key] = time.Now()
		}
		m.mu.Unlock()
		if !mine { // the answer or the loss came at the same moment
			if a := <-w.ch; a != nil {
				return a, nil
			}
		}
		m.timeouts.Add(1)
	}
	if w.state.CompareAndSwap(queued, gone) {
		return nil, ErrNotSent
	}
	for w.state.Load() == writing { // the copy of the frame is a matter of nanoseconds
		runtime.Gosched()
	}
	return nil, ErrNoAnswer
}

func (m *Mux) dial(i int) {
	d := net.Dialer{Timeout: 5 * time.Second}
	pause := m.o.Backoff
	for m.ctx.Err() == nil {
		c, err := d.DialContext(m.ctx, "tcp", m.o.Address)
		if err != nil {
			m.o.Log.Debug("host link: dial", "link", i, "error", err.Error())
			select {
			case <-m.ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, 5*time.Second)
			continue
		}
		began := time.Now()
		m.serve(c)
		m.reconnects.Add(1)
		if time.Since(began) > 5*time.Second {
			pause = m.o.Backoff
		}
		select {
		case <-m.ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
}

func (m *Mux) serve(c net.Conn) {
	l := &conn{c: c, out: make(chan *wait, m.o.InFlight)}
	m.mu.Lock()
	if m.ctx.Err() != nil {
		m.mu.Unlock()
		_ = c.Close()
		return
	}
	m.links = append(m.links, l)
	first := len(m.links) == 1
	m.mu.Unlock()
	if first && m.o.OnUp != nil {
		go m.o.OnUp()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.write(l)
	}()
	m.receive(l)
	m.mu.Lock()
	for i := range m.links {
		if m.links[i] == l {
			m.links = append(m.links[:i:i], m.links[i+1:]...)
			break
		}
	}
	close(l.out) // senders hold mu and no longer see l
	m.mu.Unlock()
	_ = c.Close()
	<-done
	m.mu.Lock()
	var orphans []*wait
	for k, w := range m.pending {
		if w.link == l {
			delete(m.pending, k)
			m.dead[k] = time.Now()
			orphans = append(orphans, w)
		}
	}
	m.mu.Unlock()
	for _, w := range orphans { // never while holding mu
		m.lost.Add(1)
		w.ch <- nil
	}
}

// write coalesces what is queued into one write.
func (m *Mux) write(l *conn) {
	buf := make([]byte, 0, 64<<10)
	quiet := time.NewTicker(m.o.KeepAlive)
	defer quiet.Stop()
	for {
		buf = buf[:0]
		select {
		case w, ok := <-l.out:
			if !ok {
				return
			}
			buf = m.take(buf, w)
		case <-quiet.C:
			if m.o.Dialect.Prefix == message.PrefixASCII4 {
				buf = append(buf, "0000"...)
			}
		}
	more:
		for len(buf) < 32<<10 {
			select {
			case w, ok := <-l.out:
				if !ok {
					break more
				}
				buf = m.take(buf, w)
			default:
				break more
			}
		}
		if len(buf) == 0 {
			continue
		}
		_ = l.c.SetWriteDeadline(time.Now().Add(m.o.Write))
		if _, err := l.c.Write(buf); err != nil {
			_ = l.c.Close()
			for w := range l.out { // drained: their state stays "queued", so they were not sent
				_ = w
			}
			return
		}
	}
}

func (m *Mux) take(buf []byte, w *wait) []byte {
	if !w.state.CompareAndSwap(queued, writing) {
		return buf
	}
	m.sent.Add(1)
	buf = append(buf, w.frame...)
	w.state.Store(written)
	return buf
}

func (m *Mux) receive(l *conn) {
	r := bufio.NewReaderSize(l.c, 64<<10)
	for {
		_ = l.c.SetReadDeadline(time.Now().Add(m.o.Idle))
		a := answers.Get().(*Answer)
		body, err := m.o.Dialect.ReadFrame(r, a.buf)
		if err != nil {
			a.Release()
			return
		}
		a.buf = body
		if len(body) == 0 {
			a.Release()
			continue
		}
		if a.Msg == nil {
			a.Msg = message.New(m.o.Dialect)
		}
		if err := a.Msg.Unpack(m.o.Dialect, body); err != nil {
			m.garbage.Add(1)
			m.o.Log.Warn("host link: unreadable message", "error", err.Error())
			a.Release()
			continue
		}
		m.deliver(a)
	}
}

func (m *Mux) deliver(a *Answer) {
	k := KeyOf(a.Msg)
	m.mu.Lock()
	w := m.pending[k]
	if w == nil {
		_, late := m.dead[k]
		m.mu.Unlock()
		if late {
			m.late.Add(1)
		} else {
			m.orphan.Add(1)
		}
		m.o.Log.Warn("host link: answer without a waiter", "late", late, "mti", a.Msg.MTI(), "stan", string(a.Msg.Value(message.STAN)))
		a.Release()
		return
	}
	delete(m.pending, k)
	m.dead[k] = time.Time{} // a second answer is recognised as late
	m.mu.Unlock()
	m.answered.Add(1)
	w.ch <- a
}

// sweep drops old tombstones. Tombstones of answered requests have no time and live for one
// round.
func (m *Mux) sweep() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-t.C:
		}
		old := time.Now().Add(-m.o.Tombstone)
		m.mu.Lock()
		for k, at := range m.dead {
			if at.Before(old) {
				delete(m.dead, k)
			}
		}
		m.mu.Unlock()
	}
}

// Raw returns the received bytes of the answer, without the length prefix.
func (a *Answer) Raw() []byte { return a.buf }
