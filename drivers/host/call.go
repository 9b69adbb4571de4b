package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/wire"
)

var _ api.Device = (*Device)(nil)

// ErrNotReady is what calls but Execute answer while no driver is ready.
var ErrNotReady = errors.New("device is not ready")

func (d *Device) ready() (*process, *api.Description, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != StateReady || d.proc == nil {
		return nil, d.desc, fmt.Errorf("%w: %s is %s: %s", ErrNotReady, d.spec.ID, d.state, d.reason)
	}
	return d.proc, d.desc, nil
}

// Describe answers from the last incarnation that opened.
func (d *Device) Describe(context.Context) (api.Description, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.desc == nil {
		return api.Description{}, fmt.Errorf("%w: %s was never open: %s", ErrNotReady, d.spec.ID, d.reason)
	}
	return *d.desc, nil
}

// Open is not for callers: the host opens.
func (d *Device) Open(context.Context, api.Config) error {
	return errors.New("the host opens the device")
}

// Recover asks the hardware again what is true, for an operation that ended indeterminate
// while the driver lived. After a start the host has done it already (see Spec.OnRecovered).
func (d *Device) Recover(ctx context.Context) (api.Recovery, error) {
	p, _, err := d.ready()
	if err != nil {
		return api.Recovery{}, err
	}
	return d.askRecovery(ctx, p)
}

// Execute implements api.Device. A process that dies in it leaves Indeterminate if the
// command can move something and may have been delivered, else NotStarted.
func (d *Device) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	p, desc, err := d.ready()
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	if ctx.Err() != nil {
		return api.Completion{Outcome: api.Canceled, Code: api.CodeCanceled, Description: "canceled before it began"}
	}
	sctx, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(p.gone(), end)()
	st, err := p.rpc.Execute(sctx, wire.FromCommand(cmd))
	if err != nil {
		return d.lost(p, desc, cmd)
	}
	defer context.AfterFunc(ctx, func() { p.cancel(sctx, string(cmd.Op)) })()
	for {
		m, err := st.Recv()
		if err != nil {
			return d.lost(p, desc, cmd)
		}
		if ev := m.GetEvent(); ev != nil && emit != nil {
			emit(*wire.ToEvent(ev))
		}
		if c := m.GetCompletion(); c != nil {
			return *wire.ToCompletion(c)
		}
	}
}

// cancel asks until the driver knows the command or the command has ended (ctx): the two
// calls may overtake each other.
func (p *process) cancel(ctx context.Context, op string) {
	for {
		r, err := p.rpc.Cancel(ctx, &wire.CancelRequest{Op: op})
		if err != nil || r.GetKnown() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// lost is the completion of a command whose driver went away after the command may have
// been delivered.
func (d *Device) lost(p *process, desc *api.Description, cmd api.Command) api.Completion {
	d.awaitExit(p)
	motion, known := desc.Commands[cmd.Name]
	if known && (motion == api.Still || motion == api.Wait) {
		return api.Refuse(api.HardwareError, "the driver ended during the command")
	}
	if !known {
		return api.Refuse(api.UnsupportedCommand, "the driver ended; it does not know this command")
	}
	return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the driver ended during the command; the device must be asked"}
}

// awaitExit lets the supervisor notice, so that the state is not "ready" any more when the
// caller reads it.
func (d *Device) awaitExit(p *process) {
	limit := time.After(time.Second)
	for {
		d.mu.Lock()
		ended, ch := d.proc != p, d.changed
		if !ended {
			d.mu.Unlock()
			select {
			case <-ch:
				continue
			case <-limit:
				return
			}
		}
		d.mu.Unlock()
		return
	}
}

// QueryOp implements api.Device.
func (d *Device) QueryOp(ctx context.Context, id api.OpID) (api.OpRecord, error) {
	p, _, err := d.ready()
	if err != nil {
		return api.OpRecord{}, err
	}
	r, err := p.rpc.QueryOp(ctx, &wire.QueryOpRequest{Op: string(id)})
	if err == nil && r.GetError() != "" {
		err = errors.New(r.GetError())
	}
	if err != nil {
		return api.OpRecord{}, fmt.Errorf("query operation: %w", err)
	}
	return wire.ToRecord(r.GetRecord()), nil
}

// Status implements api.Device. While no driver is ready it says so as a full status that
// has "common" only, of epoch "host".
func (d *Device) Status(ctx context.Context) (api.Status, error) {
	p, _, err := d.ready()
	if err != nil {
		return d.absent(), nil
	}
	r, err := p.rpc.Status(ctx, &wire.StatusRequest{})
	if err != nil {
		if s, _ := d.State(); s != StateReady {
			return d.absent(), nil
		}
		return api.Status{}, fmt.Errorf("status: %w", err)
	}
	return *wire.ToStatus(r.GetStatus()), nil
}

func (d *Device) absent() api.Status {
	s, _ := d.State()
	v := api.Offline
	switch s {
	case StateStarting, StateRecovering:
		v = api.Starting
	case StateFailed:
		v = api.StateHardwareError
	}
	b, _ := json.Marshal(map[string]any{"common": map[string]any{"device": v}})
	return api.Status{Epoch: "host", Full: true, Classes: b}
}

// Health implements api.Device.
func (d *Device) Health(ctx context.Context) error {
	p, _, err := d.ready()
	if err != nil {
		return err
	}
	r, err := p.rpc.Health(ctx, &wire.HealthRequest{})
	if err == nil && r.GetError() != "" {
		err = errors.New(r.GetError())
	}
	return err
}

func (d *Device) drainProcess(ctx context.Context) {
	d.mu.Lock()
	p := d.proc
	d.mu.Unlock()
	if p != nil {
		_, _ = p.rpc.Drain(ctx, &wire.DrainRequest{})
	}
}

// gone is a context that ends when the process has been reaped.
func (p *process) gone() context.Context {
	p.goneOnce.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		p.goneCtx = ctx
		go func() { <-p.run.exited; cancel() }()
	})
	return p.goneCtx
}
