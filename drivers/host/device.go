package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"zhigui/drivers/api"
)

// State is where a device's driver stands.
type State string

// The states. A command is accepted in StateReady only.
const (
	StateStarting   State = "starting"   // process starts, port is opened
	StateRecovering State = "recovering" // the hardware is asked what is true
	StateReady      State = "ready"
	StateBackoff    State = "backoff" // waits before the next try
	StateFailed     State = "failed"  // too many crashes, or refused; needs Rearm
	StateDrained    State = "drained" // ended on purpose
)

// Change is one change of state.
type Change struct {
	Device string
	State  State
	Reason string
	At     time.Time
}

// Crash is the record of a process that ended without being asked.
type Crash struct {
	At     time.Time
	PID    int
	Lived  time.Duration
	Reason string
	Stderr []string // the last lines
}

// Device is one device with its driver process, whichever incarnation. It is an api.Device
// whose Open is the host's business.
type Device struct {
	host *Host
	spec Spec
	log  *slog.Logger

	telling  sync.Mutex // held while a change is made and told
	mu       sync.Mutex
	state    State
	reason   string
	proc     *process // the live one, or nil
	desc     *api.Description
	recovery api.Recovery
	crashes  []Crash
	changed  chan struct{} // closed and replaced at every change of state
	onChange []func(Change)
	subs     map[*subscription]struct{}

	orders  chan order    // to the supervisor
	stopped chan struct{} // closed when the supervisor has ended
}

type order int

const (
	orderRestart order = iota
	orderRearm
	orderDrain
)

func newDevice(h *Host, s Spec) *Device {
	d := &Device{
		host: h, spec: s, log: h.log.With("device", s.ID, "model", s.Model),
		state: StateStarting, reason: "first start", changed: make(chan struct{}),
		subs: map[*subscription]struct{}{}, orders: make(chan order), stopped: make(chan struct{}),
	}
	if s.OnChange != nil {
		d.onChange = append(d.onChange, s.OnChange)
	}
	return d
}

// ID is the device's id in the terminal.
func (d *Device) ID() string { return d.spec.ID }

// State says where the driver stands and why.
func (d *Device) State() (State, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state, d.reason
}

// OnChange adds a function that is called at every later change of state, in order. It must
// not wait for the device.
func (d *Device) OnChange(f func(Change)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onChange = append(d.onChange, f)
}

// PID is the process id of the driver, 0 if none runs.
func (d *Device) PID() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil {
		return 0
	}
	return d.proc.pid()
}

// Crashes are the records of the last crashes, oldest first.
func (d *Device) Crashes() []Crash {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Crash(nil), d.crashes...)
}

// Recovery is what the driver found after its last start.
func (d *Device) Recovery() api.Recovery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.recovery
}

// WaitReady returns when the device is ready, or an error when it failed, was drained or
// ctx ended.
func (d *Device) WaitReady(ctx context.Context) error {
	return d.WaitState(ctx, StateReady)
}

// WaitState returns when the device has come to the state. Waiting for ready ends with an
// error when the device failed or was drained.
func (d *Device) WaitState(ctx context.Context, want State) error {
	for {
		d.mu.Lock()
		s, why, ch := d.state, d.reason, d.changed
		d.mu.Unlock()
		switch {
		case s == want:
			return nil
		case want == StateReady && (s == StateFailed || s == StateDrained):
			return fmt.Errorf("device %s is %s: %s", d.spec.ID, s, why)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("device %s is %s (%s): %w", d.spec.ID, s, why, ctx.Err())
		case <-ch:
		}
	}
}

// set changes the state and tells it; one change at a time, in order.
func (d *Device) set(s State, reason string) { d.setFor(nil, s, reason) }

// setFor changes the state only while p is the live process (any, if p is nil).
func (d *Device) setFor(p *process, s State, reason string) {
	d.telling.Lock()
	defer d.telling.Unlock()
	d.mu.Lock()
	if d.state == s && d.reason == reason || p != nil && d.proc != p {
		d.mu.Unlock()
		return
	}
	d.state, d.reason = s, reason
	close(d.changed)
	d.changed = make(chan struct{})
	fs := append([]func(Change){}, d.onChange...)
	d.mu.Unlock()
	c := Change{Device: d.spec.ID, State: s, Reason: reason, At: d.host.cfg.Clock.Now()}
	d.log.Info("driver state", "state", string(s), "reason", reason)
	for _, f := range fs {
		f(c)
	}
}

func (d *Device) order(ctx context.Context, o order) error {
	select {
	case d.orders <- o:
		return nil
	case <-d.stopped:
		if o == orderDrain {
			return nil
		}
		return errors.New("device is drained")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Restart drains the process and starts a new one at once. It does not count as a crash.
func (d *Device) Restart(ctx context.Context) error { return d.order(ctx, orderRestart) }

// Rearm lets a failed device try again, with its crashes forgotten.
func (d *Device) Rearm(ctx context.Context) error { return d.order(ctx, orderRearm) }

// Drain lets the movement under way finish, ends the process and keeps it ended.
func (d *Device) Drain(ctx context.Context) error {
	d.drainProcess(ctx)
	if err := d.order(ctx, orderDrain); err != nil {
		d.mu.Lock()
		p := d.proc
		d.mu.Unlock()
		if p != nil {
			killGroup(p.pid())
		}
		return fmt.Errorf("drain %s: %w", d.spec.ID, err)
	}
	select {
	case <-d.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain %s: %w", d.spec.ID, ctx.Err())
	}
}
