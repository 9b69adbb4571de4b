package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"

	"zhigui/server/internal/store/schema"
)

// migrate brings the schema up to date: one goose migration for each version of the schema's
// description. Two processes that start at once do it one after the other.
func migrate(ctx context.Context, d *dialect, db *sql.DB) error {
	unlock, err := d.lockFile(ctx)
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	defer unlock()
	conn, err := d.lock(ctx, db)
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	defer discard(conn)
	var old int
	if d.engine == schema.SQLite && conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name='txn'").Scan(&old) == nil && old > 0 {
		return errors.New("store: the database is of a development version before the first release; begin with an empty one")
	}
	if d.engine == schema.SQLite {
		_ = conn.Close() // the only one there may be
	}
	o := schema.Options{Collation: d.collation, Partitions: months(time.Now(), 1, ahead)}
	var steps []*goose.Migration
	for v := 1; v <= schema.Version(); v++ {
		texts := schema.Step(d.engine, v, o)
		if d.engine == schema.SQLite && v == 7 {
			texts = append([]string{overlooked}, texts...)
		}
		up := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error { return each(ctx, tx, texts) }}
		if d.engine == schema.MariaDB { // ends a transaction at every DDL statement
			up = &goose.GoFunc{Mode: goose.TransactionDisabled, RunDB: func(ctx context.Context, db *sql.DB) error { return each(ctx, db, texts) }}
		}
		steps = append(steps, goose.NewGoMigration(int64(v), up, nil))
	}
	p, err := goose.NewProvider(map[schema.Engine]goose.Dialect{schema.SQLite: goose.DialectSQLite3, schema.MariaDB: goose.DialectMySQL,
		schema.Postgres: goose.DialectPostgres}[d.engine], db, nil, goose.WithGoMigrations(steps...), goose.WithTableName(d.versions()))
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}

// versions is the name of goose's table; it looks for it as PostgreSQL folds names.
func (d *dialect) versions() string {
	if d.engine == schema.Postgres {
		return "sy_db_version"
	}
	return "SY_DB_VERSION"
}

type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

func each(ctx context.Context, x execer, texts []string) error {
	for _, q := range texts {
		if _, err := x.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%w in %.200s", err, q)
		}
	}
	return nil
}

// lockFile is lock for SQLite, whose own locks end with each statement or transaction: an empty database
// beside the real one is locked as a whole.
func (d *dialect) lockFile(ctx context.Context) (unlock func(), err error) {
	if d.engine != schema.SQLite {
		return func() {}, nil
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: d.file + ".schema"}).EscapedPath()+"?_pragma=busy_timeout(60000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() { _ = db.Close() }, nil
}

// lock takes the lock of those who change the schema; the end of the connection gives it back.
func (d *dialect) lock(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	switch d.engine {
	case schema.MariaDB:
		var got sql.NullInt64
		if err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT(DATABASE(), '.schema'), 60)").Scan(&got); err == nil && got.Int64 != 1 {
			err = errors.New("another process changes the schema")
		}
	case schema.Postgres:
		_, err = conn.ExecContext(ctx, "SELECT pg_advisory_lock(7583)")
	}
	if err != nil {
		discard(conn)
		return nil, err
	}
	return conn, nil
}

// discard ends a connection; the pool does not hand it out again.
func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.Close()
}

// Print writes the statements that make the tables of an engine.
func Print(w io.Writer, engine string) error {
	for _, e := range []schema.Engine{schema.SQLite, schema.MariaDB, schema.Postgres} {
		if e.String() != engine {
			continue
		}
		for v := 1; v <= schema.Version(); v++ {
			for _, q := range schema.Step(e, v, schema.Options{Collation: "utf8mb4_nopad_bin", Partitions: months(time.Now(), 1, ahead)}) {
				if _, err := fmt.Fprintf(w, "%s;\n", q); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return fmt.Errorf("store: engine %q is none of sqlite, mariadb, postgres", engine)
}
