// Package dbtest gives tests an empty database of any engine the server can use. Tests import it.
package dbtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"zhigui/sim/dbserver"
)

// running are the servers that the tests of this process share.
var running = map[string]*shared{dbserver.Postgres: {}, dbserver.MariaDB: {}}

type shared struct {
	once sync.Once
	s    *dbserver.Server
	err  error
}

var databases atomic.Int64

// Engines of the store.
func Engines() []string { return []string{dbserver.SQLite, dbserver.MariaDB, dbserver.Postgres} }

// Each runs f for every engine with the data source name of an empty database.
func Each(t *testing.T, f func(t *testing.T, dsn string)) {
	for _, e := range Engines() {
		t.Run(e, func(t *testing.T) { f(t, DSN(t, e)) })
	}
}

// DSN is the data source name of an empty database of engine, until the test ends. Where the
// engine is not installed the test is skipped, or fails when HOSTS=required.
func DSN(t testing.TB, engine string) string {
	t.Helper()
	r := running[engine]
	if r == nil && engine != dbserver.SQLite {
		t.Fatalf("no engine %q", engine)
	}
	if r == nil {
		return filepath.Join(t.TempDir(), "db")
	}
	r.once.Do(func() { r.s, r.err = dbserver.Start(engine) })
	if errors.Is(r.err, dbserver.ErrMissing) && os.Getenv("HOSTS") != "required" {
		t.Skip(r.err)
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	name := fmt.Sprintf("t%d", databases.Add(1))
	dsn, err := r.s.Database(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.s.Drop(name) })
	return dsn
}

// Chosen is the data source name of an empty database of the engine that STORE names, SQLite
// without it: for tests that hold on every engine and are run on one at a time.
func Chosen(t testing.TB) string {
	t.Helper()
	if e := os.Getenv("STORE"); e != "" {
		return DSN(t, e)
	}
	return DSN(t, dbserver.SQLite)
}

// Shared is the server of engine that the tests of this process share.
func Shared(t testing.TB, engine string) *dbserver.Server {
	t.Helper()
	DSN(t, engine)
	return running[engine].s
}

// Main runs the tests of a package and ends the servers they have started.
func Main(m *testing.M) int {
	defer func() {
		for _, r := range running {
			if r.s != nil {
				r.s.Close()
			}
		}
	}()
	return m.Run()
}
