// Package store keeps everything the server must not lose in one SQLite database: WAL,
// synchronous=FULL, one writing connection behind a group-committing writer, readers apart.
// It is the only package that imports an SQL driver. trade, access, mgmt, hsm's key store and
// the commands use it.
//
// A method that changes something returns only after the change is durable.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

// Errors of the store.
var (
	ErrNotFound = errors.New("store: not found")
	ErrBusy     = errors.New("store: write queue is full")
	ErrClosed   = errors.New("store: closed")
	ErrState    = errors.New("store: the row is in another state")
)

// Options of Open.
type Options struct {
	Path       string
	Queue      int           // writes that may wait; 0 = 4096
	Batch      int           // writes in one commit at most; 0 = 256
	FsyncDelay time.Duration // benchmarks only: slept inside each commit, as a slower disk would
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	read *sql.DB
	w    *writer
	db   *sql.DB
}

// Open opens or creates the database and brings its schema up to date.
func Open(ctx context.Context, o Options) (*Store, error) {
	dsn := func(extra url.Values) string {
		v := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
			"wal_autocheckpoint(20000)", "foreign_keys(1)", "temp_store(MEMORY)", "cache_size(-32000)"}}
		for k, x := range extra {
			v[k] = append(v[k], x...)
		}
		return "file:" + (&url.URL{Path: o.Path}).EscapedPath() + "?" + v.Encode()
	}
	db, err := sql.Open("sqlite", dsn(nil))
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	read, err := sql.Open("sqlite", dsn(url.Values{"_pragma": {"query_only(1)"}}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: open: %w", err), db.Close())
	}
	read.SetMaxOpenConns(4)
	w, err := newWriter(ctx, db, o)
	if err != nil {
		return nil, errors.Join(err, read.Close(), db.Close())
	}
	return &Store{read: read, w: w, db: db}, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sub)
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}

// Close waits for queued writes and closes the database.
func (s *Store) Close() error {
	s.w.close()
	return errors.Join(s.read.Close(), s.db.Close())
}

// Stats tells how the writer is doing.
func (s *Store) Stats() WriterStats { return s.w.stats() }

// write queues f for the next group commit and waits until it is durable.
func (s *Store) write(ctx context.Context, f func(*Tx) error) error { return s.w.do(ctx, f) }

func ms(t time.Time) int64 { return t.UnixMilli() }

func fromMS(v int64) time.Time { return time.UnixMilli(v).UTC() }
