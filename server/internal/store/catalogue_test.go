package store

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zhigui/server/internal/store/schema"
	"zhigui/sim/dbserver"
	"zhigui/sim/dbserver/dbtest"
)

// The catalogue of a real database has what the schema says: comments, names of keys, no
// foreign key, partitions.
//
// req: DB-05, DB-10, DB-18, DB-19, DB-03
func TestTheCatalogueIsAsTheSchemaSays(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		count := func(q string, args ...any) (n int) {
			t.Helper()
			if err := s.row(t.Context(), q, args...).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		switch s.Engine() {
		case dbserver.Postgres:
			if n := count(`SELECT COUNT(*) FROM pg_constraint WHERE contype='f'`); n != 0 {
				t.Errorf("%d foreign keys", n)
			}
			if n := count(`SELECT COUNT(*) FROM pg_attribute a JOIN pg_class c ON c.oid=a.attrelid WHERE c.relnamespace='public'::regnamespace AND c.relkind IN ('r','p')
 AND NOT c.relispartition AND a.attnum>0 AND c.relname<>'sy_db_version' AND col_description(c.oid, a.attnum) IS NULL`); n != 0 {
				t.Errorf("%d columns without comment", n)
			}
			if n := count(`SELECT COUNT(*) FROM pg_inherits WHERE inhparent='tx_on_journal'::regclass`); n < 5 {
				t.Errorf("%d partitions", n)
			}
			for _, x := range schema.Tables {
				if n := count(`SELECT COUNT(*) FROM pg_constraint WHERE conname=? AND contype='p'`, strings.ToLower(x.Name)+"_pk"); n != 1 && x.On != schema.SQLite {
					t.Errorf("primary key of %s", x.Name)
				}
				for _, i := range x.Indexes {
					if n := count(`SELECT COUNT(*) FROM pg_class WHERE relname=?`, strings.ToLower(i.Name(&x))); n != 1 && i.On != schema.SQLite && i.Until == 0 {
						t.Errorf("index %s", i.Name(&x))
					}
				}
			}
		case dbserver.MariaDB:
			if n := count(`SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA=DATABASE()`); n != 0 {
				t.Errorf("%d foreign keys", n)
			}
			if n := count(`SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME<>'SY_DB_VERSION' AND COLUMN_COMMENT=''`); n != 0 {
				t.Errorf("%d columns without comment", n)
			}
			if n := count(`SELECT COUNT(*) FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME='TX_ON_JOURNAL' AND PARTITION_NAME IS NOT NULL`); n < 5 {
				t.Errorf("%d partitions", n)
			}
		}
	})
}

// Every statement of this package that changes a row says when, and leaves the time of its making.
//
// req: DB-22
func TestEveryUpdateSaysWhenAndKeepsWhenItWasMade(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	update := regexp.MustCompile("(?s)(UPDATE [A-Z_]+ SET|DO UPDATE SET)(.*?)`")
	seen := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") || f == "dialect.go" {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range update.FindAllStringSubmatch(string(text), -1) {
			seen++
			set, _, _ := strings.Cut(m[2], " WHERE ")
			if !strings.Contains(set, "UPDATE_TIME=") || strings.Contains(set, "CREATE_TIME=") {
				t.Errorf("%s: %s", f, m[0])
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d statements found", seen)
	}
}

func TestATwiceOpenedDatabaseIsMadeOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, dsn string) {
		errs := make(chan error)
		for range 3 {
			go func() {
				s, err := Open(t.Context(), Options{DSN: dsn})
				if err == nil {
					err = s.Close()
				}
				errs <- err
			}()
		}
		for range 3 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}
