package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Tx is the transaction of one group commit, with its cache of prepared statements. It is
// valid only inside the function it was passed to.
type Tx struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (t *Tx) stmt(q string) (*sql.Stmt, error) {
	if s := t.stmts[q]; s != nil {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), q)
	if err == nil {
		t.stmts[q] = s
	}
	return s, err
}

// exec runs a statement and returns the number of rows it changed.
func (t *Tx) exec(q string, args ...any) (int64, error) {
	s, err := t.stmt(q)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t *Tx) row(q string, args []any, dst ...any) error {
	s, err := t.stmt(q)
	if err != nil {
		return err
	}
	return s.QueryRow(args...).Scan(dst...)
}

type job struct {
	f    func(*Tx) error
	err  error
	done chan struct{}
}

// WriterStats are counters of the writer since its start.
type WriterStats struct {
	Commits, Writes, Singles, Refused uint64
	Queued                            int
}

// writer is the one goroutine that writes. It takes whatever is queued, up to the batch
// limit, and commits it as one: no timer. When a batch fails, its writes are repeated one by
// one, so that a bad row fails alone.
type writer struct {
	tx    *Tx
	queue chan *job
	batch int
	delay time.Duration
	stop  sync.RWMutex
	ended bool
	done  chan struct{}
	pool  sync.Pool

	commits, writes, singles, refused atomic.Uint64
}

func newWriter(ctx context.Context, db *sql.DB, o Options) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: writer: %w", err)
	}
	if o.Queue <= 0 {
		o.Queue = 4096
	}
	if o.Batch <= 0 {
		o.Batch = 256
	}
	w := &writer{tx: &Tx{conn: conn, stmts: map[string]*sql.Stmt{}}, queue: make(chan *job, o.Queue),
		batch: o.Batch, delay: o.FsyncDelay, done: make(chan struct{})}
	w.pool.New = func() any { return &job{done: make(chan struct{}, 1)} }
	go w.run()
	return w, nil
}

// do queues f. A full queue refuses at once with ErrBusy. Once queued, the write is waited
// for even when ctx ends: its effect is not in doubt.
func (w *writer) do(ctx context.Context, f func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := w.pool.Get().(*job)
	j.f, j.err = f, nil
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
	j.f = nil
	w.pool.Put(j)
	return err
}

func (w *writer) run() {
	defer close(w.done)
	batch := make([]*job, 0, w.batch)
	for j := range w.queue {
		batch = append(batch[:0], j)
		runtime.Gosched() // lets those who are about to write join this commit; nothing is waited for
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
		if err := w.commit(batch); err != nil && len(batch) == 1 {
			batch[0].err = err
		} else if err != nil {
			for i := range batch {
				w.singles.Add(1)
				batch[i].err = w.commit(batch[i : i+1])
			}
		}
		w.writes.Add(uint64(len(batch)))
		for _, j := range batch {
			j.done <- struct{}{}
		}
	}
}

func (w *writer) commit(batch []*job) error {
	if _, err := w.tx.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	for _, j := range batch {
		if err := w.safely(j.f); err != nil {
			_, _ = w.tx.exec("ROLLBACK")
			return err
		}
	}
	if w.delay > 0 {
		time.Sleep(w.delay)
	}
	if _, err := w.tx.exec("COMMIT"); err != nil {
		_, _ = w.tx.exec("ROLLBACK")
		return fmt.Errorf("store: commit: %w", err)
	}
	w.commits.Add(1)
	return nil
}

// safely keeps the writer alive when a write function panics.
func (w *writer) safely(f func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: write panicked: %v", p)
		}
	}()
	return f(w.tx)
}

func (w *writer) close() {
	w.stop.Lock()
	if !w.ended {
		w.ended = true
		close(w.queue)
	}
	w.stop.Unlock()
	<-w.done
	for _, s := range w.tx.stmts {
		_ = s.Close()
	}
	_ = w.tx.conn.Close()
}

func (w *writer) stats() WriterStats {
	return WriterStats{w.commits.Load(), w.writes.Load(), w.singles.Load(), w.refused.Load(), len(w.queue)}
}
