// Package link moves messages: clients to bank hosts (long and short TCP connections, simplex and
// duplex, groups as UnionPay has them) and listeners for those who come to us. It knows framing,
// pairing and dialects, not business. host, trade and server/cmd import it.
package link

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Way is the direction of a long connection.
type Way uint8

// Ways: a duplex connection carries both directions, a simplex one only what we send or receive.
const (
	Duplex Way = iota
	Out
	In
)

// Line is a number of like connections of a Mux, dialled to a peer or accepted from one.
type Line struct {
	Way     Way
	Address string
	Accept  bool // listen on Address instead of dialling it
	Count   int  // 0 = 1
}

// Options of a Mux.
type Options struct {
	Lines     []Line
	Group     bool // the connections live and die together: ready when all are up, rebuilt when one breaks
	Codec     *Codec
	Secure    *Security     // TLS or TLCP; nil is plain TCP
	InFlight  int           // requests without an answer at most; 0 = 1024
	Write     time.Duration // deadline of one write; 0 = 5 s
	Idle      time.Duration // a connection silent for so long is closed; 0 = 90 s
	KeepAlive time.Duration // idle frames on a quiet connection; 0 = 30 s
	Backoff   time.Duration // first wait before dialling again, doubled up to 5 s; 0 = 100 ms
	Tombstone time.Duration // how long a late answer is recognised; 0 = 60 s
	// OnUp is called, in its own goroutine, whenever the links become ready.
	OnUp func()
	// Requests answers what the peer asks (key change, cut-over, echo); nil refuses it.
	Requests Handler
	Serial   int // requests of the peer handled at a time; 0 = 32
	Log      *slog.Logger
}

// Mux is a group of long links to one destination. It is safe for concurrent use.
type Mux struct {
	o    Options
	p    pairing
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
	want int

	mu        sync.Mutex
	conns     []*conn // all
	out       []*conn // those that may be written to
	listeners []net.Listener
	ready     bool
	next      int
	lastErr   string
	lastAt    time.Time

	slots                             chan struct{}
	sent, refused, reconnects, served atomic.Uint64
}

type conn struct {
	c    net.Conn
	way  Way
	line int
	q    chan *wait
	said bool // the peer, a message; the reader's
}

// NewMux makes a mux; Start lets its links connect and reconnect until Close.
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
	if o.InFlight <= 0 {
		o.InFlight = 1024
	}
	if o.Serial <= 0 {
		o.Serial = 32
	}
	m := &Mux{o: o, p: pairing{codec: o.Codec, max: o.InFlight, tombstone: o.Tombstone, log: o.Log}, slots: make(chan struct{}, o.Serial)}
	m.p.init()
	for i := range m.o.Lines {
		if m.o.Lines[i].Count <= 0 {
			m.o.Lines[i].Count = 1
		}
		m.want += m.o.Lines[i].Count
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

// Start implements Client. Until then Send finds no link; OnUp is not called before it.
func (m *Mux) Start() {
	for i, l := range m.o.Lines {
		if l.Accept {
			m.wg.Go(func() { m.accept(i) })
			continue
		}
		for range l.Count {
			m.wg.Go(func() { m.dial(i) })
		}
	}
	m.wg.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-m.ctx.Done():
				return
			case now := <-t.C:
				m.p.sweep(now)
			}
		}
	})
}

// Close ends all links and waits for their goroutines.
func (m *Mux) Close() {
	m.stop()
	m.mu.Lock()
	for _, l := range m.listeners {
		_ = l.Close()
	}
	for _, l := range m.conns {
		_ = l.c.Close()
	}
	m.mu.Unlock()
	m.wg.Wait()
}

// Stats returns the counters.
func (m *Mux) Stats() Stats {
	m.mu.Lock()
	up, last, at, q := len(m.conns), m.lastErr, m.lastAt, 0
	for _, l := range m.out {
		q += len(l.q)
	}
	m.mu.Unlock()
	p := &m.p
	return Stats{Up: up, Want: m.want, InFlight: p.inFlight(), Queued: q, Sent: m.sent.Load(), Answered: p.answered.Load(), Late: p.late.Load(),
		Orphan: p.orphan.Load(), Garbage: p.garbage.Load(), Refused: m.refused.Load(), Timeouts: p.timeouts.Load(), Lost: p.lost.Load(),
		Reconnects: m.reconnects.Load(), Served: m.served.Load(), LastError: last, LastErrorAt: at}
}

