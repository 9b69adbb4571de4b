package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"zhigui/server/internal/store/schema"
)

// migrate brings the schema up to date: one goose migration for each version of the schema's
// description. Two processes that start at once do it one after the other.
func migrate(ctx context.Context, d *dialect, db *sql.DB, o *Options) error {
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
	so := schema.Options{Collation: d.collation, Partitions: months(time.Now(), 1, ahead)}
	var steps []*goose.Migration
	for v := 1; v <= schema.Version(); v++ {
		texts := schema.Step(d.engine, v, so)
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
	if !o.Force {
		if err := quiet(ctx, d, db, p, o); err != nil {
			return err
		}
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}

// ErrServing refuses to change the schema under servers that are alive: they were built for the one that is there.
var ErrServing = errors.New("store: the schema is not changed while servers use it")

// ErrNewer refuses a program of before on a schema of after: what it writes may be refused, or not be found again.
var ErrNewer = errors.New("store: the database is newer than this program")

// LockName is the file that a server's role locks as long as it has a SQLite file open.
func LockName(file, role string) string { return file + "." + role + ".lock" }

// MarkLock writes into that file which schema its program is built for: several roles that start at once, after an
// upgrade, are in each other's way only when one of them is of a version before.
func MarkLock(f *os.File) error {
	err := f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(schema.Version())), 0)
	}
	return err
}

// quiet refuses a change of a schema that servers use, which would refuse every transaction from then on. A server
// is known by its lease, and that of a SQLite file, which has none, by the lock that its roles hold; the one that
// asks is none of them.
func quiet(ctx context.Context, d *dialect, db *sql.DB, p *goose.Provider, o *Options) error {
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	switch {
	case have > int64(schema.Version()):
		return newer(have)
	case have <= 0 || have == int64(schema.Version()):
		return nil // nobody uses it yet, or nothing is to do
	}
	var alive []string
	if d.engine == schema.SQLite {
		for _, role := range lockedBy(d.file) {
			if !slices.Contains(o.Roles, role) {
				alive = append(alive, "with the role "+role)
			}
		}
	} else {
		rows, err := db.QueryContext(ctx, d.in(selLeases).text)
		if err != nil {
			return fmt.Errorf("store: migrate: leases: %w", err)
		}
		defer rows.Close() //nolint:errcheck // reading
		for rows.Next() {
			l := &Lease{}
			if err := rows.Scan(&l.Name, &l.Holder, &l.Epoch, &l.Lapsed); err != nil {
				return fmt.Errorf("store: migrate: leases: %w", err)
			}
			if l.Node() > 0 && l.Holder != "" && l.Holder != o.Name && !l.Lapsed {
				alive = append(alive, fmt.Sprintf("%d (name %s)", l.Node(), l.Holder))
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("store: migrate: leases: %w", err)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	slices.Sort(alive)
	return fmt.Errorf("%w: the database has version %d, this program would bring %d, and alive are: server %s. Stop them first (one that was killed counts until its lease is over, %s), or say --force if you know that they can go on with the new version",
		ErrServing, have, schema.Version(), strings.Join(alive, ", server "), d.lease)
}

func newer(have int64) error {
	return fmt.Errorf("%w: the database has version %d, this program is built for %d. Start one of that version, or say --force if you know that this one can go on with it", ErrNewer, have, schema.Version())
}

// unchanged does f while nobody changes the schema, which is not newer than this program: who changes it sees after that what f did.
func (s *Store) unchanged(ctx context.Context, f func() error) error {
	conn, err := s.d.lock(ctx, s.db)
	if err != nil {
		return fmt.Errorf("store: schema: %w", err)
	}
	defer discard(conn)
	var have int64
	if err := conn.QueryRowContext(ctx, "SELECT MAX(version_id) FROM "+s.d.versions()).Scan(&have); err != nil {
		return fmt.Errorf("store: schema: %w", err)
	}
	if have > int64(schema.Version()) && !s.force {
		return newer(have)
	}
	return f()
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
