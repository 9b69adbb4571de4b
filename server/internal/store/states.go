package store

import (
	"context"
	"database/sql"
	"time"
)

// ServerState is what a server says of its part of the switch, for the consoles at the others: as it is now (Step
// zero), or what came in one step of time.
type ServerState struct {
	Server  string
	Step    time.Time
	Content []byte
	At      time.Time // by the clock of that server
}

// PutStates writes what a server says; what it has said of the same step before is replaced.
func (s *Store) PutStates(ctx context.Context, xs []ServerState) error {
	return s.putStates(ctx, xs, 1)
}

// PutSums writes what came at a server in some minutes, for the time lines of days. They are beside the states, under
// the time before 1970 that mirrors theirs, so that whoever asks for states does not meet them.
func (s *Store) PutSums(ctx context.Context, xs []ServerState) error { return s.putStates(ctx, xs, -1) }

func (s *Store) putStates(ctx context.Context, xs []ServerState, sign int64) error {
	return s.write(ctx, func(tx *Tx) error {
		for _, x := range xs {
			step := int64(0)
			if !x.Step.IsZero() {
				step = sign * ms(x.Step)
			}
			n, err := tx.exec(`UPDATE SY_ND_STATE SET CONTENT=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE SERVER_NAME=? AND STEP_TIME=?`, string(x.Content), ms(x.At), clip(x.Server, 80), step)
			if err == nil && n == 0 {
				_, err = tx.exec(`INSERT INTO SY_ND_STATE (SERVER_NAME, STEP_TIME, CONTENT, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?)`, clip(x.Server, 80), step, string(x.Content), ms(x.At), ms(x.At))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func scanState(r scanner) (x ServerState, err error) {
	var step, at int64
	err = r.Scan(&x.Server, &step, &x.Content, &at)
	if x.At = fromMS(at); step != 0 {
		x.Step = fromMS(max(step, -step))
	}
	return x, err
}

// States are how the servers are now.
func (s *Store) States(ctx context.Context) ([]ServerState, error) {
	return list(ctx, s, scanState, `SELECT SERVER_NAME, STEP_TIME, CONTENT, UPDATE_TIME FROM SY_ND_STATE WHERE STEP_TIME=0 ORDER BY SERVER_NAME`)
}

// Steps are what the servers have said of the time since.
func (s *Store) Steps(ctx context.Context, since time.Time) ([]ServerState, error) {
	return list(ctx, s, scanState, `SELECT SERVER_NAME, STEP_TIME, CONTENT, UPDATE_TIME FROM SY_ND_STATE WHERE STEP_TIME>=? ORDER BY STEP_TIME`, ms(since))
}

// Sums are what the servers have kept of a span of time, in its order, and when the oldest that is kept begins: zero
// without any.
func (s *Store) Sums(ctx context.Context, from, to time.Time) (xs []ServerState, since time.Time, err error) {
	var oldest sql.NullInt64
	if err := s.row(ctx, `SELECT MAX(STEP_TIME) FROM SY_ND_STATE WHERE STEP_TIME<0`).Scan(&oldest); err != nil || !oldest.Valid {
		return nil, time.Time{}, err
	}
	xs, err = list(ctx, s, scanState, `SELECT SERVER_NAME, STEP_TIME, CONTENT, UPDATE_TIME FROM SY_ND_STATE WHERE STEP_TIME<=? AND STEP_TIME>? ORDER BY STEP_TIME DESC`, -ms(from), -ms(to))
	return xs, fromMS(-oldest.Int64), err
}

// ForgetSums drops the sums of what came before a moment.
func (s *Store) ForgetSums(ctx context.Context, before time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM SY_ND_STATE WHERE STEP_TIME<0 AND STEP_TIME>?`, -ms(before))
		return err
	})
}

// ForgetStates drops what was said before a moment.
func (s *Store) ForgetStates(ctx context.Context, before time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM SY_ND_STATE WHERE UPDATE_TIME<? AND STEP_TIME>=0`, ms(before))
		return err
	})
}