// Up tells whether a message could be sent and answered: one link in each direction, in a group all.
func (m *Mux) Up() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ready
}

// Send implements Client.
func (m *Mux) Send(ctx context.Context, key Key, frame []byte) (*Answer, error) {
	w := &wait{frame: frame, ch: make(chan *Answer, 1)}
	if !m.enqueue(w, &key) {
		m.refused.Add(1)
		return nil, ErrNotSent
	}
	return m.p.wait(ctx, key, w)
}

// enqueue gives w to a link; with a key it is registered first. False: nothing was done.
func (m *Mux) enqueue(w *wait, key *Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ready && key != nil || len(m.out) == 0 {
		return false
	}
	m.next++
	w.link = m.out[m.next%len(m.out)]
	if key != nil && !m.p.add(*key, w) {
		return false
	}
	select {
	case w.link.q <- w:
		return true
	default:
		if key != nil {
			m.p.remove(*key, w)
		}
		return false
	}
}

// refresh computes whether the links are ready; the caller holds mu.
func (m *Mux) refresh() {
	in := false
	for _, l := range m.conns {
		in = in || l.way != Out
	}
	ready := in && len(m.out) > 0 && (!m.o.Group || len(m.conns) == m.want)
	if ready && !m.ready && m.o.OnUp != nil && m.ctx.Err() == nil {
		go m.o.OnUp()
	}
	m.ready = ready
}

