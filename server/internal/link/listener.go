package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/brief"
)

// ListenerOptions of NewListener.
type ListenerOptions struct {
	Codec   *Codec
	Secure  *Security // nil is plain TCP
	Handler Handler
	Max     int           // connections at a time; 0 = 2000
	Read    time.Duration // a frame must be complete so long after its first byte; 0 = 10 s
	Idle    time.Duration // between frames of a long connection; 0 = 3 min
	Write   time.Duration // 0 = 5 s
	Serial  int           // frames of one long connection handled at a time; 0 = 32
	Log     *slog.Logger
}

// ListenerStats are counters since the start.
type ListenerStats struct {
	Open                               int64
	Want                               int // connections when all is well; 0: as many as the peers like
	Most                               int // connections at a time, where each has one request; else requests
	Accepted, Refused, Frames, Garbage uint64
	Unsigned                           uint64 // without a signature that is right
	Fault                              string // the last one (FaultFull …), "" when there was none
	FaultAt                            time.Time
}

// Listener serves terminals: short connections (one request, the answer, close by the
// server) and long ones (any number of frames, answers as they are ready).
type Listener struct {
	o    ListenerOptions
	l    net.Listener
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
	mu   sync.Mutex
	live map[net.Conn]struct{}
	work chan net.Conn // to idle workers, whose stacks have grown already

	open                               atomic.Int64
	accepted, refused, frames, garbage atomic.Uint64
	faults
}

// NewListener listens on address and serves until Close.
func NewListener(address string, o ListenerOptions) (*Listener, error) {
	def := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&o.Read, 10*time.Second)
	def(&o.Idle, 3*time.Minute)
	def(&o.Write, 5*time.Second)
	if o.Max <= 0 {
		o.Max = 2000
	}
	if o.Serial <= 0 {
		o.Serial = 32
	}
	l, err := brief.Listen(address) // Idle ends a long one that is silent
	if err == nil && o.Secure != nil {
		l = o.Secure.Server(l)
	}
	if err != nil {
		return nil, fmt.Errorf("link: listen: %w", err)
	}
	s := &Listener{o: o, l: l, live: map[net.Conn]struct{}{}, work: make(chan net.Conn)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s, nil
}

// Addr is the address listened on.
func (s *Listener) Addr() net.Addr { return s.l.Addr() }

// Stats returns the counters.
func (s *Listener) Stats() ListenerStats {
	return s.into(ListenerStats{Open: s.open.Load(), Most: s.o.Max, Accepted: s.accepted.Load(), Refused: s.refused.Load(), Frames: s.frames.Load(), Garbage: s.garbage.Load()})
}

// Close stops accepting, gives running requests until ctx ends, then closes everything.
func (s *Listener) Close(ctx context.Context) {
	_ = s.l.Close()
	s.mu.Lock()
	for c := range s.live {
		_ = c.SetReadDeadline(time.Now()) // wakes idle readers; running requests finish
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.stop()
	s.mu.Lock()
	for c := range s.live {
		_ = c.Close()
	}
	s.mu.Unlock()
	<-done
}

func (s *Listener) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: try again
			continue
		}
		if s.open.Add(1) > int64(s.o.Max) {
			s.open.Add(-1)
			s.refused.Add(1)
			s.note(FaultFull)
			_ = c.Close()
			continue
		}
		s.accepted.Add(1)
		s.mu.Lock()
		s.live[c] = struct{}{}
		s.mu.Unlock()
		s.wg.Add(1)
		select {
		case s.work <- c:
		default:
			go s.worker(c)
		}
	}
}

// worker serves one connection after another; there are never more workers than there were
// connections at a time.
func (s *Listener) worker(c net.Conn) {
	for {
		s.serve(c)
		select {
		case c = <-s.work:
		case <-s.ctx.Done():
			return
		}
	}
}

type connBuf struct {
	r       *bufio.Reader
	in, out []byte
}

var connBufs = sync.Pool{New: func() any { return &connBuf{r: bufio.NewReaderSize(nil, 2048)} }}

func (s *Listener) serve(c net.Conn) {
	b := connBufs.Get().(*connBuf)
	b.r.Reset(c)
	defer func() {
		if p := recover(); p != nil {
			s.garbage.Add(1)
			s.o.Log.Error("terminal connection: panic", "panic", fmt.Sprint(p))
		}
		_ = c.Close()
		b.r.Reset(nil)
		connBufs.Put(b)
		s.mu.Lock()
		delete(s.live, c)
		s.mu.Unlock()
		s.open.Add(-1)
		s.wg.Done()
	}()
	_ = c.SetReadDeadline(time.Now().Add(s.o.Read))
	body, err := s.o.Codec.Read(b.r, b.in)
	if err != nil {
		if b.r.Buffered() > 0 || errors.Is(err, message.ErrFrame) {
			s.garbage.Add(1)
			s.note(FaultGarbage)
		}
		return
	}
	b.in = body
	s.frames.Add(1)
	answer, keep := s.o.Handler.Handle(s.ctx, body, b.out[:0])
	b.out = answer
	if len(answer) == 0 {
		s.garbage.Add(1)
		return
	}
	_ = c.SetWriteDeadline(time.Now().Add(s.o.Write))
	if !keep {
		_ = brief.Last(c, answer)
		return
	}
	if _, err := c.Write(answer); err == nil {
		s.long(c, b)
	}
}

// long serves the rest of a long connection, several frames at a time.
func (s *Listener) long(c net.Conn, b *connBuf) {
	var wmu sync.Mutex
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, s.o.Serial)
	for {
		_ = c.SetReadDeadline(time.Now().Add(s.o.Idle))
		if _, err := b.r.Peek(1); err != nil || s.ctx.Err() != nil {
			return
		}
		_ = c.SetReadDeadline(time.Now().Add(s.o.Read))
		body, err := s.o.Codec.Read(b.r, nil)
		if err != nil {
			s.garbage.Add(1)
			s.note(FaultGarbage)
			return
		}
		s.frames.Add(1)
		ctx := s.ctx
		select {
		case slots <- struct{}{}:
		default: // it waits its turn, and its sender waits with it
			ctx = received(ctx, time.Now(), "", false)
			slots <- struct{}{}
		}
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					s.garbage.Add(1)
					s.o.Log.Error("terminal request: panic", "panic", fmt.Sprint(p))
				}
				<-slots
			}()
			answer, keep := s.o.Handler.Handle(ctx, body, nil)
			wmu.Lock()
			defer wmu.Unlock()
			_ = c.SetWriteDeadline(time.Now().Add(s.o.Write))
			if len(answer) == 0 || !keep {
				s.garbage.Add(1)
				_ = c.Close()
				return
			}
			if _, err := c.Write(answer); err != nil {
				_ = c.Close()
			}
		})
	}
}
