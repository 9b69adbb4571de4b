package store

import (
	"context"
	"database/sql"
	"time"
)

// Totals is what a search adds up to.
type Totals struct {
	Count, Amount, Paid int64
	First, Last         time.Time // of the matches; zero without one
	Width               time.Duration
	Steps               []TotalStep
}

// TotalStep are the matches of one state in one step of time.
type TotalStep struct {
	At                  time.Time // its begin
	State               State
	Zero                bool // those without an amount
	Count, Amount, Paid int64
}

// Totals adds up all that match, however many; width is told the times of the first and the last
// match and says how long a step is.
func (s *Store) Totals(ctx context.Context, q Search, width func(first, last time.Time) time.Duration) (*Totals, error) {
	where, args := q.where()
	v := &Totals{}
	var lo, hi sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(amount), 0), COALESCE(SUM(paid), 0), MIN(created), MAX(created) FROM txn `+where, args...).
		Scan(&v.Count, &v.Amount, &v.Paid, &lo, &hi); err != nil || v.Count == 0 {
		return v, err
	}
	v.First, v.Last = fromMS(lo.Int64), fromMS(hi.Int64)
	v.Width = max(time.Second, width(v.First, v.Last))
	rows, err := s.read.QueryContext(ctx, `SELECT step, state, zero, COUNT(*), SUM(amount), COALESCE(SUM(paid), 0) FROM
 (SELECT created - created % ? AS step, state, CASE WHEN amount=0 THEN 1 ELSE 0 END AS zero, amount, paid FROM txn `+where+`) matches GROUP BY step, state, zero ORDER BY step, state, zero`,
		append([]any{v.Width.Milliseconds()}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	for rows.Next() {
		var x TotalStep
		var at int64
		if err := rows.Scan(&at, &x.State, &x.Zero, &x.Count, &x.Amount, &x.Paid); err != nil {
			return nil, err
		}
		x.At = fromMS(at)
		v.Steps = append(v.Steps, x)
	}
	return v, rows.Err()
}
