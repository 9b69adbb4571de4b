package sdk

import (
	"context"
	"sync"

	"zhigui/drivers/api"
)

const ringSize = 1024

// ring keeps the last notices of one epoch.
type ring struct {
	mu    sync.Mutex
	epoch string
	seq   uint64
	buf   []api.Notice // the last len(buf), ending at seq
	wake  chan struct{}
}

func newRing(epoch string) *ring { return &ring{epoch: epoch, wake: make(chan struct{})} }

// add numbers n and gives it to the watchers. With the lock held by the caller's change
// of state, order of notices is order of changes.
func (r *ring) add(n api.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	n.Epoch, n.Seq = r.epoch, r.seq
	if n.Status != nil {
		s := *n.Status
		s.Epoch, s.Seq = r.epoch, r.seq
		n.Status = &s
	}
	r.buf = append(r.buf, n)
	if len(r.buf) > ringSize {
		r.buf = append(r.buf[:0:0], r.buf[len(r.buf)-ringSize/2:]...)
	}
	close(r.wake)
	r.wake = make(chan struct{})
}

func (r *ring) place() (string, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch, r.seq
}

// after returns the notices after seq, or ok false if they are not known.
func (r *ring) after(epoch string, seq uint64) (ns []api.Notice, wake chan struct{}, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if epoch != r.epoch || seq > r.seq || r.seq-seq > uint64(len(r.buf)) {
		return nil, r.wake, false
	}
	return append(ns, r.buf[len(r.buf)-int(r.seq-seq):]...), r.wake, true
}

// watch calls f for every notice after the place until ctx ends or f fails; full gives the
// full status for a place that is not known.
func (r *ring) watch(ctx context.Context, epoch string, after uint64, full func() api.Status, f func(api.Notice) error) error {
	for {
		ns, wake, ok := r.after(epoch, after)
		if !ok {
			s := full()
			ns = []api.Notice{{Epoch: s.Epoch, Seq: s.Seq, Status: &s}}
		}
		for _, n := range ns {
			if err := f(n); err != nil {
				return err
			}
			epoch, after = n.Epoch, n.Seq
		}
		if len(ns) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		}
	}
}
