package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"zhigui/server/internal/store/schema"
)

// Archive is a closed month of the journal in a file: transactions with their steps, reversals
// and closings, as JSON lines in gzip members of a thousand transactions (zcat reads it). A
// second file says where each member begins, so that one transaction is found without reading
// the month. What is sealed in the table is sealed in the file.
type Archive struct {
	Month  string // yyyyMM, UTC
	File   string // name in the folder of archives
	Digest string // SM3 of the file
	Rows   int64  // transactions
	State  string
}

// States of an archive.
const (
	archiveWritten  = "written" // the file is complete, the rows may still be there
	archiveDone     = "done"    // the rows are in the file only
	archiveRestored = "restored"
)

// ErrOpenMonth: a month with unfinished transactions, or one that settlement days may still need, is not archived.
var ErrOpenMonth = errors.New("store: the month is not closed")

// finished are the states that nothing follows; UNKNOWN is one for transactions without money.
var finished = []State{Declined, Unknown, Reversed, ReversalAbsent, Confirmed, NotSent, Voided, ClosedByHand}

const archiveColumns = `SELECT ARCHIVE_MONTH, FILE_NAME, FILE_DIGEST, RECORD_COUNT, ARCHIVE_STATE FROM SY_AR_ARCHIVE `

func scanArchive(r scanner) (*Archive, error) {
	a := &Archive{}
	return a, found(r.Scan(&a.Month, &a.File, &a.Digest, &a.Rows, &a.State))
}

// Archives lists the archived months, oldest first.
func (s *Store) Archives(ctx context.Context) ([]*Archive, error) {
	return list(ctx, s, scanArchive, archiveColumns+`ORDER BY ARCHIVE_MONTH`)
}

// bounds of a month: numbers from lo, below hi.
func bounds(month time.Time) (first time.Time, lo, hi int64) {
	month = month.UTC()
	first = time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC)
	return first, NumberAt(first), NumberAt(first.AddDate(0, 1, 0))
}

// Archive writes a closed month into the folder of archives and removes it from the tables. It
// may be repeated after it was interrupted.
func (s *Store) Archive(ctx context.Context, month, now time.Time) (*Archive, error) {
	first, lo, hi := bounds(month)
	name := first.Format("200601")
	if s.archives == "" {
		return nil, errors.New("store: no folder of archives")
	}
	if now.Before(first.AddDate(0, 1, daysBefore+2)) { // days of the next one, which have some of it, are cleared and compared before
		return nil, fmt.Errorf("%w: %s goes to an archive from the %dth of the next month on", ErrOpenMonth, name, daysBefore+3)
	}
	unlock, err := s.exclusive(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	a, err := scanArchive(s.row(ctx, archiveColumns+`WHERE ARCHIVE_MONTH=?`, name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err == nil && a.State == archiveDone {
		return a, nil
	}
	if err != nil {
		if a, err = s.writeArchive(ctx, name, lo, hi); err != nil {
			return nil, err
		}
		if err = s.write(ctx, func(tx *Tx) error {
			_, err := tx.exec(`INSERT INTO SY_AR_ARCHIVE (ARCHIVE_MONTH, FILE_NAME, FILE_DIGEST, RECORD_COUNT, ARCHIVE_STATE) VALUES (?,?,?,?,?)`, a.Month, a.File, a.Digest, a.Rows, archiveWritten)
			return err
		}); err != nil {
			return nil, err
		}
	}
	if err := s.indexUntil(ctx, TimeOf(hi)); err != nil { // no key of it stays in memory
		return nil, err
	}
	if err := s.removeMonth(ctx, a, lo, hi); err != nil {
		return nil, err
	}
	return a, s.archiveState(ctx, a, archiveDone)
}

func (s *Store) archiveState(ctx context.Context, a *Archive, state string) error {
	err := s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`UPDATE SY_AR_ARCHIVE SET ARCHIVE_STATE=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE ARCHIVE_MONTH=?`, state, ms(time.Now()), a.Month)
		return err
	})
	if err == nil {
		a.State = state
	}
	return err
}

// companions are the tables whose rows belong to one transaction. Differences stay where people settle them.
func companions() (out []*schema.Table) {
	for i := range schema.Tables {
		t := &schema.Tables[i]
		if strings.HasPrefix(t.Name, "TX_") && t.Key == "ID" && t.Name != "TX_ON_KEY" && t.Name != "TX_RC_DIFFERENCE" &&
			slices.ContainsFunc(t.Columns, func(c schema.Column) bool { return c.Name == "JOURNAL_NUMBER" }) {
			out = append(out, t)
		}
	}
	return out
}

