package store

import (
	"context"
	"time"
)

// Resealed is one transaction's sealed columns.
type Resealed struct {
	ID              int64
	Request, Answer []byte
}

// SealedAfter lists the sealed columns of the transactions after a number.
func (s *Store) SealedAfter(ctx context.Context, after int64, limit int) ([]Resealed, error) {
	return list(ctx, s, func(r scanner) (v Resealed, err error) { return v, r.Scan(&v.ID, &v.Request, &v.Answer) },
		`SELECT JOURNAL_NUMBER, REQUEST_SEALED, ANSWER_SEALED FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER>? ORDER BY JOURNAL_NUMBER LIMIT ?`, after, limit)
}

// Reseal replaces sealed columns; nil leaves one. An answer that has come meanwhile is left, too.
func (s *Store) Reseal(ctx context.Context, was, now []Resealed) error {
	return s.write(ctx, func(tx *Tx) error {
		for i, v := range now {
			if v.Request != nil {
				if _, err := tx.exec(`UPDATE TX_ON_JOURNAL SET REQUEST_SEALED=?, UPDATE_TIME=UPDATE_TIME WHERE JOURNAL_NUMBER=? AND REQUEST_SEALED=?`, v.Request, v.ID, was[i].Request); err != nil {
					return err
				}
			}
			if v.Answer != nil {
				if _, err := tx.exec(`UPDATE TX_ON_JOURNAL SET ANSWER_SEALED=?, UPDATE_TIME=UPDATE_TIME WHERE JOURNAL_NUMBER=? AND ANSWER_SEALED=?`, v.Answer, v.ID, was[i].Answer); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// resealPause lets transactions go first.
const resealPause = 10 * time.Millisecond

// ResealAll seals again what fresh returns something for; it answers how many transactions.
func (s *Store) ResealAll(ctx context.Context, fresh func(Resealed) (Resealed, error)) (n int64, err error) {
	for after := int64(0); ; {
		was, err := s.SealedAfter(ctx, after, 200)
		if err != nil || len(was) == 0 {
			return n, err
		}
		now := make([]Resealed, len(was))
		changed := int64(0)
		for i, v := range was {
			if now[i], err = fresh(v); err != nil {
				return n, err
			}
			if now[i].Request != nil || now[i].Answer != nil {
				changed++
			}
			now[i].ID, after = v.ID, v.ID
		}
		if changed > 0 {
			if err := s.Reseal(ctx, was, now); err != nil {
				return n, err
			}
			n += changed
			time.Sleep(resealPause)
		}
	}
}
