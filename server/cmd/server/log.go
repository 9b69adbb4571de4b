package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quiet keeps a fault that hits every request (a full disk, a database that is away) from filling the log:
// of lines with the same message and the same error the first is written, and then, once in a while, one
// with how often it was. Lines without an error pass.
type quiet struct {
	slog.Handler
	s *causes
}

type causes struct {
	every time.Duration
	mu    sync.Mutex
	seen  map[string]*cause
}

// cause is a line that was written, and what it stands for since.
type cause struct {
	last  slog.Record
	to    slog.Handler
	times int
}

// most is how many causes are told apart at a time; beyond, lines pass.
const most = 1000

func newQuiet(h slog.Handler, every time.Duration) slog.Handler {
	return quiet{h, &causes{every: every, seen: map[string]*cause{}}}
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	why := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			why = a.Value.String()
		}
		return why == ""
	})
	if why == "" {
		return q.Handler.Handle(ctx, r)
	}
	key := r.Level.String() + r.Message + "\x00" + why
	q.s.mu.Lock()
	if c := q.s.seen[key]; c != nil {
		c.last, c.to = r.Clone(), q.Handler
		c.times++
		q.s.mu.Unlock()
		return nil
	}
	if len(q.s.seen) < most {
		q.s.seen[key] = &cause{}
		time.AfterFunc(q.s.every, func() { q.s.tell(key) })
	}
	q.s.mu.Unlock()
	return q.Handler.Handle(ctx, r)
}

// tell writes what was held back; when nothing was, the cause is over.
func (s *causes) tell(key string) {
	s.mu.Lock()
	c := s.seen[key]
	if c.times == 0 {
		delete(s.seen, key)
		s.mu.Unlock()
		return
	}
	r, to := c.last, c.to
	r.AddAttrs(slog.Int("times", c.times))
	c.times = 0
	s.mu.Unlock()
	_ = to.Handle(context.Background(), r)
	time.AfterFunc(s.every, func() { s.tell(key) })
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(as []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(as), q.s} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.s} }
