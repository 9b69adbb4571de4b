package link

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/api/message/brief"
)

// ShortOptions of NewShort.
type ShortOptions struct {
	Address  string
	Codec    *Codec
	Secure   *Security
	InFlight int           // connections at a time; 0 = 1024
	Dial     time.Duration // 0 = 5 s
	HalfOpen bool          // close our direction after the request: the answer of a dialect without lengths ends with the peer's
	Log      *slog.Logger
}

// Short is the client of synchronous short connections: one request, its answer, the end.
type Short struct {
	o ShortOptions
	gauge
}

// gauge counts for clients that keep no connections.
type gauge struct {
	mu      sync.Mutex
	lastErr string
	lastAt  time.Time
	down    bool // the last try did not reach the peer

	flying                                                   atomic.Int64
	sent, answered, refused, timeouts, lost, garbage, orphan atomic.Uint64
}

func (g *gauge) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{Up: 1, Want: 1, InFlight: int(g.flying.Load()), Sent: g.sent.Load(), Answered: g.answered.Load(), Refused: g.refused.Load(), Timeouts: g.timeouts.Load(),
		Lost: g.lost.Load(), Garbage: g.garbage.Load(), Orphan: g.orphan.Load(), LastError: g.lastErr, LastErrorAt: g.lastAt}
	if g.down {
		s.Up = 0
	}
	return s
}

// reached notes whether the peer could be reached.
func (g *gauge) reached(err error) {
	g.mu.Lock()
	if g.down = err != nil; err != nil {
		g.lastErr, g.lastAt = err.Error(), time.Now()
	}
	g.mu.Unlock()
}

// failed is the end of a request whose bytes may have left.
func (g *gauge) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		g.timeouts.Add(1)
	} else {
		g.lost.Add(1)
	}
	g.mu.Lock()
	g.lastErr, g.lastAt = err.Error(), time.Now()
	g.mu.Unlock()
	return ErrNoAnswer
}

// accept unpacks a.buf and checks that it answers key: an answer to somebody else is none.
func (g *gauge) accept(c *Codec, a *Answer, key Key, log *slog.Logger) error {
	err := c.unpackAnswer(a)
	if err == nil && (isRequest(a.Msg) || c.Key(a.Msg) != key) {
		g.orphan.Add(1)
		err = errors.New("link: the answer is to another request")
	} else if err != nil {
		g.garbage.Add(1)
	}
	if err != nil {
		log.Warn("link: unusable answer", "error", err.Error())
		a.Release()
		return ErrNoAnswer
	}
	g.answered.Add(1)
	return nil
}

// NewShort makes a client; nothing is connected before the first Send.
func NewShort(o ShortOptions) *Short {
	if o.InFlight <= 0 {
		o.InFlight = 1024
	}
	if o.Dial <= 0 {
		o.Dial = 5 * time.Second
	}
	return &Short{o: o}
}

// Start implements Client; there is nothing to start.
func (s *Short) Start() {}

// Close implements Client. Requests that are running end by their own deadlines.
func (s *Short) Close() {}

// Up implements Client: only a try can tell, so it is always true.
func (s *Short) Up() bool { return true }

// Stats implements Client.
func (s *Short) Stats() Stats { return s.stats() }

// Send implements Client.
func (s *Short) Send(ctx context.Context, key Key, frame []byte) (*Answer, error) {
	if s.flying.Add(1) > int64(s.o.InFlight) {
		s.flying.Add(-1)
		s.refused.Add(1)
		return nil, ErrNotSent
	}
	defer s.flying.Add(-1)
	dctx, cancel := context.WithTimeout(ctx, s.o.Dial)
	c, _, err := s.o.Secure.dial(dctx, brief.Dial, s.o.Address)
	cancel()
	s.reached(err)
	if err != nil {
		s.refused.Add(1)
		return nil, ErrNotSent
	}
	defer c.Close() //nolint:errcheck // the answer is here or is not
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	s.sent.Add(1)
	if n, err := c.Write(frame); err != nil {
		if n == 0 && s.o.Secure == nil { // not one byte left
			s.sent.Add(^uint64(0))
			s.refused.Add(1)
			return nil, ErrNotSent
		}
		return nil, s.failed(ctx, err)
	}
	if h, ok := c.(interface{ CloseWrite() error }); ok && s.o.HalfOpen {
		_ = h.CloseWrite()
	}
	a := answers.Get().(*Answer)
	r := readers.Get().(*bufio.Reader)
	r.Reset(c)
	defer func() { r.Reset(nil); readers.Put(r) }()
	for {
		body, err := s.o.Codec.Read(r, a.buf)
		if err == nil && len(body) == 0 {
			continue // a sign of life
		}
		if err != nil {
			a.Release()
			if errors.Is(err, io.EOF) {
				err = errors.New("the peer closed without an answer")
			}
			return nil, s.failed(ctx, err)
		}
		a.buf = body
		break
	}
	if err := s.accept(s.o.Codec, a, key, s.o.Log); err != nil {
		return nil, err
	}
	return a, nil
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 2048) }}
