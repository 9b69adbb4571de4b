package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhigui/server/internal/store/schema"
)

// ahead is the number of months that have a partition before they begin.
const ahead = 3

// months are the partitions of the months around now, in UTC.
func months(now time.Time, back, ahead int) []schema.Partition {
	now = now.UTC()
	var out []schema.Partition
	for i := -back; i <= ahead; i++ {
		m := time.Date(now.Year(), now.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
		out = append(out, schema.Partition{Name: "P" + m.Format("200601"), Below: NumberAt(m.AddDate(0, 1, 0))})
	}
	return out
}

// exclusive keeps other processes from the work of archives and partitions until unlock.
func (s *Store) exclusive(ctx context.Context) (unlock func(), err error) {
	if s.d.engine == schema.SQLite { // its one connection is the writer's; one server has the file
		s.upkeep.Lock()
		return s.upkeep.Unlock, nil
	}
	conn, err := s.d.lock(ctx, s.db)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return func() { discard(conn) }, nil
}

// AddPartitions makes the partitions of this month and the next ones, where they are missing.
func (s *Store) AddPartitions(ctx context.Context, now time.Time) error {
	if s.d.engine == schema.SQLite {
		return nil
	}
	unlock, err := s.exclusive(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, p := range months(now, 0, ahead) {
		first, _ := time.Parse("P200601", p.Name)
		if err := s.addPartition(ctx, p, NumberAt(first)); err != nil {
			return err
		}
	}
	return nil
}

// partitions are those of the journal, by name.
func (s *Store) partitions(ctx context.Context) (map[string]bool, error) {
	q := `SELECT PARTITION_NAME FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME='TX_ON_JOURNAL' AND PARTITION_NAME IS NOT NULL`
	if s.d.engine == schema.Postgres {
		q = `SELECT UPPER(SUBSTR(CAST(inhrelid::regclass AS TEXT), LENGTH('tx_on_journal_')+1)) FROM pg_inherits WHERE inhparent='tx_on_journal'::regclass`
	}
	names, err := list(ctx, s, func(r scanner) (v string, err error) { return v, r.Scan(&v) }, q)
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out, err
}

// addPartition adds a partition for numbers from lo. On MariaDB an earlier month than the first
// partition's needs none: that one takes whatever is below its bound.
func (s *Store) addPartition(ctx context.Context, p schema.Partition, lo int64) error {
	if s.d.engine == schema.SQLite {
		return nil
	}
	have, err := s.partitions(ctx)
	if err != nil || have[p.Name] {
		return err
	}
	q := fmt.Sprintf("CREATE TABLE TX_ON_JOURNAL_%s PARTITION OF TX_ON_JOURNAL FOR VALUES FROM (%d) TO (%d)", p.Name, lo, p.Below)
	if s.d.engine == schema.MariaDB {
		for n := range have {
			if n != schema.Rest && n > p.Name {
				return nil
			}
		}
		q = fmt.Sprintf("ALTER TABLE TX_ON_JOURNAL REORGANIZE PARTITION %s INTO (PARTITION %s VALUES LESS THAN (%d), PARTITION %[1]s VALUES LESS THAN MAXVALUE)", schema.Rest, p.Name, p.Below)
	}
	if _, err := s.db.ExecContext(ctx, q); err != nil {
		if s.d.engine == schema.Postgres && strings.Contains(err.Error(), "would overlap") { // the first partition goes back to the beginning
			return nil
		}
		return fmt.Errorf("store: partition %s: %w", p.Name, err)
	}
	return nil
}

// removeMonth takes an archived month out of the tables: the keys and the companions by their
// rows, the journal by its partition where it has one of its own.
func (s *Store) removeMonth(ctx context.Context, a *Archive, lo, hi int64) error {
	f, err := os.Open(filepath.Join(s.archives, a.File))
	if err != nil {
		return fmt.Errorf("store: archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading
	if err := s.verifyArchive(a); err != nil {
		return err
	}
	tables := companions()
	var lines []archiveLine
	flush := func() error {
		err := s.write(ctx, func(tx *Tx) error {
			for _, l := range lines {
				for _, t := range tables {
					if _, err := tx.exec("DELETE FROM "+t.Name+" WHERE JOURNAL_NUMBER=?", l.number()); err != nil {
						return err
					}
				}
				if !tx.d.keyed() {
					continue
				}
				if _, err := tx.exec(`DELETE FROM TX_ON_KEY WHERE IDEMPOTENCY_KEY=? AND JOURNAL_NUMBER=?`, l.Row["IDEMPOTENCY_KEY"], l.number()); err != nil {
					return err
				}
			}
			return nil
		})
		lines = lines[:0]
		return err
	}
	if _, err = eachLine(f, nil, func(l archiveLine) error {
		if l.Table == "TX_ON_JOURNAL" {
			lines = append(lines, l)
		}
		if len(lines) == archiveBlock/4 {
			return flush()
		}
		return nil
	}); err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	if dropped, err := s.dropPartition(ctx, "P"+a.Month, lo); dropped || err != nil {
		return err
	}
	for {
		var last, n int64
		if err := s.row(ctx, `SELECT COUNT(*), COALESCE(MAX(JOURNAL_NUMBER), 0) FROM (SELECT JOURNAL_NUMBER FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER>=? AND JOURNAL_NUMBER<? ORDER BY JOURNAL_NUMBER LIMIT 500) x`, lo, hi).
			Scan(&n, &last); err != nil || n == 0 {
			return err
		}
		if err := s.write(ctx, func(tx *Tx) error {
			_, err := tx.exec(`DELETE FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER>=? AND JOURNAL_NUMBER<=?`, lo, last)
			return err
		}); err != nil {
			return err
		}
	}
}

// dropPartition drops the partition of a month, if the month has one to itself.
func (s *Store) dropPartition(ctx context.Context, name string, lo int64) (bool, error) {
	if s.d.engine == schema.SQLite {
		return false, nil
	}
	have, err := s.partitions(ctx)
	if err != nil || !have[name] {
		return false, err
	}
	var older int
	if err := s.row(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER<? LIMIT 1) x`, lo).Scan(&older); err != nil || older > 0 {
		return false, err
	}
	q := "ALTER TABLE TX_ON_JOURNAL DROP PARTITION " + name
	if s.d.engine == schema.Postgres {
		q = "DROP TABLE TX_ON_JOURNAL_" + name
	}
	_, err = s.db.ExecContext(ctx, q)
	return err == nil, err
}
