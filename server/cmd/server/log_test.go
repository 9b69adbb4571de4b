package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// page is what was logged.
type page struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) { p.mu.Lock(); defer p.mu.Unlock(); return p.b.Write(b) }

func (p *page) lines(with string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range strings.Lines(p.b.String()) {
		if strings.Contains(l, with) {
			out = append(out, l)
		}
	}
	return out
}

// A full disk refuses every transaction: the log says so once, and then how often, and never loses a count.
func TestAFaultOfEveryRequestIsALineAndACount(t *testing.T) {
	p := &page{}
	log := slog.New(newQuiet(slog.NewTextHandler(p, nil), 20*time.Millisecond))
	full, away := errors.New("database or disk is full"), errors.New("the database is away")
	for i := range 1000 {
		log.With("channel", "terminals").Error("journal refuses", "terminal", i, "error", full.Error())
	}
	log.Error("journal refuses", "error", away.Error())
	log.Error("upkeep", "error", full.Error())
	for range 3 {
		log.Info("signed on")
	}
	for len(p.lines("times=")) == 0 {
		time.Sleep(time.Millisecond)
	}
	said := p.lines("disk is full")
	if len(said) > 60 || len(p.lines("away")) != 1 || len(p.lines("upkeep")) != 1 || len(p.lines("signed on")) != 3 {
		t.Errorf("%d lines: %q", len(said), said[:min(3, len(said))])
	}
	if !strings.Contains(said[0], "terminal=0") || !strings.Contains(said[len(said)-1], "channel=terminals") {
		t.Errorf("the lines do not say where: %q", said)
	}
	log.Error("later", "error", full.Error())
	if len(p.lines("later")) != 1 {
		t.Error("another line was held back")
	}
}
