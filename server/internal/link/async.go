package link

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// inbox takes short connections that carry messages one way: each is read to its end.
type inbox struct {
	codec  *Codec
	l      net.Listener
	read   time.Duration
	max    int
	take   func(a *Answer) // keeps or releases a
	wg     sync.WaitGroup
	mu     sync.Mutex
	live   map[net.Conn]struct{}
	frames atomic.Uint64

	accepted, refused, garbage atomic.Uint64
}

func newInbox(address string, c *Codec, sec *Security, read time.Duration, limit int, take func(*Answer)) (*inbox, error) {
	l, err := sec.Listen(address)
	if err != nil {
		return nil, fmt.Errorf("link: listen: %w", err)
	}
	if limit <= 0 {
		limit = 2000
	}
	if read <= 0 {
		read = 10 * time.Second
	}
	b := &inbox{codec: c, l: l, read: read, max: limit, take: take, live: map[net.Conn]struct{}{}}
	b.wg.Go(b.accept)
	return b, nil
}

func (b *inbox) accept() {
	for {
		c, err := b.l.Accept()
		if err != nil {
			if isClosed(err) {
				return
			}
			time.Sleep(10 * time.Millisecond)
			continue
		}
		b.mu.Lock()
		full := len(b.live) >= b.max
		if !full {
			b.live[c] = struct{}{}
		}
		b.mu.Unlock()
		if full {
			b.refused.Add(1)
			_ = c.Close()
			continue
		}
		b.accepted.Add(1)
		b.wg.Go(func() { b.serve(c) })
	}
}

func (b *inbox) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		b.mu.Lock()
		delete(b.live, c)
		b.mu.Unlock()
	}()
	r := readers.Get().(*bufio.Reader)
	r.Reset(c)
	defer func() { r.Reset(nil); readers.Put(r) }()
	for {
		_ = c.SetReadDeadline(time.Now().Add(b.read))
		a := answers.Get().(*Answer)
		body, err := b.codec.Read(r, a.buf)
		if err != nil {
			a.Release()
			return
		}
		if a.buf = body; len(body) == 0 {
			a.Release()
			if b.codec.d.Frame.Endless() {
				return
			}
			continue
		}
		b.frames.Add(1)
		b.take(a)
	}
}

func (b *inbox) close() {
	_ = b.l.Close()
	b.mu.Lock()
	for c := range b.live {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

// post sends one frame on a connection of its own. left tells whether bytes may have left.
func post(ctx context.Context, sec *Security, address string, frame []byte) (left bool, err error) {
	c, err := sec.Dial(ctx, address)
	if err != nil {
		return false, err
	}
	if d, ok := ctx.Deadline(); ok {
		_ = c.SetWriteDeadline(d)
	}
	n, err := c.Write(frame)
	if e := c.Close(); err == nil {
		err = e
	}
	return n > 0 || sec != nil, err
}

// AsyncOptions of NewAsync and NewAsyncServer.
type AsyncOptions struct {
	Address   string // of the peer
	Listen    string // where the peer brings its messages
	Codec     *Codec
	Secure    *Security
	InFlight  int           // 0 = 1024
	Timeout   time.Duration // to dial and to write; 0 = 5 s
	Tombstone time.Duration // 0 = 60 s
	Log       *slog.Logger
}

func (o *AsyncOptions) complete() {
	if o.InFlight <= 0 {
		o.InFlight = 1024
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Tombstone <= 0 {
		o.Tombstone = time.Minute
	}
}

// Async is the client of asynchronous short connections: the request goes out on one connection,
// the answer comes in on another, which the peer opens.
type Async struct {
	o AsyncOptions
	p pairing
	gauge
	box  *inbox
	stop chan struct{}
	wg   sync.WaitGroup
}

// NewAsync listens for answers at once.
func NewAsync(o AsyncOptions) (*Async, error) {
	o.complete()
	a := &Async{o: o, p: pairing{codec: o.Codec, max: o.InFlight, tombstone: o.Tombstone, log: o.Log}, stop: make(chan struct{})}
	a.p.init()
	var err error
	a.box, err = newInbox(o.Listen, o.Codec, o.Secure, 0, 0, func(m *Answer) {
		if !a.p.receive(m) {
			a.p.orphan.Add(1)
			m.Release()
		}
	})
	return a, err
}

// Addr is the address listened on.
func (a *Async) Addr() net.Addr { return a.box.l.Addr() }

// Start implements Client.
func (a *Async) Start() {
	a.wg.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-a.stop:
				return
			case now := <-t.C:
				a.p.sweep(now)
			}
		}
	})
}

