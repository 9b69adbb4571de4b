package recon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/server/internal/lease"
	"zhigui/server/internal/store"
	"zhigui/terminal/api/journal"
)

const (
	lateDays = 31               // a terminal's count that comes within so many days is compared on its own day
	skew     = 10 * time.Minute // what clocks may differ, and a commit may take
)

// RunCounts compares the counts of a day and stores the comparison. store.ErrHeld: another process is at it.
func (b *Books) RunCounts(ctx context.Context, day string) error {
	return lease.Do(ctx, b.Store, "recon."+day+".counts", func() error {
		run, diffs, err := b.Counts(ctx, day)
		if err == nil {
			err = b.Store.SaveRun(ctx, run, diffs)
		}
		return err
	})
}

// DailyCounts compares the counts of all days that are due, whether a host's book comes or not, and tells which.
func (b *Books) DailyCounts(ctx context.Context) (done []string, err error) {
	due, err := b.dueCounts(ctx)
	errs := []error{err}
	for _, day := range due {
		switch err := b.RunCounts(ctx, day); {
		case err == nil:
			done = append(done, day)
		case !errors.Is(err, store.ErrHeld): // who has it does the same
			errs = append(errs, fmt.Errorf("recon: counts of %s: %w", day, err))
		}
	}
	return done, errors.Join(errs...)
}

// dueCounts are the days that have ended, oldest first, and have not been compared since: yesterday, those for which a
// count of then or before came after their comparison, and once a day those with differences that may go by themselves.
func (b *Books) dueCounts(ctx context.Context) (due []string, err error) {
	now := b.Now().In(shanghai)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, shanghai)
	came, err := b.counted(ctx, today.AddDate(0, 0, -lateDays))
	if err != nil {
		return nil, err
	}
	for back := lateDays; back > 0; back-- {
		end := today.AddDate(0, 0, 1-back)
		day := end.AddDate(0, 0, -1).Format("20060102")
		runs, err := b.Store.Runs(ctx, day)
		if err != nil {
			return nil, fmt.Errorf("recon: comparisons: %w", err)
		}
		var at time.Time // of the comparison
		for _, r := range runs {
			if r.Book == countsBook {
				at = r.At
			}
		}
		_, counted := came[day]
		var late time.Time // when the last count of the day, or of one before, came
		for d, c := range came {
			if d <= day && c.After(late) {
				late = c
			}
		}
		is := at.Before(end) && (back == 1 || counted) || !at.IsZero() && !late.Add(skew).Before(at)
		if !is && now.Sub(at) > 24*time.Hour {
			ds, err := b.Store.Differences(ctx, day, "", false, 10_000)
			if err != nil {
				return nil, fmt.Errorf("recon: differences: %w", err)
			}
			for _, d := range ds {
				is = is || d.Book == countsBook
			}
		}
		if is {
			due = append(due, day)
		}
	}
	return due, nil
}

// counted are the days that have counts, with the moment when the last of each came; of those that came from a moment on.
func (b *Books) counted(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	ts, err := b.Store.Terminals(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("recon: terminals: %w", err)
	}
	out := map[string]time.Time{}
	for _, t := range ts {
		recs, err := b.Store.RecordsOf(ctx, t.ID, store.CountsMark)
		if err != nil {
			return nil, fmt.Errorf("recon: journal of %s: %w", t.ID, err)
		}
		for _, r := range recs {
			var x journal.Record
			if r.Received.Before(since) || json.Unmarshal(r.Body, &x) != nil { // unreadable: the comparison tells
				continue
			}
			if day := x.Time.In(shanghai).Format("20060102"); r.Received.After(out[day]) {
				out[day] = r.Received
			}
		}
	}
	return out, nil
}
