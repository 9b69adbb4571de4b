package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Approval is a request of a terminal to a lobby manager of its branch.
type Approval struct {
	ID, Terminal, Request, Branch, Kind string
	Amount                              int64
	PAN                                 string // masked
	Session                             string
	State                               string // pending, approved, rejected, expired, cancelled
	Manager, Code, Note                 string
	Created, Expires, Decided           time.Time
}

const selectApproval = `SELECT id, terminal, request, branch, kind, amount, pan, session, state, manager, code, note, created, expires, decided FROM approval `

func scanApproval(r interface{ Scan(...any) error }) (*Approval, error) {
	a := &Approval{}
	var c, e, d int64
	err := r.Scan(&a.ID, &a.Terminal, &a.Request, &a.Branch, &a.Kind, &a.Amount, &a.PAN, &a.Session, &a.State, &a.Manager, &a.Code, &a.Note, &c, &e, &d)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	a.Created, a.Expires = fromMS(c), fromMS(e)
	if d != 0 {
		a.Decided = fromMS(d)
	}
	return a, err
}

// AddApproval stores a request; a repeat of the terminal's own Request gives the first one.
func (s *Store) AddApproval(ctx context.Context, a *Approval) (*Approval, error) {
	err := s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO approval (id, terminal, request, branch, kind, amount, pan, session, state, created, expires) VALUES (?,?,?,?,?,?,?,?,'pending',?,?) ON CONFLICT (terminal, request) DO NOTHING`,
			a.ID, a.Terminal, a.Request, a.Branch, a.Kind, a.Amount, a.PAN, a.Session, ms(a.Created), ms(a.Expires))
		return err
	})
	if err != nil {
		return nil, err
	}
	return scanApproval(s.read.QueryRowContext(ctx, selectApproval+`WHERE terminal=? AND request=?`, a.Terminal, a.Request))
}

// Approval finds a request.
func (s *Store) Approval(ctx context.Context, id string) (*Approval, error) {
	return scanApproval(s.read.QueryRowContext(ctx, selectApproval+`WHERE id=?`, id))
}

// Approvals lists requests of a branch (all when empty), pending only or the last ones.
func (s *Store) Approvals(ctx context.Context, branch string, pending bool, now time.Time, limit int) ([]*Approval, error) {
	rows, err := s.read.QueryContext(ctx, selectApproval+`WHERE (?='' OR branch=?) AND (NOT ? OR (state='pending' AND expires>?)) ORDER BY created DESC LIMIT ?`, branch, branch, pending, ms(now), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []*Approval
	for rows.Next() {
		a, err := scanApproval(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// Decide moves a pending request to a state, if it is still pending and, unless the state
// is "expired", not past its time. The first decision wins: ErrState for every later one.
func (s *Store) Decide(ctx context.Context, id, state, manager, code, note string, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE approval SET state=?, manager=?, code=?, note=?, decided=? WHERE id=? AND state='pending' AND (?='expired' OR expires>?)`,
			state, manager, code, note, ms(now), id, state, ms(now))
		if err == nil && n == 0 {
			return ErrState
		}
		if err == nil && manager != "" {
			err = addAudit(tx, Audit{User: manager, Action: "approval." + state, Target: id, Note: code, At: now})
		}
		return err
	})
}

// ExpireApprovals marks what is past its time and returns the ids.
func (s *Store) ExpireApprovals(ctx context.Context, now time.Time) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id FROM approval WHERE state='pending' AND expires<=?`, ms(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	var done []string
	for _, id := range ids {
		if s.Decide(ctx, id, "expired", "", "", "", now) == nil {
			done = append(done, id)
		}
	}
	return done, rows.Err()
}
