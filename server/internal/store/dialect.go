package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver

	"zhigui/server/internal/store/schema"
)

// dialect is what differs between the engines. Statements are written once, as SQLite takes
// them (placeholders ?, ON CONFLICT), and rewritten once each.
type dialect struct {
	engine    schema.Engine
	write     func() (*sql.DB, error)
	read      func() (*sql.DB, error)
	begin     string
	writers   int
	collation string
	file      string        // of SQLite
	lease     time.Duration // locks of a server that stands still end before
	rewritten sync.Map      // statement → *statement
}

// keyed tells whether TX_ON_KEY is the arbiter of repeats: a partitioned table cannot be.
func (d *dialect) keyed() bool { return d.engine&schema.Networked != 0 }

// statement in an engine's own words.
type statement struct {
	text    string
	nothing bool // a row that is there already is no error: no row is changed
}

var (
	doNothing = regexp.MustCompile(`\s*ON CONFLICT \([^)]*\) DO NOTHING`)
	doUpdate  = regexp.MustCompile(`ON CONFLICT \([^)]*\) DO UPDATE SET`)
	excluded  = regexp.MustCompile(`excluded\.(\w+)`)
)

// dbNow stands for the time of the database's clock, in milliseconds.
const dbNow = "{now}"

// in rewrites a statement for the engine.
func (d *dialect) in(q string) *statement {
	if v, ok := d.rewritten.Load(q); ok {
		return v.(*statement)
	}
	s := &statement{text: strings.ReplaceAll(q, dbNow, schema.NowIn(d.engine))}
	switch d.engine {
	case schema.MariaDB:
		s.nothing = doNothing.MatchString(q)
		s.text = doNothing.ReplaceAllString(s.text, "")
		s.text = doUpdate.ReplaceAllString(s.text, "ON DUPLICATE KEY UPDATE")
		s.text = excluded.ReplaceAllString(s.text, "VALUES($1)")
	case schema.Postgres:
		var b strings.Builder
		n := 0
		for i := range len(s.text) { // no statement has a question mark inside a literal
			if s.text[i] != '?' {
				b.WriteByte(s.text[i])
				continue
			}
			n++
			b.WriteString("$" + strconv.Itoa(n))
		}
		s.text = b.String()
	}
	d.rewritten.Store(q, s)
	return s
}

// duplicate tells whether err is the refusal of a second row with the same unique key.
func duplicate(err error) bool {
	var m *mysql.MySQLError
	return errors.As(err, &m) && m.Number == 1062
}

// NoText tells whether err is PostgreSQL's refusal of a text that is not UTF-8 or has a zero in it: nothing is stored
// under it, and nothing can be. The other engines take such a text as it is.
func NoText(err error) bool {
	var p *pgconn.PgError
	return errors.As(err, &p) && (p.Code == "22021" || p.Code == "22P05")
}

// again tells whether the engine has undone a transaction only because it met another one.
func again(err error) bool {
	var m *mysql.MySQLError
	var p *pgconn.PgError
	switch {
	case errors.As(err, &m):
		return m.Number == 1213 || m.Number == 1205 || m.Number == 1020 // deadlock, lock wait, snapshot
	case errors.As(err, &p):
		return p.Code == "40001" || p.Code == "40P01" || p.Code == "55P03"
	}
	return false
}

// dialectOf reads a data source name: a path or sqlite:path, postgres://…, mysql://…, or the
// MySQL driver's own form user:password@tcp(host:port)/database.
func dialectOf(dsn string) (*dialect, error) {
	scheme, _, _ := strings.Cut(dsn, ":")
	switch {
	case dsn == "":
		return nil, errors.New("store: no data source name")
	case scheme == "postgres" || scheme == "postgresql":
		return postgres(dsn)
	case scheme == "mysql" || scheme == "mariadb" || strings.Contains(dsn, "@tcp(") || strings.Contains(dsn, "@unix("):
		return mariadb(dsn)
	}
	return sqlite(strings.TrimPrefix(dsn, "sqlite:")), nil
}

func sqlite(path string) *dialect {
	open := func(n int, more ...string) func() (*sql.DB, error) {
		return func() (*sql.DB, error) {
			v := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
				"wal_autocheckpoint(20000)", "temp_store(MEMORY)"}, more...)}
			db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+v.Encode())
			if err == nil {
				db.SetMaxOpenConns(n)
			}
			return db, err
		}
	}
	return &dialect{engine: schema.SQLite, file: path, write: open(1, "cache_size(-8000)"), read: open(4, "query_only(1)", "cache_size(-32000)"), begin: "BEGIN IMMEDIATE", writers: 1}
}

