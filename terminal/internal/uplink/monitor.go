package uplink

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/api/access"
	"zhigui/terminal/api/journal"
)

// Source is what the monitor reports about.
type Source interface {
	// Beat describes the terminal now; seq, boot and time are filled by the monitor.
	Beat() access.Beat
	// Since returns journal bodies for the upload.
	Since(after uint64, max int) ([]json.RawMessage, error)
	// SignedIn is told once after each sign-in.
	SignedIn(access.SignInAnswer)
	// Assigned is told which bundle the terminal should run.
	Assigned(access.Bundle)
	// Command carries out an order of people at the server, once however often it is told.
	Command(access.Command)
}

// Monitor keeps the server informed. Run it; Wake it when something changed.
type Monitor struct {
	Client   *Client
	Source   Source
	SignIn   access.SignIn
	Log      *slog.Logger
	Every    time.Duration
	mu       sync.Mutex
	alarms   []access.Alarm
	wake     chan struct{}
	uploaded atomic.Uint64
}

// Start prepares the monitor.
func (m *Monitor) Start() *Monitor {
	m.wake = make(chan struct{}, 1)
	return m
}

// Wake makes Run report at once.
func (m *Monitor) Wake() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// maxAlarms bounds the alarms that wait for the server; the journal has them all.
const maxAlarms = 500

// Alarm queues an alarm until the server has it.
func (m *Monitor) Alarm(a access.Alarm) {
	m.mu.Lock()
	if len(m.alarms) < maxAlarms {
		m.alarms = append(m.alarms, a)
	}
	m.mu.Unlock()
	m.Wake()
}

// Run signs in, then reports until ctx ends; after a failure it begins anew.
func (m *Monitor) Run(ctx context.Context) {
	pause := time.Second
	for ctx.Err() == nil {
		in, err := m.Client.SignIn(ctx, m.SignIn)
		if err == nil {
			pause = time.Second
			m.uploaded.Store(in.JournalSeq)
			m.Source.SignedIn(in)
			if in.Assigned != nil {
				m.Source.Assigned(*in.Assigned)
			}
			err = m.report(ctx, in)
		}
		if ctx.Err() != nil {
			return
		}
		m.Log.Warn("monitoring server not reached", "err", err, "again", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
}

func (m *Monitor) report(ctx context.Context, in access.SignInAnswer) error {
	every := m.Every
	if in.BeatSeconds > 0 {
		every = time.Duration(in.BeatSeconds) * time.Second
	}
	for seq := uint64(1); ; seq++ {
		if err := m.upload(ctx); err != nil {
			return err
		}
		b := m.Source.Beat()
		b.Seq, b.Boot, b.At = seq, m.SignIn.Boot, time.Now().UTC()
		ans, err := m.Client.Beat(ctx, b)
		if err != nil {
			return err
		}
		if err := m.sendAlarms(ctx); err != nil {
			return err
		}
		for _, cmd := range ans.Commands {
			m.Source.Command(cmd)
		}
		if ans.Assigned != nil {
			m.Source.Assigned(*ans.Assigned)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-m.wake:
		case <-time.After(every):
		}
	}
}

func (m *Monitor) sendAlarms(ctx context.Context) error {
	for {
		m.mu.Lock()
		if len(m.alarms) == 0 {
			m.mu.Unlock()
			return nil
		}
		a := m.alarms[0]
		m.mu.Unlock()
		if err := m.Client.Alarm(ctx, a); err != nil {
			return err
		}
		m.mu.Lock()
		m.alarms = m.alarms[1:]
		m.mu.Unlock()
	}
}

// upload sends what the server does not hold yet, in order.
func (m *Monitor) upload(ctx context.Context) error {
	for {
		bodies, err := m.Source.Since(m.uploaded.Load(), 200)
		if err != nil || len(bodies) == 0 {
			return err
		}
		batch := make([]access.Record, 0, len(bodies))
		for _, b := range bodies {
			var r journal.Record
			if err := json.Unmarshal(b, &r); err != nil {
				return err
			}
			batch = append(batch, access.Record{Seq: r.Seq, Prev: r.Prev, Hash: journal.Hash(b), Body: b, Txn: r.Txn})
		}
		accepted, err := m.Client.Upload(ctx, batch)
		if accepted > m.uploaded.Load() {
			m.uploaded.Store(accepted)
		}
		if err != nil {
			return err
		}
		if accepted < batch[len(batch)-1].Seq {
			return nil // it takes the rest later
		}
	}
}

// Uploaded is the last journal record the server holds.
func (m *Monitor) Uploaded() uint64 { return m.uploaded.Load() }
