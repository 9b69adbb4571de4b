package store

import (
	"context"
	"errors"
	"time"
)

// Retention says how long things stay in the tables.
type Retention struct {
	Months   int           // of the journal, besides the current month, before it goes to the archives; 0: for ever
	Sessions time.Duration // without activity; 0: 30 days
	Alarms   time.Duration // since they were cleared; 0: 400 days
	Cases    time.Duration // business in steps, since it has ended; 0: 400 days
}

// Upkeep does what time asks for: partitions of the months to come, archives of the months that
// are past their retention, and removal of old sessions, cleared alarms and ended cases. It is meant to run
// once a day; what fails is tried again the next time.
func (s *Store) Upkeep(ctx context.Context, now time.Time, r Retention) ([]*Archive, error) {
	errs := []error{s.AddPartitions(ctx, now)}
	var done []*Archive
	if r.Months > 0 && s.archives != "" {
		first, _, _ := bounds(now)
		var oldest int64
		if err := s.row(ctx, `SELECT COALESCE(MIN(JOURNAL_NUMBER), 0) FROM TX_ON_JOURNAL`).Scan(&oldest); err != nil {
			errs = append(errs, err)
		}
		restored, err := s.restored(ctx)
		errs = append(errs, err)
		if oldest > 0 && err == nil {
			for m, _, _ := bounds(TimeOf(oldest)); m.Before(first.AddDate(0, -r.Months, 0)); m = m.AddDate(0, 1, 0) {
				if restored[m.Format("200601")] { // a person wanted it back
					continue
				}
				a, err := s.Archive(ctx, m, now)
				errs = append(errs, err)
				if err == nil {
					done = append(done, a)
				}
			}
		}
	}
	days := func(d time.Duration, n int) int64 {
		if d == 0 {
			d = time.Duration(n) * 24 * time.Hour
		}
		return ms(now.Add(-d))
	}
	errs = append(errs, s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`DELETE FROM SY_US_SESSION WHERE SEEN_TIME<?`, days(r.Sessions, 30)); err != nil {
			return err
		}
		_, err := tx.exec(`DELETE FROM FL_TM_ALARM WHERE STATUS='1' AND UPDATE_TIME<?`, days(r.Alarms, 400))
		return err
	}))
	errs = append(errs, s.forgetCases(ctx, days(r.Cases, 400)))
	return done, errors.Join(errs...)
}

// forgetCases removes cases that have ended before a time, with what was told in their steps, some at a time.
func (s *Store) forgetCases(ctx context.Context, before int64) error {
	for {
		old, err := list(ctx, s, func(r scanner) (n int64, err error) { return n, r.Scan(&n) },
			`SELECT CASE_NUMBER FROM TX_BZ_CASE WHERE CASE_STATE IN ('used','refused','withdrawn','expired') AND EXPIRE_TIME<? AND UPDATE_TIME<? LIMIT 500`, before, before)
		if err != nil || len(old) == 0 {
			return err
		}
		if err := s.write(ctx, func(tx *Tx) error {
			for _, n := range old {
				for _, table := range []string{"TX_BZ_CASE_STEP", "TX_BZ_CASE"} {
					if _, err := tx.exec(`DELETE FROM `+table+` WHERE CASE_NUMBER=?`, n); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// restored are the months that a person brought back.
func (s *Store) restored(ctx context.Context) (map[string]bool, error) {
	as, err := s.Archives(ctx)
	out := map[string]bool{}
	for _, a := range as {
		out[a.Month] = a.State == archiveRestored
	}
	return out, err
}
