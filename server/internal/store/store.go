// Package store keeps everything the server must not lose in one database: SQLite (WAL,
// synchronous=FULL), MariaDB or MySQL, or PostgreSQL, chosen by the data source name. Writes
// go through a group-committing writer, readers have connections of their own. It is the only
// package that imports SQL drivers. trade, access, mgmt, hsm's key store and the commands use
// it.
//
// A method that changes something returns only after the change is durable.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/internal/cache"
	"zhigui/server/internal/store/schema"
)

// Errors of the store.
var (
	ErrNotFound = errors.New("store: not found")
	ErrBusy     = errors.New("store: write queue is full")
	ErrClosed   = errors.New("store: closed")
	ErrState    = errors.New("store: the row is in another state")
	ErrDay      = errors.New("store: no such day: want yyyyMMdd")
	// ErrAway: the database cannot be reached; nothing was written.
	ErrAway = errors.New("store: the database is away")
	// ErrUnknown: the connection was lost during a commit and the database cannot be asked
	// whether it happened.
	ErrUnknown = errors.New("store: it is not known whether the write happened")
)

// Options of Open.
type Options struct {
	DSN      string // a path or sqlite:path, mysql://user:password@host:port/database, postgres://…
	Archives string // folder of archived months; empty: none
	Queue    int    // writes that may wait; 0 = 4096
	Batch    int    // writes in one commit at most; 0 = 256
	// Tool: transactions come in by another process, which alone brings the indexes of a file up to date and knows
	// the keys that they lack. Insert is refused then.
	Tool     bool
	Writers  int           // writing connections of a networked database; 0 = 2
	Patience time.Duration // how long a lost database is waited for before writes fail; 0 = 10 s
	Lease    time.Duration // what a server has is another's when it was not heard of for so long; 0 = 10 s
	// Name is that of the server in its lease, as Join's holder, Roles are those whose locks of a SQLite file it
	// holds; a tool has neither. Force lets it change the schema under servers that are alive.
	Name       string
	Roles      []string
	Force      bool
	Log        *slog.Logger  // of background work; nil: none
	FsyncDelay time.Duration // benchmarks only: slept inside each commit, as a slower disk would
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	d    *dialect
	read *sql.DB
	w    *writer
	db   *sql.DB
	// index brings the indexes for searches up to date; SQLite only.
	index    indexer
	archives string
	tool     bool // of a SQLite file
	force    bool // whatever the schema is
	upkeep   sync.Mutex

	cache       *cache.Cache // nil: every read is the database's
	sender      string       // of changes that make copies stale
	staleNumber atomic.Int64
	committed   func() // tests only: between such a commit and the deletion
}

// Open opens the database, creating that of SQLite, and brings its schema up to date.
func Open(ctx context.Context, o Options) (*Store, error) {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	d, err := dialectOf(o.DSN)
	if err != nil {
		return nil, err
	}
	def(&o.Queue, 4096)
	def(&o.Batch, 256)
	def(&o.Writers, d.writers)
	if d.engine == schema.SQLite {
		o.Writers = 1
	}
	if d.lease = o.Lease; d.lease <= 0 {
		d.lease = 10 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	s := &Store{d: d, archives: o.Archives, force: o.Force, tool: o.Tool && d.engine == schema.SQLite, sender: rand.Text(), index: indexer{log: o.Log}}
	if s.db, err = d.write(); err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if err = d.check(ctx, s.db); err == nil {
		err = migrate(ctx, d, s.db, &o)
	}
	if err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	if s.read, err = d.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("store: open: %w", err), s.db.Close())
	}
	if d.engine != schema.SQLite {
		s.db.SetMaxIdleConns(0)    // each lane holds its own
		s.read.SetMaxOpenConns(64) // many at once must not overrun the server's queue of new connections
		s.read.SetMaxIdleConns(16)
	}
	lanes := make([]*lane, o.Writers)
	for i := range lanes {
		lanes[i] = newLane(s.db)
	}
	if s.w, err = newWriter(ctx, d, o, lanes); err != nil {
		return nil, errors.Join(err, s.read.Close(), s.db.Close())
	}
	if err = s.startIndex(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for queued writes and closes the database.
func (s *Store) Close() error {
	s.index.end()
	s.w.close()
	return errors.Join(s.read.Close(), s.db.Close())
}

// Stats tells how the writer is doing.
func (s *Store) Stats() WriterStats { return s.w.stats() }

// Engine is the name of the engine: sqlite, mariadb or postgres.
func (s *Store) Engine() string { return s.d.engine.String() }

// write queues f for the next group commit and waits until it is durable. f may run more than
// once.
func (s *Store) write(ctx context.Context, f func(*Tx) error) error { return s.w.do(ctx, f) }

func (s *Store) row(ctx context.Context, q string, args ...any) *sql.Row {
	return s.read.QueryRowContext(ctx, s.d.in(q).text, args...)
}

// list reads all rows of a query with scan.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), q string, args ...any) ([]T, error) {
	rows, err := s.read.QueryContext(ctx, s.d.in(q).text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// scanner is a row.
type scanner interface{ Scan(...any) error }

// found turns the absence of a row into ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// where collects conditions.
type where struct {
	text string
	args []any
}

func (w *where) and(cond string, args ...any) {
	if w.text == "" {
		w.text = "WHERE " + cond
	} else {
		w.text += " AND " + cond
	}
	w.args = append(w.args, args...)
}

func ms(t time.Time) int64 { return t.UnixMilli() }

func fromMS(v int64) time.Time { return time.UnixMilli(v).UTC() }

// flag is how a yes or no is stored.
func flag(v bool) string {
	if v {
		return "1"
	}
	return "0"
}

// clip cuts s to n characters.
func clip(s string, n int) string {
	if len(s) > n {
		if r := []rune(s); len(r) > n {
			return string(r[:n])
		}
	}
	return s
}
