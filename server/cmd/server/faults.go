package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"zhigui/server/api/code"
	"zhigui/server/internal/store"
)

const (
	faultsEvery = time.Second
	faultsCalm  = 10 * time.Minute // without a line of its kind an alarm ends
	faultsText  = 2000             // bytes of a detail
	faultsMost  = 100              // kinds that are told apart; texts of lines are constants
)

// faults are the errors in this server's log, by their text: each kind is an alarm, which people see at once.
type faults struct {
	mu sync.Mutex
	of map[string]*fault
}

// fault is one kind of error.
type fault struct {
	last   time.Time
	detail string
	alarm  store.Alarm // its ID is empty until it was told
}

func newFaults() *faults { return &faults{of: map[string]*fault{}} }

// over is a handler that passes everything on and keeps the errors.
func (f *faults) over(h slog.Handler) slog.Handler { return watched{h, f, ""} }

func (f *faults) note(text, detail string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.of[text]
	if x == nil {
		if len(f.of) >= faultsMost {
			return
		}
		x = &fault{detail: detail}
		f.of[text] = x
	}
	x.last = now
}

// watched is the handler that keeps errors.
type watched struct {
	slog.Handler
	f    *faults
	with string // attributes of the logger
}

// Handle implements slog.Handler.
func (h watched) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		detail := r.Message + h.with
		r.Attrs(func(a slog.Attr) bool { detail += " " + a.String(); return true })
		h.f.note(r.Message+h.with, storable(detail), r.Time)
	}
	return h.Handler.Handle(ctx, r)
}

// storable is text as every database takes it: an error may quote bytes of a message.
func storable(text string) string {
	if len(text) > faultsText {
		text = text[:faultsText] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
}

// WithAttrs implements slog.Handler.
func (h watched) WithAttrs(as []slog.Attr) slog.Handler {
	h.Handler = h.Handler.WithAttrs(as)
	for _, a := range as {
		h.with += " " + a.String()
	}
	return h
}

// WithGroup implements slog.Handler.
func (h watched) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}

// watchFaults raises an alarm for each kind of error that this server's log has, and ends it when there were none for a while.
func (s *services) watchFaults(ctx context.Context, f *faults) {
	ctx, cancel := context.WithCancel(ctx)
	s.stop = append(s.stop, cancel)
	go func() {
		t := time.NewTicker(faultsEvery)
		defer t.Stop()
		adopted := false
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			err := error(nil)
			if !adopted {
				err = s.adoptFaults(ctx, f, time.Now())
				adopted = err == nil
			}
			if err == nil {
				err = s.tellFaults(ctx, f, time.Now())
			}
			if err != nil && ctx.Err() == nil {
				s.log.Warn("errors in the log are not told to people", "error", err.Error()) // no error: it would be one of its own
			}
		}
	}()
}

// faultMark begins the number of this server's alarms.
func (s *services) faultMark() string {
	sum := sha256.Sum256([]byte(s.name))
	return fmt.Sprintf("log-%x-", sum[:8])
}

// adoptFaults takes over what was open before a restart, so that it ends.
func (s *services) adoptFaults(ctx context.Context, f *faults, now time.Time) error {
	open, err := s.st.OpenAlarms(ctx, code.LogErrors)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range open {
		if strings.HasPrefix(a.ID, s.faultMark()) {
			f.of[a.ID] = &fault{last: now, detail: a.Detail, alarm: *a}
		}
	}
	return err
}

func (s *services) tellFaults(ctx context.Context, f *faults, now time.Time) error {
	var failed error
	for text, x := range f.due(now) {
		a, over := x.alarm, now.Sub(x.last) >= faultsCalm
		if a.ID == "" {
			sum := sha256.Sum256([]byte(text))
			a = store.Alarm{ID: fmt.Sprintf("%s%x-%d", s.faultMark(), sum[:4], x.last.UnixMilli()), Code: code.LogErrors, Severity: "warning", Module: "server", Detail: s.called() + ": " + x.detail, At: x.last.UTC()}
		}
		a.Received, a.Cleared = now.UTC(), over
		if err := s.st.AddAlarm(ctx, &a); err != nil {
			failed = err // and the next is told all the same
			continue
		}
		f.told(text, a, x.last)
		s.broker.Publish("alarm", "")
	}
	return failed
}

// due are copies of those that people must be told of. The lock is not held while they are: whoever logs an error, as
// the database is away, must not wait for it here.
func (f *faults) due(now time.Time) map[string]fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]fault{}
	for text, x := range f.of {
		if x.alarm.ID == "" || now.Sub(x.last) >= faultsCalm {
			out[text] = *x
		}
	}
	return out
}

// told notes what was stored of a kind whose last line was of a time.
func (f *faults) told(text string, a store.Alarm, last time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch x := f.of[text]; {
	case x == nil:
	case !a.Cleared:
		x.alarm = a
	case x.last.Equal(last):
		delete(f.of, text)
	default: // it came back in this moment: an alarm of its own
		x.alarm = store.Alarm{}
	}
}