// Close implements Client.
func (a *Async) Close() { close(a.stop); a.box.close(); a.wg.Wait() }

// Up implements Client: only a try can tell.
func (a *Async) Up() bool { return true }

// Stats implements Client.
func (a *Async) Stats() Stats {
	s := a.stats()
	p := &a.p
	s.InFlight, s.Answered, s.Late, s.Orphan, s.Garbage, s.Timeouts = p.inFlight(), p.answered.Load(), p.late.Load(), p.orphan.Load(), p.garbage.Load(), p.timeouts.Load()
	return s
}

// Send implements Client.
func (a *Async) Send(ctx context.Context, key Key, frame []byte) (*Answer, error) {
	w := &wait{frame: frame, ch: make(chan *Answer, 1)}
	if !a.p.add(key, w) {
		a.refused.Add(1)
		return nil, ErrNotSent
	}
	w.state.Store(written) // from here on its answer may come
	dctx, cancel := context.WithTimeout(ctx, a.o.Timeout)
	left, err := post(dctx, a.o.Secure, a.o.Address, frame)
	cancel()
	a.reached(err)
	if err != nil {
		if !left && a.p.remove(key, w) {
			a.refused.Add(1)
			return nil, ErrNotSent
		}
		a.lost.Add(1) // part of it may have arrived: wait for an answer all the same
	}
	a.sent.Add(1)
	return a.p.wait(ctx, key, w)
}

// AsyncServer answers those who send on one short connection and want the answer on another.
type AsyncServer struct {
	box          *inbox
	stop         context.CancelFunc
	wg           sync.WaitGroup
	lost, served atomic.Uint64
	most         int
	faults
}

// NewAsyncServer listens and answers until Close.
func NewAsyncServer(o AsyncOptions, h Handler) (*AsyncServer, error) {
	o.complete()
	s := &AsyncServer{}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.most = o.InFlight
	slots := make(chan struct{}, o.InFlight)
	var err error
	s.box, err = newInbox(o.Listen, o.Codec, o.Secure, 0, 0, func(a *Answer) {
		select {
		case slots <- struct{}{}:
		default: // never more under way than configured
			s.box.refused.Add(1)
			s.note(FaultFull)
			a.Release()
			return
		}
		s.wg.Go(func() {
			defer func() { a.Release(); <-slots }()
			out := handle(ctx, h, a.Body(), o.Log)
			if len(out) == 0 {
				s.box.garbage.Add(1)
				s.note(FaultGarbage)
				return
			}
			pctx, cancel := context.WithTimeout(ctx, o.Timeout)
			defer cancel()
			if _, err := post(pctx, o.Secure, o.Address, out); err != nil {
				s.note(FaultLost)
				s.lost.Add(1) // the peer asks again, and gets the stored answer
				o.Log.Warn("link: answer not delivered", "error", err.Error())
			}
		})
	})
	if err != nil {
		stop()
		return nil, err
	}
	return s, nil
}

// Addr is the address listened on.
func (s *AsyncServer) Addr() net.Addr { return s.box.l.Addr() }

// Close implements Server.
func (s *AsyncServer) Close(ctx context.Context) {
	s.box.close()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.stop()
	<-done
}

// Stats implements Server.
func (s *AsyncServer) Stats() ListenerStats {
	s.box.mu.Lock()
	open := len(s.box.live)
	s.box.mu.Unlock()
	return s.into(ListenerStats{Open: int64(open), Most: s.most, Accepted: s.box.accepted.Load(), Refused: s.box.refused.Load(), Frames: s.box.frames.Load(), Garbage: s.box.garbage.Load()})
}
