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
	from, args := s.selecting("TRANS_STATE, AMOUNT, PAID_AMOUNT, CREATE_TIME", q, true)
	v := &Totals{}
	var lo, hi sql.NullInt64
	if err := s.row(ctx, `SELECT COUNT(*), COALESCE(SUM(AMOUNT), 0), COALESCE(SUM(PAID_AMOUNT), 0), MIN(CREATE_TIME), MAX(CREATE_TIME) FROM (`+from+`) x`, args...).
		Scan(&v.Count, &v.Amount, &v.Paid, &lo, &hi); err != nil || v.Count == 0 {
		return v, err
	}
	v.First, v.Last = fromMS(lo.Int64), fromMS(hi.Int64)
	v.Width = max(time.Second, width(v.First, v.Last))
	var err error
	v.Steps, err = list(ctx, s, func(r scanner) (x TotalStep, err error) {
		var at int64
		err = r.Scan(&at, &x.State, &x.Zero, &x.Count, &x.Amount, &x.Paid)
		x.At = fromMS(at)
		return x, err
	}, `SELECT STEP, TRANS_STATE, IS_ZERO, COUNT(*), SUM(AMOUNT), COALESCE(SUM(PAID_AMOUNT), 0) FROM
 (SELECT CREATE_TIME - CREATE_TIME % ? AS STEP, TRANS_STATE, CASE WHEN AMOUNT=0 THEN 1 ELSE 0 END AS IS_ZERO, AMOUNT, PAID_AMOUNT FROM (`+from+`) x) MATCHES
 GROUP BY STEP, TRANS_STATE, IS_ZERO ORDER BY STEP, TRANS_STATE, IS_ZERO`, append([]any{v.Width.Milliseconds()}, args...)...)
	if err != nil {
		return nil, err
	}
	return v, nil
}
