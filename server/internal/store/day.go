package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SetDay stores the settlement day (yyyyMMdd) of a host.
func (s *Store) SetDay(ctx context.Context, host, day string, at time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`INSERT INTO TX_ST_DAY (HOST_NAME) VALUES (?) ON CONFLICT (HOST_NAME) DO NOTHING`, host); err != nil {
			return err
		}
		_, err := tx.exec(`UPDATE TX_ST_DAY SET SETTLE_DATE=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE HOST_NAME=?`, day, ms(at), host)
		return err
	})
}

// Day is the settlement day of a host; empty before its first cut-over.
func (s *Store) Day(ctx context.Context, host string) (day string, err error) {
	err = s.row(ctx, `SELECT SETTLE_DATE FROM TX_ST_DAY WHERE HOST_NAME=?`, host).Scan(&day)
	if errors.Is(found(err), ErrNotFound) {
		return "", nil
	}
	return day, err
}

// Days are the settlement days of all hosts that have had a cut-over.
func (s *Store) Days(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	_, err := list(ctx, s, func(r scanner) (struct{}, error) {
		var host, day string
		err := r.Scan(&host, &day)
		out[host] = day
		return struct{}{}, err
	}, `SELECT HOST_NAME, SETTLE_DATE FROM TX_ST_DAY`)
	return out, err
}

// A settlement day may have transactions of some days before it and after it.
const (
	daysBefore = 5
	daysAfter  = 6
)

// around are the journal numbers that a settlement day may have: numbers rise with time, so a few days
// about it are a range of the primary key, and the day itself needs no index.
func around(day string) (from, to int64, err error) {
	at, err := time.Parse("20060102", day)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %q", ErrDay, day)
	}
	return NumberAt(at.AddDate(0, 0, -daysBefore)), NumberAt(at.AddDate(0, 0, daysAfter)), nil
}

// ErrArchived: transactions that a day may have are in an archive, so that nothing can be said of it before they are restored.
var ErrArchived = errors.New("store: the month is in an archive")

// Settled lists transactions of one host's settlement day, in their order, after a number.
func (s *Store) Settled(ctx context.Context, host, day string, after int64, limit int) ([]*Txn, error) {
	from, to, err := around(day)
	if err != nil {
		return nil, err
	}
	if err := s.here(ctx, from, to); err != nil {
		return nil, err
	}
	return list(ctx, s, scanTxn, selectTxn+`WHERE JOURNAL_NUMBER>? AND JOURNAL_NUMBER<? AND SETTLE_DATE=? AND HOST_NAME=? ORDER BY JOURNAL_NUMBER LIMIT ?`, max(from, after), to, day, host, limit)
}

// here tells whether all transactions between two numbers are in the tables: ErrArchived names the months that are not.
func (s *Store) here(ctx context.Context, from, to int64) error {
	gone, err := list(ctx, s, func(r scanner) (month string, err error) { return month, r.Scan(&month) },
		`SELECT ARCHIVE_MONTH FROM SY_AR_ARCHIVE WHERE ARCHIVE_MONTH>=? AND ARCHIVE_MONTH<=? AND ARCHIVE_STATE<>'`+archiveRestored+`' AND RECORD_COUNT>0 ORDER BY ARCHIVE_MONTH`,
		TimeOf(from).Format("200601"), TimeOf(to-1).Format("200601"))
	if err != nil {
		return fmt.Errorf("store: archives: %w", err)
	}
	if len(gone) > 0 {
		return fmt.Errorf("%w: %s", ErrArchived, strings.Join(gone, ", "))
	}
	return nil
}
