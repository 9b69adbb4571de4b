package device

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"zhigui/sim/device/engine"
)

// The engine's words, for callers that import only this package.
type (
	Args      = engine.Args
	State     = engine.State
	Event     = engine.Event
	Frame     = engine.Frame
	FaultSpec = engine.FaultSpec
	Stage     = engine.Stage
	LineFault = engine.LineFault
	Conflict  = engine.Conflict
	ArgError  = engine.ArgError
)

// Stages of armed faults and the code of a power cut.
const (
	BeforeMotion = engine.BeforeMotion
	MidMotion    = engine.MidMotion
	AfterMotion  = engine.AfterMotion
	ReplyLost    = engine.ReplyLost
	FaultPower   = engine.FaultPower
	FaultNone    = engine.FaultNone
)

// Line faults.
const (
	DropByte       = engine.DropByte
	BadChecksum    = engine.BadChecksum
	Silence        = engine.Silence
	Garbage        = engine.Garbage
	PortVanishes   = engine.PortVanishes
	Nak            = engine.Nak
	LateAck        = engine.LateAck
	LostAck        = engine.LostAck
	DuplicateReply = engine.DuplicateRply
)

// Sim is one virtual device at work; see engine.Device for what it can do.
type Sim struct {
	*engine.Device
	ended chan struct{}
}

// model is what a model offers beside the engine's interface.
type model interface {
	engine.Model
	Close() error
}

// Start loads the device's physical state, opens its port and switches it on. It ends with
// ctx or by Close. Two processes cannot run one device: its state folder is locked.
func Start(ctx context.Context, c Config) (*Sim, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.StateDir == "" {
		return nil, errors.New("stateDir: missing")
	}
	c = c.withDefaults()
	if c.Clock == nil {
		c.Clock = engine.RealClock{}
	}
	if err := os.MkdirAll(c.StateDir, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(c.StateDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("device %s: the state folder %s belongs to another process: %w", c.ID, c.StateDir, err)
	}
	k, _ := find(c.Model)
	m, err := k.build(c)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("device %s: %w", c.ID, err)
	}
	d, err := engine.Open(c.options(), m)
	if err != nil {
		_ = m.Close()
		_ = lock.Close()
		return nil, err
	}
	s := &Sim{Device: d, ended: make(chan struct{})}
	context.AfterFunc(ctx, s.Close)
	go func() {
		<-d.Stopped()
		_ = m.Close()
		_ = lock.Close()
		close(s.ended)
	}()
	return s, nil
}

// Close ends the device; its physical state stays on the disk.
func (s *Sim) Close() {
	s.Device.Close()
	<-s.ended
}

// TB is the part of testing.TB that MustStart needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
	TempDir() string
}

// MustStart starts a device for a test and ends it with the test.
func MustStart(t TB, c Config) *Sim {
	t.Helper()
	if c.StateDir == "" {
		c.StateDir = t.TempDir()
	}
	s, err := Start(context.Background(), c)
	if err != nil {
		t.Fatalf("start virtual device: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}
