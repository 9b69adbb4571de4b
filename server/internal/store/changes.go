package store

import (
	"context"
	"time"
)

// Change says what has changed, for the pages that are open at other servers.
type Change struct {
	Number        int64 // in the database
	Sender        string
	Kind, Subject string // Subject "": several of that kind
}

// AddChanges tells the other servers of es; sender counts them from first on.
func (s *Store) AddChanges(ctx context.Context, sender string, first int64, es []Change, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		for i, e := range es {
			if _, err := tx.exec(`INSERT INTO SY_EV_CHANGE (SENDER_NAME, SENDER_NUMBER, EVENT_KIND, EVENT_SUBJECT, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?)`,
				sender, first+int64(i), e.Kind, clip(e.Subject, 80), ms(now), ms(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Changes lists what was told behind a number, in the order of the numbers. One with a smaller number may
// appear later: whoever reads on looks back a little.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]Change, error) {
	return list(ctx, s, scanChange, `SELECT ID, SENDER_NAME, EVENT_KIND, EVENT_SUBJECT FROM SY_EV_CHANGE WHERE ID>? AND EVENT_KIND<>'cache' ORDER BY ID LIMIT ?`, after, limit)
}

func scanChange(r scanner) (e Change, err error) {
	err = r.Scan(&e.Number, &e.Sender, &e.Kind, &e.Subject)
	return e, err
}

// LastChange is the newest number, 0 without any.
func (s *Store) LastChange(ctx context.Context) (n int64, err error) {
	err = s.row(ctx, `SELECT COALESCE(MAX(ID), 0) FROM SY_EV_CHANGE`).Scan(&n)
	return n, err
}

// ForgetChanges drops what was told before a moment, but for the newest: SQLite would give its number away
// again. Those for caches stay until FollowStale has done them.
func (s *Store) ForgetChanges(ctx context.Context, before time.Time) error {
	last, err := s.LastChange(ctx)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM SY_EV_CHANGE WHERE CREATE_TIME<? AND ID<? AND EVENT_KIND<>'cache'`, ms(before), last)
		return err
	})
}
