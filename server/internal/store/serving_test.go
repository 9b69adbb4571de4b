package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/store/schema"
	"zhigui/sim/dbserver"
	"zhigui/sim/dbserver/dbtest"
)

// older makes the database look as a program of the version before left it.
func older(t *testing.T, s *Store) {
	t.Helper()
	if err := s.write(t.Context(), func(tx *Tx) error {
		for _, x := range schema.Tables {
			for _, c := range x.Columns {
				if c.Since == schema.Version() {
					if _, err := tx.exec(`ALTER TABLE ` + x.Name + ` DROP COLUMN ` + c.Name); err != nil {
						return err
					}
				}
			}
		}
		_, err := tx.exec(`DELETE FROM SY_DB_VERSION WHERE version_id>=?`, schema.Version())
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestTheSchemaIsNotChangedUnderAServerThatIsAlive(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		t.Run(engine, func(t *testing.T) {
			dsn := dbtest.DSN(t, engine)
			s := open(t, Options{DSN: dsn})
			n, _, err := s.Join(t.Context(), "till", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if x, err := Open(t.Context(), Options{DSN: dsn, Tool: true}); err != nil { // nothing is to be changed
				t.Fatal(err)
			} else if err := x.Close(); err != nil {
				t.Error(err)
			}
			older(t, s)
			for name, o := range map[string]Options{"a tool": {Tool: true}, "another server": {Name: "other"}} {
				o.DSN = dsn
				_, err := Open(t.Context(), o)
				if !errors.Is(err, ErrServing) || !strings.Contains(err.Error(), "till") || !strings.Contains(err.Error(), "--force") {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := s.LeaveNode(t.Context(), n, "till"); err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]struct {
				ttl time.Duration
				o   Options
			}{"it comes back itself": {time.Minute, Options{Name: "till"}}, "its lease is over": {time.Nanosecond, Options{}}, "somebody knows what for": {time.Minute, Options{Force: true}}} {
				y := open(t, Options{DSN: dsn}) // nobody is alive
				n, _, err := y.Join(t.Context(), "till", c.ttl)
				if err != nil {
					t.Fatal(err)
				}
				older(t, y)
				c.o.DSN = dsn
				until(t, func() bool { // the lease's end is the database's to say
					x, err := Open(t.Context(), c.o)
					if err != nil && !errors.Is(err, ErrServing) {
						t.Fatalf("%s: %v", name, err)
					}
					return err == nil && x.Close() == nil
				})
				if err := y.LeaveNode(t.Context(), n, "till"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestTheSchemaOfAFileIsNotChangedUnderARoleThatHasIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a[b].db")
	s := open(t, Options{DSN: file})
	older(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(LockName(file, "trade"))
	if err != nil {
		t.Fatal(err)
	}
	flock(t, f)
	if _, err := Open(t.Context(), Options{DSN: file, Tool: true}); !errors.Is(err, ErrServing) || !strings.Contains(err.Error(), "the role trade") {
		t.Error(err)
	}
	for name, o := range map[string]Options{"itself": {Roles: []string{"trade", "manage"}}, "forced": {Force: true, Tool: true}} {
		o.DSN = file
		x, err := Open(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		older(t, x)
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := MarkLock(f); err != nil { // a role of the new version, which waits its turn
		t.Fatal(err)
	}
	if x, err := Open(t.Context(), Options{DSN: file, Tool: true}); err != nil {
		t.Error("of the same version: ", err)
	} else {
		older(t, x)
		_ = x.Close()
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if x, err := Open(t.Context(), Options{DSN: file, Tool: true}); err != nil {
		t.Errorf("nobody has it any more: %v", err)
	} else if err := x.Close(); err != nil {
		t.Error(err)
	}
}

func until(t *testing.T, f func() bool) {
	t.Helper()
	for range 1000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("did not come about")
}

// A program that opened the database before a newer one changed it serves nothing from then on, unless somebody knows that it can.
func TestAProgramThatWasOvertakenByANewerSchemaDoesNotJoin(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		t.Run(engine, func(t *testing.T) {
			dsn := dbtest.DSN(t, engine)
			s, forced := open(t, Options{DSN: dsn}), open(t, Options{DSN: dsn, Force: true})
			if err := s.write(t.Context(), func(tx *Tx) error {
				_, err := tx.exec(`INSERT INTO SY_DB_VERSION (version_id, is_applied, tstamp) SELECT version_id+1, is_applied, tstamp FROM SY_DB_VERSION WHERE version_id=?`, schema.Version())
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if n, _, err := s.Join(t.Context(), "till", time.Minute); !errors.Is(err, ErrNewer) || n != 0 {
				t.Error(n, err)
			}
			if ls, err := s.Leases(t.Context()); err != nil || len(ls) != 0 {
				t.Error("it has a lease:", len(ls), err)
			}
			if n, _, err := forced.Join(t.Context(), "till", time.Minute); err != nil || n == 0 {
				t.Error(n, err)
			}
			// While one changes the schema, none joins: who looks at the leases under the lock has seen all.
			conn, err := s.d.lock(t.Context(), s.db)
			if err != nil {
				t.Fatal(err)
			}
			joined := make(chan error, 1)
			go func() {
				_, _, err := forced.Join(t.Context(), "other", time.Minute)
				joined <- err
			}()
			select {
			case err := <-joined:
				t.Error("joined:", err)
			case <-time.After(300 * time.Millisecond):
			}
			discard(conn)
			if err := <-joined; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAProgramOfBeforeIsRefusedByASchemaOfAfter(t *testing.T) {
	dsn := dbtest.Chosen(t)
	s := open(t, Options{DSN: dsn})
	if err := s.write(t.Context(), func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO SY_DB_VERSION (version_id, is_applied, tstamp) SELECT version_id+1, is_applied, tstamp FROM SY_DB_VERSION WHERE version_id=?`, schema.Version())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // whoever knows that it can go on leaves the schema as it is
		for _, o := range []Options{{}, {Tool: true}} {
			o.DSN = dsn
			if _, err := Open(t.Context(), o); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "--force") {
				t.Errorf("%+v: %v", o, err)
			}
		}
		if err := open(t, Options{DSN: dsn, Force: true}).Close(); err != nil {
			t.Error(err)
		}
	}
}
