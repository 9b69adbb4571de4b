package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

type job struct {
	f    func(*Tx) error
	rows []rows // instead of f, with those of others
	ok   func()
	err  error
	done chan struct{}
}

// WriterStats are counters of the writer since its start.
type WriterStats struct {
	Commits, Writes, Splits, Refused, Retries, Resolved, Unknown uint64
	Queued                                                       int
}

// writer is the only one that writes. Each of its lanes (one on SQLite) takes whatever is
// queued, up to the batch limit, and commits it as one: no timer. When a batch fails, its
// halves are repeated, so that a bad row fails alone.
type writer struct {
	d        *dialect
	queue    chan *job
	batch    int
	delay    time.Duration
	patience time.Duration
	stop     sync.RWMutex
	ended    bool
	lanes    sync.WaitGroup
	pool     sync.Pool
	names    []string     // of the lanes
	node     atomic.Int64 // number of this server; 0 before Join
	recent   recent

	commits, writes, splits, refused, retries, resolved, unknown atomic.Uint64
}

func newWriter(ctx context.Context, d *dialect, o Options, lanes []*lane) (*writer, error) {
	w := &writer{d: d, queue: make(chan *job, o.Queue), batch: o.Batch, delay: o.FsyncDelay, patience: o.Patience, recent: recent{numbers: map[string]int64{}}}
	w.pool.New = func() any { return &job{done: make(chan struct{}, 1)} }
	for _, l := range lanes {
		l.w = w
		w.names = append(w.names, l.name)
		if err := l.open(ctx); err != nil {
			for _, l := range lanes {
				l.drop()
			}
			return nil, fmt.Errorf("store: writer: %w", err)
		}
	}
	for _, l := range lanes {
		w.lanes.Go(func() { w.run(l) })
	}
	return w, nil
}

// do queues f, which may run more than once. A full queue refuses at once with ErrBusy. Once
// queued, the write is waited for even when ctx ends: its effect is not in doubt.
func (w *writer) do(ctx context.Context, f func(*Tx) error) error {
	return w.doRows(ctx, f, nil, nil)
}

func (w *writer) doRows(ctx context.Context, f func(*Tx) error, ok func(), rs []rows) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := w.pool.Get().(*job)
	j.f, j.err, j.rows, j.ok = f, nil, rs, ok
	w.stop.RLock()
	if w.ended {
		w.stop.RUnlock()
		return ErrClosed
	}
	select {
	case w.queue <- j:
		w.stop.RUnlock()
	default:
		w.stop.RUnlock()
		w.refused.Add(1)
		w.pool.Put(j)
		return ErrBusy
	}
	<-j.done
	err := j.err
	j.f, j.rows, j.ok = nil, nil, nil
	w.pool.Put(j)
	return err
}

func (w *writer) run(l *lane) {
	defer l.close()
	batch := make([]*job, 0, w.batch)
	for j := range w.queue {
		batch = append(batch[:0], j)
		for n := -1; n < len(w.queue); { // those who are about to write may join this commit; nothing is waited for
			n = len(w.queue)
			runtime.Gosched()
		}
	take:
		for len(batch) < w.batch {
			select {
			case j, ok := <-w.queue:
				if !ok {
					break take
				}
				batch = append(batch, j)
			default:
				break take
			}
		}
		w.commit(l, batch)
		w.writes.Add(uint64(len(batch)))
		for _, j := range batch {
			j.done <- struct{}{}
		}
	}
}

// commit commits batch; when that fails, its halves, down to the write that is wrong.
func (w *writer) commit(l *lane, batch []*job) {
	err := l.commit(batch)
	if err == nil {
		return
	}
	if len(batch) > 1 && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrAway) {
		w.splits.Add(1)
		w.commit(l, batch[:len(batch)/2])
		w.commit(l, batch[len(batch)/2:])
		return
	}
	for _, j := range batch {
		j.err = err
	}
}

func (w *writer) close() {
	w.stop.Lock()
	if !w.ended {
		w.ended = true
		close(w.queue)
	}
	w.stop.Unlock()
	w.lanes.Wait()
}

func (w *writer) stats() WriterStats {
	return WriterStats{w.commits.Load(), w.writes.Load(), w.splits.Load(), w.refused.Load(), w.retries.Load(), w.resolved.Load(), w.unknown.Load(), len(w.queue)}
}
