package host

import (
	"context"
	"sync"

	"zhigui/drivers/api"
	"zhigui/drivers/wire"
)

const queueMax = 4096

// subscription is one consumer of notices with its queue.
type subscription struct {
	mu    sync.Mutex
	queue []api.Notice
	gap   bool
	wake  chan struct{}
}

func (s *subscription) put(n api.Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= queueMax {
		s.queue, s.gap = nil, true
	}
	s.queue = append(s.queue, n)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscription) take() (ns []api.Notice, gap bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ns, gap = s.queue, s.gap
	s.queue, s.gap = nil, false
	return ns, gap
}

// Watch implements api.Device, and survives restarts of the driver: the first notice is a full
// status unless (epoch, after) is the place of the present one, a new epoch begins with a
// full status, and a consumer that is too slow gets a full status instead of what it missed.
func (d *Device) Watch(ctx context.Context, epoch string, after uint64, f func(api.Notice)) error {
	s := &subscription{wake: make(chan struct{}, 1)}
	d.mu.Lock()
	d.subs[s] = struct{}{}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.subs, s)
		d.mu.Unlock()
	}()
	full := func() {
		if st, err := d.Status(ctx); err == nil {
			f(api.Notice{Epoch: st.Epoch, Seq: st.Seq, Status: &st})
			epoch, after = st.Epoch, st.Seq
		}
	}
	if st, err := d.Status(ctx); err != nil || st.Epoch != epoch || st.Seq != after {
		full()
	}
	for {
		ns, gap := s.take()
		if gap {
			full()
		}
		for _, n := range ns {
			if n.Epoch == epoch && n.Seq <= after {
				continue // included in the full status
			}
			epoch, after = n.Epoch, n.Seq
			f(n)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		}
	}
}

// Notices is Watch from now on as a channel, which is closed when ctx ends.
func (d *Device) Notices(ctx context.Context) <-chan api.Notice {
	ch := make(chan api.Notice, 64)
	go func() {
		defer close(ch)
		_ = d.Watch(ctx, "", 0, func(n api.Notice) {
			select {
			case ch <- n:
			case <-ctx.Done():
			}
		})
	}()
	return ch
}

// feed passes the notices of one incarnation to the subscriptions until it ends; none is missed after stands was called.
func (d *Device) feed(ctx context.Context, p *process, stands func()) {
	epoch, after := "", uint64(0)
	for ctx.Err() == nil {
		st, err := p.rpc.Watch(ctx, &wire.WatchRequest{Epoch: epoch, After: after})
		for err == nil {
			var m *wire.Notice
			if m, err = st.Recv(); err != nil {
				break
			}
			n := wire.ToNotice(m)
			epoch, after = n.Epoch, n.Seq
			d.mu.Lock()
			for s := range d.subs {
				s.put(n)
			}
			d.mu.Unlock()
			stands()
		}
		select {
		case <-ctx.Done():
		case <-d.host.cfg.Clock.After(d.host.cfg.BackoffMin):
		}
	}
}
