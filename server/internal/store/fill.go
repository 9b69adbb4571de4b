package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"zhigui/server/internal/store/schema"
)

// Filled describes the rows that Fill makes, so that searches for some of them can be asked.
type Filled struct {
	Rows     int64
	From, To time.Time
}

// The made-up rows: terminals, branches and cards, and how often an odd amount and a state of
// suspense come.
const (
	fillTerminals = 1000
	fillBranches  = 100
	fillCards     = 2_000_003
	fillOdd       = 100_003
	fillRare      = 50_021
	fillChunk     = 250_000
	fillSealed    = 700 // bytes of sealed messages, twice, in each row that the indexes lack
)

// FilledWith describes n rows that are made this month.
func FilledWith(n int64) *Filled {
	ps := months(time.Now(), 1, ahead)
	return &Filled{Rows: n, From: TimeOf(ps[0].Below).AddDate(0, -1, 0), To: TimeOf(ps[len(ps)-1].Below)}
}

// Fill is for benchmarks: it fills an empty journal with n made-up rows, spread over the months
// that have partitions, as fast as the engine makes them by itself: without the indexes for
// searches, which are built afterwards.
func (s *Store) Fill(ctx context.Context, n int64, progress func(step string, rows int64)) (*Filled, error) {
	var have int
	if err := s.row(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM TX_ON_JOURNAL LIMIT 1) x`).Scan(&have); err != nil || have > 0 {
		return nil, errors.Join(err, errors.New("store: only an empty journal is filled"))
	}
	f := FilledWith(n)
	conn, err := s.db.Conn(ctx)
	if s.d.engine == schema.SQLite {
		return nil, errors.Join(err, errors.New("store: SQLite is filled by FillFile, while nothing has it open"))
	}
	if err != nil {
		return nil, err
	}
	defer discard(conn)
	return f, s.d.fill(ctx, conn, f, progress)
}

// FillFile is Fill for the file of a SQLite database that nothing has open. Its newest rows, as many as may wait for
// the indexes, are left behind the mark: whoever opens it as a tool searches at the worst moment there is.
func FillFile(ctx context.Context, path string, n int64, progress func(step string, rows int64)) (*Filled, error) {
	s, err := Open(ctx, Options{DSN: path})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	db, err := s.d.write()
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // the file is complete
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer discard(conn)
	f := FilledWith(n)
	return f, s.d.fill(ctx, conn, f, progress)
}

func (d *dialect) fill(ctx context.Context, conn *sql.Conn, f *Filled, progress func(string, int64)) error {
	t := schema.TableOf("TX_ON_JOURNAL")
	run := func(qs ...string) error { return each(ctx, conn, qs) }
	var drop, make []string
	for _, x := range t.Indexes {
		if x.Until == 0 && (!x.Unique || d.engine == schema.SQLite) && (x.On == 0 || x.On&d.engine != 0) {
			drop, make = append(drop, x.Name(t)), append(make, schema.CreateIndex(d.engine, t, x))
		}
	}
	switch d.engine {
	case schema.SQLite:
		if err := run("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1000000", "PRAGMA temp_store=FILE", "PRAGMA threads=2"); err != nil {
			return err
		}
		drop = []string{"DROP INDEX " + strings.Join(drop, "; DROP INDEX ")}
	case schema.Postgres:
		make = append(make, "ANALYZE "+t.Name)
		if err := run("SET synchronous_commit=off", "SET maintenance_work_mem='1GB'", "SET max_parallel_maintenance_workers=2"); err != nil {
			return err
		}
		drop = []string{"DROP INDEX " + strings.Join(drop, ", ")}
	case schema.MariaDB:
		if err := run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
			return err
		}
		for i := range make { // all in one pass over the table
			make[i] = "ADD " + strings.Replace(strings.TrimPrefix(make[i], "CREATE "), " ON "+t.Name, "", 1)
		}
		drop = []string{"ALTER TABLE " + t.Name + " DROP INDEX " + strings.Join(drop, ", DROP INDEX ")}
		make = []string{"ALTER TABLE " + t.Name + " " + strings.Join(make, ", "), "ANALYZE TABLE " + t.Name}
	}
	for _, q := range drop {
		if err := run(strings.Split(q, "; ")...); err != nil {
			return err
		}
	}
	for from := int64(0); from < f.Rows; from += fillChunk {
		if err := run(d.fillStatement(f, from, min(from+fillChunk, f.Rows))); err != nil {
			return err
		}
		progress("rows", min(from+fillChunk, f.Rows))
	}
	for _, q := range make {
		if err := run(q); err != nil {
			return err
		}
		progress(q[:min(len(q), 90)], f.Rows)
	}
	if d.engine == schema.SQLite {
		return run(fmt.Sprintf("INSERT INTO SY_NO_SEQUENCE (SEQUENCE_NAME, LAST_NUMBER) SELECT '%s', MAX(JOURNAL_NUMBER) FROM TX_ON_JOURNAL WHERE %s", markName, schema.Searchable))
	}
	return nil
}

// fillStatement makes the rows from ≤ I < to.
func (d *dialect) fillStatement(f *Filled, from, to int64) string {
	pad := func(x string, n int) string {
		if d.engine == schema.SQLite {
			return fmt.Sprintf("printf('%%0%dd', %s)", n, x)
		}
		return fmt.Sprintf("LPAD(CAST(%s AS CHAR(20)), %d, '0')", x, n)
	}
	join := func(parts ...string) string {
		if d.engine == schema.MariaDB {
			return "CONCAT(" + strings.Join(parts, ", ") + ")"
		}
		return strings.Join(parts, " || ")
	}
	octets := map[schema.Engine]string{schema.SQLite: "CAST(%s AS BLOB)", schema.MariaDB: "%s", schema.Postgres: "convert_to(%s, 'UTF8')"}[d.engine]
	if d.engine == schema.Postgres {
		pad = func(x string, n int) string { return fmt.Sprintf("LPAD(CAST(%s AS TEXT), %d, '0')", x, n) }
	}
	source := map[schema.Engine]string{
		schema.SQLite:   fmt.Sprintf("(WITH RECURSIVE g(I) AS (SELECT %d UNION ALL SELECT I+1 FROM g WHERE I<%d) SELECT I FROM g) x", from, to-1),
		schema.MariaDB:  fmt.Sprintf("(SELECT CAST(seq AS SIGNED) AS I FROM seq_%d_to_%d) x", from, to-1),
		schema.Postgres: fmt.Sprintf("(SELECT I FROM generate_series(%d::bigint, %d::bigint) g(I)) x", from, to-1),
	}[d.engine]
	card := fmt.Sprintf("(I * 48271 %% %d)", fillCards)
	step := f.To.Sub(f.From).Milliseconds() * 1000 / max(f.Rows, 1) // µs
	millis := map[bool]string{true: fmt.Sprintf("I * %d DIV 1000", step), false: fmt.Sprintf("I * %d / 1000", step)}[d.engine == schema.MariaDB]
	at := fmt.Sprintf("(%d + (%s))", f.From.UnixMilli(), millis)
	number := fmt.Sprintf("((%s - %d) * %d + I %% %d)", at, epoch, 1<<counterBits, 1<<counterBits)
	terminal := pad(fmt.Sprintf("I %% %d", fillTerminals), 8)
	stan := pad(fmt.Sprintf("(I - I %% %d) / %[1]d %% 1000000", fillTerminals), 6)
	if d.engine == schema.MariaDB {
		stan = pad(fmt.Sprintf("I DIV %d %% 1000000", fillTerminals), 6)
	}
	searchable, sealed := "0", "NULL"
	if d.engine == schema.SQLite {
		young := fmt.Sprintf("I >= %d", f.Rows-min(indexWait, f.Rows/10))
		searchable, sealed = "NOT ("+young+")", fmt.Sprintf("CASE WHEN %s THEN randomblob(%d) END", young, fillSealed)
	}
	return `INSERT INTO TX_ON_JOURNAL (JOURNAL_NUMBER, IDEMPOTENCY_KEY, REQUEST_DIGEST, TERMINAL_NUMBER, ORGANIZATION_NUMBER, CHANNEL_NAME, HOST_NAME, TRANS_KIND, BATCH_NUMBER, TRACE_NUMBER, AMOUNT,
 TRANS_STATE, RESPONSE_CODE, HOST_TRACE_NUMBER, HOST_TIME, REFERENCE_NUMBER, MASKED_PAN, PAN_INDEX, PAID_AMOUNT, CREATE_TIME, UPDATE_TIME, SEARCH_STATE, REQUEST_SEALED, ANSWER_SEALED)
 SELECT ` + strings.Join([]string{number, join(terminal, "'|102290000000001|000001|'", stan, "'|0200|010000'"), fmt.Sprintf(octets, pad("I", 16)), terminal,
		pad(fmt.Sprintf("I %% %d", fillBranches), 4), "'terminals'", "'core'", "'withdrawal'", "'000001'", stan,
		fmt.Sprintf("CASE WHEN I %% %d = 7 THEN 1234567 ELSE (I * 7919 %% 200 + 1) * 10000 END", fillOdd),
		fmt.Sprintf("CASE WHEN I %% %d = 7 THEN 10 WHEN I %% 20 = 0 THEN 2 ELSE 9 END", fillRare), "'00'", pad("I % 1000000", 6), "'1122093000'", pad("I", 12),
		join("'6222'", pad(card+" % 20", 2), "'******'", pad(card+" % 10000", 4)), fmt.Sprintf(octets, pad(card, 16)), "10000", at, at, searchable, sealed, sealed}, ", ") + ` FROM ` + source
}

// Questions are searches for rows that Fill made, each with what it asks.
func (f *Filled) Questions() map[string]Search {
	i := f.Rows * 2 / 3
	i -= i % 2
	card := i * 48271 % fillCards
	mid := f.From.Add(f.To.Sub(f.From) / 2)
	number := func(i int64) int64 {
		step := f.To.Sub(f.From).Milliseconds() * 1000 / max(f.Rows, 1)
		return NumberAt(f.From.Add(time.Duration(i*step/1000)*time.Millisecond)) + i%(1<<counterBits)
	}
	pan := fmt.Appendf(nil, "%016d", card)
	terminal, stan := fmt.Sprintf("%08d", i%fillTerminals), fmt.Sprintf("%06d", i/fillTerminals%1000000)
	return map[string]Search{
		"business number":           {Number: number(i)},
		"reference":                 {Reference: fmt.Sprintf("%012d", i)},
		"terminal":                  {Terminal: terminal},
		"terminal, a day":           {Terminal: terminal, From: mid, To: mid.AddDate(0, 0, 1)},
		"terminal and trace number": {Terminal: terminal, STAN: stan},
		"trace number":              {STAN: stan},
		"card":                      {PANIndex: pan},
		"masked card number":        {MaskedPAN: fmt.Sprintf("6222%02d******%04d", card%20, card%10000)},
		"card, a month":             {PANIndex: pan, From: mid, To: mid.AddDate(0, 1, 0)},
		"odd amount":                {AmountMin: 1234567, AmountMax: 1234567},
		"common amounts":            {AmountMin: 500000, AmountMax: 1000000},
		"amounts that nobody drew":  {AmountMin: 2000001, AmountMax: 9000000},
		"branch":                    {Branch: fmt.Sprintf("%04d", i%fillBranches)},
		"branch, an hour":           {Branch: fmt.Sprintf("%04d", i%fillBranches), From: mid, To: mid.Add(time.Hour)},
		"rare state":                {State: Suspense},
		"common state":              {State: Declined},
		"a minute":                  {From: mid, To: mid.Add(time.Minute)},
		"state, an hour, amount":    {State: Declined, From: mid, To: mid.Add(time.Hour), AmountMin: 10000, AmountMax: 90000},
		"everything":                {},
	}
}