func postgres(dsn string) (*dialect, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("store: the PostgreSQL data source name cannot be read") // the error may hold the password
	}
	c.RuntimeParams["synchronous_commit"] = "on"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "zhigui"
	}
	open := func(readOnly string) func() (*sql.DB, error) {
		return func() (*sql.DB, error) {
			x := c.Copy()
			x.RuntimeParams["default_transaction_read_only"] = readOnly
			return stdlib.OpenDB(*x), nil
		}
	}
	return &dialect{engine: schema.Postgres, write: open("off"), read: open("on"), begin: "BEGIN ISOLATION LEVEL READ COMMITTED", writers: 2}, nil
}

func mariadb(dsn string) (*dialect, error) {
	if strings.HasPrefix(dsn, "mysql://") || strings.HasPrefix(dsn, "mariadb://") {
		u, err := url.Parse(dsn)
		if err != nil {
			return nil, errors.New("store: the MySQL data source name cannot be read")
		}
		c, q := mysql.NewConfig(), u.Query()
		c.User, c.DBName, c.Net, c.Addr = u.User.Username(), strings.TrimPrefix(u.Path, "/"), "tcp", u.Host
		c.Passwd, _ = u.User.Password()
		if s := q.Get("socket"); s != "" {
			c.Net, c.Addr = "unix", s
		}
		q.Del("socket")
		dsn = c.FormatDSN()
		if len(q) > 0 {
			dsn += map[bool]string{true: "&", false: "?"}[strings.Contains(dsn, "?")] + q.Encode()
		}
	}
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("store: the MySQL data source name cannot be read")
	}
	c.ClientFoundRows = true      // a change to the same value is a change
	c.Logger = &mysql.NopLogger{} // what it would say comes as an error, too
	c.ParseTime = false
	c.Collation = ""
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
	open := func(interpolate bool) func() (*sql.DB, error) {
		return func() (*sql.DB, error) {
			x := c.Clone()
			x.InterpolateParams = interpolate
			k, err := mysql.NewConnector(x)
			if err != nil {
				return nil, fmt.Errorf("store: %w", err)
			}
			return sql.OpenDB(k), nil
		}
	}
	return &dialect{engine: schema.MariaDB, write: open(false), read: open(true), begin: "BEGIN", writers: 2}, nil
}

// prepare sets up a connection that writes.
func (d *dialect) prepare(ctx context.Context, c *sql.Conn) error {
	q := map[schema.Engine]string{
		schema.MariaDB: "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", // else gaps are locked, too
		// A server that stands still holds no locks for longer than its lease. lock_timeout in ms, sooner than its search for deadlocks: who waits that long begins again. The
		// statements find their rows by keys, whatever statistics a young table has, and need no new plan each.
		schema.Postgres: fmt.Sprintf("SET idle_in_transaction_session_timeout=%d; ", d.lease.Milliseconds()/2) +
			"SET lock_timeout=250; SET plan_cache_mode=force_generic_plan; SET enable_seqscan=off; SET enable_hashjoin=off; SET enable_mergejoin=off",
	}[d.engine]
	if q == "" {
		return nil
	}
	if _, err := c.ExecContext(ctx, q); err != nil || d.engine == schema.Postgres {
		return err
	}
	_, err := c.ExecContext(ctx, fmt.Sprintf("SET SESSION idle_transaction_timeout=%d", max(1, int(d.lease.Seconds()/2))))
	var m *mysql.MySQLError
	if errors.As(err, &m) && m.Number == 1193 { // MySQL has no such setting
		return nil
	}
	return err
}

// check refuses a database that would answer a commit before it is durable, and learns what
// the schema must know of it.
func (d *dialect) check(ctx context.Context, db *sql.DB) error {
	switch d.engine {
	case schema.MariaDB:
		var flush int
		var version string
		if err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, VERSION()").Scan(&flush, &version); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if flush != 1 {
			return fmt.Errorf("store: innodb_flush_log_at_trx_commit is %d: a commit would not be durable; set it to 1", flush)
		}
		d.collation = "utf8mb4_0900_bin"
		if strings.Contains(version, "MariaDB") {
			d.collation = "utf8mb4_nopad_bin"
		}
	case schema.Postgres:
		var fsync, encoding string
		if err := db.QueryRowContext(ctx, "SELECT current_setting('fsync'), current_setting('server_encoding')").Scan(&fsync, &encoding); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if fsync != "on" {
			return errors.New("store: fsync of the database is off: a commit would not be durable")
		}
		if encoding != "UTF8" {
			return fmt.Errorf("store: encoding of the database is %s, want UTF8", encoding)
		}
	}
	return nil
}
