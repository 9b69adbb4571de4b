// Package host runs driver processes for the platform: one process for each device, started
// through go-plugin and supervised here. go-plugin gives isolation, mutual TLS and version
// negotiation; start order, watchdog, restart, drain, orphan prevention and the crash record
// are ours, because its Ping and Kill have no deadline and it never restarts anything.
// Imported by terminal/internal, drivers/conformance and drivers/cmd.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zhigui/drivers/api"
)

// Config is the host's. The zero value of every member but RunDir has a default.
type Config struct {
	// RunDir is a folder of this host alone, for the sockets; it is emptied at start. Keep
	// it short: a unix socket's path has at most 107 characters.
	RunDir string

	StartTimeout  time.Duration // process to first answer: 10 s
	OpenTimeout   time.Duration // Open: 15 s
	HealthEvery   time.Duration // 2 s
	HealthTimeout time.Duration // 1 s
	HealthMisses  int           // 3: then the process group is killed

	BackoffMin   time.Duration // 0.2 s, doubled at each crash …
	BackoffMax   time.Duration // … up to 60 s
	HealthyAfter time.Duration // a process that lived 5 min resets the back-off
	CrashLimit   int           // 5 crashes …
	CrashWindow  time.Duration // … in 10 min end in StateFailed
	OpenRetryMax time.Duration // Open and Recover are tried again after 0.2 s … 5 s

	Clock  Clock
	Jitter func() float64 // 0 … 1; the delay is multiplied by 0.8 … 1.2
}

func (c *Config) defaults() {
	dur := func(p *time.Duration, d time.Duration) {
		if *p <= 0 {
			*p = d
		}
	}
	dur(&c.StartTimeout, 10*time.Second)
	dur(&c.OpenTimeout, 15*time.Second)
	dur(&c.HealthEvery, 2*time.Second)
	dur(&c.HealthTimeout, time.Second)
	dur(&c.BackoffMin, 200*time.Millisecond)
	dur(&c.BackoffMax, time.Minute)
	dur(&c.HealthyAfter, 5*time.Minute)
	dur(&c.CrashWindow, 10*time.Minute)
	dur(&c.OpenRetryMax, 5*time.Second)
	if c.HealthMisses <= 0 {
		c.HealthMisses = 3
	}
	if c.CrashLimit <= 0 {
		c.CrashLimit = 5
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
}

// Clock is the time that back-off, lifetimes and the watchdog's pauses go by.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Spec says which driver runs for which device.
type Spec struct {
	ID     string // "card", "cash", …
	Model  string // argument of the multi-call binary
	Binary string // path of driverd
	// SHA256 is the checksum of the binary in hex, from the signed release; empty: not checked.
	SHA256   string
	Port     string
	Profile  json.RawMessage
	StateDir string
	// Env is added to the process's environment, which is empty otherwise; for tools.
	Env []string
	// OnRecovered is called after every start with what the driver found, before the device
	// becomes ready. OnChange is called at every change of state. Both from one goroutine.
	OnRecovered func(api.Recovery)
	OnChange    func(Change)
}

// Host runs the drivers of one terminal.
type Host struct {
	cfg   Config
	log   *slog.Logger
	spawn *spawner

	mu      sync.Mutex
	devices map[string]*Device
	closed  bool
}

// New makes a host. It empties the run folder.
func New(cfg Config, log *slog.Logger) (*Host, error) {
	cfg.defaults()
	if cfg.RunDir == "" {
		return nil, errors.New("host: no run folder given")
	}
	dir, err := filepath.Abs(cfg.RunDir)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if len(dir) > 70 {
		return nil, fmt.Errorf("host: run folder %q is too long for unix sockets (70 characters at most)", dir)
	}
	cfg.RunDir = filepath.Join(dir, "plugins")
	if err := os.RemoveAll(cfg.RunDir); err != nil {
		return nil, fmt.Errorf("host: empty the run folder: %w", err)
	}
	if err := os.MkdirAll(cfg.RunDir, 0o700); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	return &Host{cfg: cfg, log: log, spawn: newSpawner(), devices: map[string]*Device{}}, nil
}

// Start begins to run a driver and returns at once; see Device.WaitReady. ctx bounds the
// start only.
func (h *Host) Start(_ context.Context, s Spec) (*Device, error) {
	switch {
	case s.ID == "" || s.Model == "" || s.Binary == "" || s.StateDir == "":
		return nil, fmt.Errorf("host: device %q: id, model, binary and state folder are needed", s.ID)
	case len(s.Profile) > 0 && !json.Valid(s.Profile):
		return nil, fmt.Errorf("host: device %q: profile is not JSON", s.ID)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errors.New("host: closed")
	}
	if h.devices[s.ID] != nil {
		return nil, fmt.Errorf("host: device %q runs already", s.ID)
	}
	d := newDevice(h, s)
	h.devices[s.ID] = d
	go d.supervise()
	return d, nil
}

// Device returns a device by its id.
func (h *Host) Device(id string) (*Device, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.devices[id]
	return d, ok
}

// Close drains every device at the same time and ends their processes. After it the host
// starts nothing more.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	already := h.closed
	h.closed = true
	devices := make([]*Device, 0, len(h.devices))
	for _, d := range h.devices {
		devices = append(devices, d)
	}
	h.mu.Unlock()
	if already {
		return nil
	}
	errs := make([]error, len(devices))
	var wg sync.WaitGroup
	for i, d := range devices {
		wg.Go(func() { errs[i] = d.Drain(ctx) })
	}
	wg.Wait()
	err := errors.Join(errs...)
	if err == nil {
		h.spawn.close()
	}
	return err
}