func (m *Mux) dial(line int) {
	pause := m.o.Backoff
	for m.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(m.ctx, 5*time.Second)
		c, err := m.o.Secure.Dial(ctx, m.o.Lines[line].Address)
		cancel()
		if err == nil {
			began, before := time.Now(), m.heard()
			said := m.serve(c, line)
			m.reconnects.Add(1)
			if m.o.Lines[line].Way == Out {
				said = m.heard() != before // its answers come by another
			}
			if said || time.Since(began) > longest {
				pause = m.o.Backoff // the peer was there: what it does now is a new story
			}
		} else {
			m.fail("dial", err)
		}
		select {
		case <-m.ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// longest is the longest pause between two attempts to connect.
const longest = 5 * time.Second

// heard counts what the peer has said that made sense, on any connection.
func (m *Mux) heard() uint64 { return m.p.answered.Load() + m.served.Load() }

// accept takes the connections of a peer that dials us. The newest stay: a peer whose machine died
// comes again while its old connection still looks alive here.
func (m *Mux) accept(line int) {
	pause := m.o.Backoff
	for m.ctx.Err() == nil {
		ln, err := m.o.Secure.Listen(m.o.Lines[line].Address)
		if err != nil {
			m.fail("listen", err)
			select {
			case <-m.ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, longest)
			continue
		}
		m.mu.Lock()
		m.listeners = append(m.listeners, ln)
		stopped := m.ctx.Err() != nil
		m.mu.Unlock()
		if stopped {
			_ = ln.Close()
		}
		for {
			c, err := ln.Accept()
			if err != nil {
				if m.ctx.Err() != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
				continue
			}
			m.wg.Go(func() {
				if err := m.o.Secure.welcome(m.ctx, c); err != nil { // a stranger takes nobody's place
					m.fail("accept", err)
					_ = c.Close()
					return
				}
				m.makeRoom(line)
				m.serve(c, line)
				m.reconnects.Add(1)
			})
		}
	}
}

// makeRoom closes the oldest connection of a line that has all it wants.
func (m *Mux) makeRoom(line int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var same []*conn
	for _, l := range m.conns {
		if l.line == line {
			same = append(same, l)
		}
	}
	if len(same) >= m.o.Lines[line].Count {
		_ = same[0].c.Close()
	}
}

// Addrs are the addresses listened on.
func (m *Mux) Addrs() (a []net.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.listeners {
		a = append(a, l.Addr())
	}
	return a
}

func (m *Mux) fail(what string, err error) {
	m.mu.Lock()
	m.lastErr, m.lastAt = what+": "+err.Error(), time.Now()
	m.mu.Unlock()
	m.o.Log.Debug("link: "+what, "error", err.Error())
}

// serve uses a connection until it ends, and tells whether the peer has said anything by it.
func (m *Mux) serve(c net.Conn, line int) bool {
	l := &conn{c: c, way: m.o.Lines[line].Way, line: line, q: make(chan *wait, m.o.InFlight)}
	m.mu.Lock()
	if m.ctx.Err() != nil {
		m.mu.Unlock()
		_ = c.Close()
		return false
	}
	m.conns = append(m.conns, l)
	if l.way != In {
		m.out = append(m.out, l)
	}
	m.refresh()
	m.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.write(l)
	}()
	err := m.read(l)
	m.mu.Lock()
	m.conns, m.out = without(m.conns, l), without(m.out, l)
	close(l.q) // senders hold mu and no longer see l
	m.lastErr, m.lastAt = "closed: "+err.Error(), time.Now()
	m.refresh()
	var rest []*conn
	if m.o.Group {
		rest = append(rest, m.conns...)
	}
	m.mu.Unlock()
	_ = c.Close()
	for _, o := range rest {
		_ = o.c.Close()
	}
	<-done
	m.p.lose(l)
	return l.said
}

func without(a []*conn, l *conn) []*conn {
	for i := range a {
		if a[i] == l {
			return append(a[:i:i], a[i+1:]...)
		}
	}
	return a
}

// write coalesces what is queued into one write.
func (m *Mux) write(l *conn) {
	buf := make([]byte, 0, 64<<10)
	quiet := time.NewTicker(m.o.KeepAlive)
	defer quiet.Stop()
	for {
		buf = buf[:0]
		select {
		case w, ok := <-l.q:
			if !ok {
				return
			}
			buf = m.take(buf, w)
		case <-quiet.C:
			if l.way != In {
				buf = append(buf, m.o.Codec.Idle()...)
			}
		}
	more:
		for len(buf) < 32<<10 {
			select {
			case w, ok := <-l.q:
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
			m.fail("write", err)
			_ = l.c.Close()
			for w := range l.q { // drained: their state stays "queued", so they were not sent
				_ = w
			}
			return
		}
	}
}

func (m *Mux) take(buf []byte, w *wait) []byte {
	if !w.begin() {
		return buf
	}
	m.sent.Add(1)
	buf = append(buf, w.frame...)
	w.state.Store(written)
	return buf
}

// read delivers what comes until the connection ends. On one that only sends nothing comes but its end.
func (m *Mux) read(l *conn) error {
	r := bufio.NewReaderSize(l.c, 64<<10)
	for {
		if l.way != Out {
			_ = l.c.SetReadDeadline(time.Now().Add(m.o.Idle))
		}
		a := answers.Get().(*Answer)
		body, err := m.o.Codec.Read(r, a.buf)
		if err != nil {
			a.Release()
			return err
		}
		a.buf = body
		if len(body) == 0 {
			a.Release()
			continue
		}
		l.said = true
		if !m.p.receive(a) {
			m.request(a)
		}
	}
}

// request answers a request of the peer by any connection that we may write to.
func (m *Mux) request(a *Answer) {
	if m.o.Requests == nil {
		m.p.orphan.Add(1)
		m.o.Log.Warn("link: the peer's request has no handler", "mti", a.Msg.MTI())
		a.Release()
		return
	}
	select {
	case m.slots <- struct{}{}:
	default:
		m.refused.Add(1)
		a.Release()
		return
	}
	m.wg.Go(func() {
		defer func() { a.Release(); <-m.slots }()
		m.served.Add(1)
		frame := handle(m.ctx, m.o.Requests, a.Body(), m.o.Log)
		if len(frame) > 0 && !m.enqueue(&wait{frame: frame}, nil) {
			m.refused.Add(1)
		}
	})
}