// writeArchive writes, syncs and reads back the file of a month.
func (s *Store) writeArchive(ctx context.Context, month string, lo, hi int64) (*Archive, error) {
	var open int
	closed := strings.TrimSuffix(strings.Repeat("TRANS_STATE<>? AND ", len(finished)), " AND ")
	args := []any{lo, hi}
	for _, st := range finished {
		args = append(args, int64(st))
	}
	if err := s.row(ctx, `SELECT COUNT(*) FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER>=? AND JOURNAL_NUMBER<? AND `+closed, args...).Scan(&open); err != nil {
		return nil, err
	}
	if open > 0 {
		return nil, fmt.Errorf("%w: %d transactions of %s are unfinished", ErrOpenMonth, open, month)
	}
	if err := os.MkdirAll(s.archives, 0o700); err != nil {
		return nil, fmt.Errorf("store: archive: %w", err)
	}
	w, err := newArchiveWriter(filepath.Join(s.archives, "journal-"+month+".json.gz"))
	if err != nil {
		return nil, err
	}
	defer w.abandon()
	journal := schema.TableOf("TX_ON_JOURNAL")
	tables := companions()
	for from := lo; ; {
		rows, last, err := s.dump(ctx, journal, from, hi, archiveBlock)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			break
		}
		lines := rows
		for _, t := range tables {
			more, _, err := s.dump(ctx, t, from, last+1, 0)
			if err != nil {
				return nil, err
			}
			lines = append(lines, more...)
		}
		if err := w.block(from, last, len(rows), lines); err != nil {
			return nil, err
		}
		from = last + 1
	}
	a := &Archive{Month: month, File: filepath.Base(w.path), Rows: w.index.Rows, State: archiveWritten}
	if a.Digest, err = w.finish(); err != nil {
		return nil, err
	}
	if err := s.verifyArchive(a); err != nil {
		return nil, err
	}
	return a, nil
}

// verifyArchive reads a file whole and compares its digest and its number of transactions.
func (s *Store) verifyArchive(a *Archive) error {
	data, err := os.Open(filepath.Join(s.archives, a.File))
	if err != nil {
		return fmt.Errorf("store: archive: %w", err)
	}
	defer data.Close() //nolint:errcheck // reading
	h := sm3.New()
	n, err := eachLine(data, h, func(archiveLine) error { return nil })
	if err != nil {
		return fmt.Errorf("store: archive %s: %w", a.File, err)
	}
	if hex.EncodeToString(h.Sum(nil)) != a.Digest || n != a.Rows {
		return fmt.Errorf("store: archive %s is not as it was written", a.File)
	}
	return nil
}

// Restore brings an archived month back into the tables and tells how many transactions were not
// there.
func (s *Store) Restore(ctx context.Context, month time.Time) (int64, error) {
	first, lo, hi := bounds(month)
	unlock, err := s.exclusive(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	a, err := scanArchive(s.row(ctx, archiveColumns+`WHERE ARCHIVE_MONTH=?`, first.Format("200601")))
	if err != nil {
		return 0, err
	}
	if err := s.verifyArchive(a); err != nil {
		return 0, err
	}
	if err := s.addPartition(ctx, schema.Partition{Name: "P" + a.Month, Below: hi}, lo); err != nil {
		return 0, err
	}
	data, err := os.Open(filepath.Join(s.archives, a.File))
	if err != nil {
		return 0, fmt.Errorf("store: archive: %w", err)
	}
	defer data.Close() //nolint:errcheck // reading
	var back int64
	var lines []archiveLine
	flush := func() error {
		n := int64(0)
		err := s.write(ctx, func(tx *Tx) error {
			n = 0
			fresh := map[int64]bool{}
			for _, l := range lines {
				number := l.number()
				if l.Table != "TX_ON_JOURNAL" && !fresh[number] {
					continue
				}
				ok, err := restoreRow(tx, l)
				if err != nil {
					return err
				}
				if l.Table == "TX_ON_JOURNAL" && ok {
					fresh[number] = true
					n++
				}
			}
			return nil
		})
		back += n
		lines = lines[:0]
		return err
	}
	journals := 0
	_, err = eachLine(data, nil, func(l archiveLine) error {
		if l.Table == "TX_ON_JOURNAL" && journals == archiveBlock { // the next block begins
			journals = 0
			if err := flush(); err != nil {
				return err
			}
		}
		if l.Table == "TX_ON_JOURNAL" {
			journals++
		}
		lines = append(lines, l)
		return nil
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return back, err
	}
	return back, s.archiveState(ctx, a, archiveRestored)
}

// archived finds a transaction in the file of its month.
func (s *Store) archived(ctx context.Context, number int64) (*Txn, []Event, error) {
	if s.archives == "" || number <= 0 {
		return nil, nil, ErrNotFound
	}
	a, err := scanArchive(s.row(ctx, archiveColumns+`WHERE ARCHIVE_MONTH=?`, TimeOf(number).Format("200601")))
	if err != nil {
		return nil, nil, err
	}
	lines, err := readBlock(filepath.Join(s.archives, a.File), number)
	if err != nil {
		return nil, nil, err
	}
	var t *Txn
	var es []Event
	for _, l := range lines {
		if l.number() != number {
			continue
		}
		switch l.Table {
		case "TX_ON_JOURNAL":
			if t, err = scanTxn(l.columns(txnColumns)); err != nil {
				return nil, nil, err
			}
		case "TX_ON_EVENT":
			e, err := scanEvent(l.columns("CREATE_TIME, TRANS_STATE, NOTE"))
			if err != nil {
				return nil, nil, err
			}
			es = append(es, e)
		}
	}
	if t == nil {
		return nil, nil, ErrNotFound
	}
	return t, es, nil
}
