package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/wire"
	"zhigui/drivers/wire/portlock"
)

// supervise is the life of a device: start, open, recover, serve; after a crash wait and
// again.
func (d *Device) supervise() {
	defer close(d.stopped)
	cfg := &d.host.cfg
	b := &backoff{cfg: cfg}
	for {
		began := cfg.Clock.Now()
		why, o, asked := d.incarnation()
		if asked {
			switch o {
			case orderDrain:
				d.set(StateDrained, "drained")
				return
			case orderRearm, orderRestart:
				b.reset()
			}
			continue
		}
		d.log.Warn("driver ended", "reason", why.Error())
		wait, failed := b.crashed(cfg.Clock.Now(), cfg.Clock.Now().Sub(began))
		state, timer := StateBackoff, (<-chan time.Time)(nil)
		reason := why.Error()
		if failed || errors.Is(why, errRefused) {
			state = StateFailed
			if failed {
				reason = fmt.Sprintf("%d crashes in %s, last: %s", cfg.CrashLimit, cfg.CrashWindow, reason)
			}
		} else {
			timer = cfg.Clock.After(wait)
		}
		d.set(state, reason)
		select {
		case <-timer:
		case o := <-d.orders:
			if o == orderDrain {
				d.set(StateDrained, "drained")
				return
			}
			b.reset()
		}
	}
}

// incarnation runs one process from its start to its end. asked is true when it ended by
// order.
func (d *Device) incarnation() (why error, o order, asked bool) {
	d.set(StateStarting, "process starts")
	if pid := portlock.Owner(d.spec.Port); killOrphan(pid, d.spec.Binary) {
		d.log.Warn("ended a driver that an earlier host left behind", "pid", pid)
	}
	p, err := d.host.launch(d.spec, d.log)
	if err != nil {
		if p != nil {
			d.record(p, err.Error())
		}
		return err, 0, false
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.mu.Lock()
	d.proc = p
	d.mu.Unlock()
	stuck := make(chan error, 1)
	go d.watchdog(ctx, p, stuck)
	served := make(chan struct{})
	go func() { defer close(served); d.serve(ctx, p) }()

	reason := ""
	select {
	case <-p.run.exited:
		reason = p.run.cmd.ProcessState.String()
	case err := <-stuck:
		reason = "watchdog: " + err.Error()
	case o = <-d.orders:
		asked = true
	}
	d.mu.Lock()
	d.proc = nil
	d.mu.Unlock()
	if asked {
		dctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		_, _ = p.rpc.Drain(dctx, &wire.DrainRequest{})
		stop()
		d.set(StateStarting, "ends by order")
	} else {
		d.set(StateBackoff, reason)
	}
	cancel()
	p.kill()
	<-served
	if asked {
		return nil, o, true
	}
	d.record(p, reason)
	return errors.New(reason), 0, false
}

// record keeps what is known about a process that ended by itself.
func (d *Device) record(p *process, reason string) {
	now := d.host.cfg.Clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashes = append(d.crashes, Crash{At: now, PID: p.pid(), Lived: now.Sub(p.started), Reason: reason, Stderr: p.stderr.last()})
	if len(d.crashes) > 10 {
		d.crashes = d.crashes[len(d.crashes)-10:]
	}
}

// serve opens and recovers, as often as it takes, and feeds the notices. What a driver tells while it recovers is
// not in a full status: the feed stands before Recover.
func (d *Device) serve(ctx context.Context, p *process) {
	if !d.retry(ctx, p, StateStarting, "open", func() error { return d.open(ctx, p) }) {
		return
	}
	fed, stands := make(chan struct{}), make(chan struct{})
	go func() { defer close(fed); d.feed(ctx, p, sync.OnceFunc(func() { close(stands) })) }()
	select {
	case <-stands:
	case <-fed: // the process has ended
		return
	}
	if d.retry(ctx, p, StateRecovering, "recover", func() error { return d.recover(ctx, p) }) {
		d.setFor(p, StateReady, "")
	}
	<-fed
}

// retry tries f until it succeeds. A device that is off or unplugged is no crash.
func (d *Device) retry(ctx context.Context, p *process, s State, what string, f func() error) bool {
	wait := d.host.cfg.BackoffMin
	for {
		d.setFor(p, s, what)
		err := f()
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			return true
		}
		d.setFor(p, StateBackoff, what+": "+err.Error())
		select {
		case <-ctx.Done():
			return false
		case <-d.host.cfg.Clock.After(wait):
		}
		wait = min(2*wait, d.host.cfg.OpenRetryMax)
	}
}

func (d *Device) open(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, d.host.cfg.OpenTimeout)
	defer cancel()
	r, err := p.rpc.Open(ctx, &wire.OpenRequest{Device: d.spec.ID, Port: d.spec.Port, Profile: d.spec.Profile, StateDir: d.spec.StateDir})
	if err == nil && r.GetError() != "" {
		err = errors.New(r.GetError())
	}
	if err != nil {
		return err
	}
	desc, err := p.rpc.Describe(ctx, &wire.DescribeRequest{})
	if err != nil {
		return err
	}
	v := wire.ToDescription(desc)
	d.mu.Lock()
	d.desc = &v
	d.mu.Unlock()
	return nil
}

// recover has no deadline of its own: a dispenser may still be paying out. The watchdog sees
// whether the driver lives.
func (d *Device) recover(ctx context.Context, p *process) error {
	r, err := d.askRecovery(ctx, p)
	if err != nil {
		return err
	}
	if d.spec.OnRecovered != nil {
		d.spec.OnRecovered(r)
	}
	return nil
}

func (d *Device) askRecovery(ctx context.Context, p *process) (api.Recovery, error) {
	r, err := p.rpc.Recover(ctx, &wire.RecoverRequest{})
	if err == nil && r.GetError() != "" {
		err = errors.New(r.GetError())
	}
	if err != nil {
		return api.Recovery{}, err
	}
	v := wire.ToRecovery(r)
	d.mu.Lock()
	d.recovery = v
	d.mu.Unlock()
	return v, nil
}

// watchdog asks Health with our own deadline. After a miss it asks again at once.
func (d *Device) watchdog(ctx context.Context, p *process, stuck chan<- error) {
	cfg := &d.host.cfg
	misses := 0
	for {
		if misses == 0 {
			select {
			case <-ctx.Done():
				return
			case <-cfg.Clock.After(cfg.HealthEvery):
			}
		}
		hctx, cancel := context.WithTimeout(ctx, cfg.HealthTimeout)
		r, err := p.rpc.Health(hctx, &wire.HealthRequest{})
		if err == nil && r.GetError() != "" {
			err = errors.New(r.GetError())
			<-hctx.Done() // a quick bad answer is a miss of the same length
		}
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			misses = 0
			continue
		}
		misses++
		if misses >= cfg.HealthMisses {
			select {
			case stuck <- fmt.Errorf("no health %d times: %w", misses, err):
			default:
			}
			return
		}
	}
}
