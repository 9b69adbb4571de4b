package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	Signers                             int      // persons who must agree; 0 = 1
	Signed                              []string // those who have
	Role                                string   // whose word it is: manager or teller
	Case                                int64    // the case whose step it is; 0: of none
	Step                                string
}

const selectApproval = `SELECT APPROVAL_NUMBER, TERMINAL_NUMBER, REQUEST_NUMBER, ORGANIZATION_NUMBER, APPROVAL_KIND, AMOUNT, MASKED_PAN, SESSION_NUMBER, APPROVAL_STATE, MANAGER, REASON_CODE, NOTE,
 CREATE_TIME, EXPIRE_TIME, DECIDE_TIME, SIGNER_COUNT, SIGNED_BY, APPROVER_ROLE, CASE_NUMBER, STEP_NAME FROM PD_AP_APPROVAL `

func scanApproval(r scanner) (*Approval, error) {
	a := &Approval{}
	var c, e, d int64
	var signed string
	if err := r.Scan(&a.ID, &a.Terminal, &a.Request, &a.Branch, &a.Kind, &a.Amount, &a.PAN, &a.Session, &a.State, &a.Manager, &a.Code, &a.Note, &c, &e, &d, &a.Signers, &signed, &a.Role, &a.Case, &a.Step); err != nil {
		return nil, found(err)
	}
	a.Created, a.Expires = fromMS(c), fromMS(e)
	if signed != "" {
		a.Signed = strings.Split(signed, ",")
	}
	if d != 0 {
		a.Decided = fromMS(d)
	}
	return a, nil
}

// AddApproval stores a request; a repeat of the terminal's own Request gives the first one.
func (s *Store) AddApproval(ctx context.Context, a *Approval) (*Approval, error) {
	err := s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO PD_AP_APPROVAL (APPROVAL_NUMBER, TERMINAL_NUMBER, REQUEST_NUMBER, ORGANIZATION_NUMBER, APPROVAL_KIND, AMOUNT, MASKED_PAN, SESSION_NUMBER, APPROVAL_STATE,
 CREATE_TIME, UPDATE_TIME, EXPIRE_TIME, SIGNER_COUNT) VALUES (?,?,?,?,?,?,?,?,'pending',?,?,?,?) ON CONFLICT (TERMINAL_NUMBER, REQUEST_NUMBER) DO NOTHING`,
			a.ID, a.Terminal, a.Request, a.Branch, a.Kind, a.Amount, a.PAN, a.Session, ms(a.Created), ms(a.Created), ms(a.Expires), max(1, a.Signers))
		return err
	})
	if err != nil {
		return nil, err
	}
	return scanApproval(s.row(ctx, selectApproval+`WHERE TERMINAL_NUMBER=? AND REQUEST_NUMBER=?`, a.Terminal, a.Request))
}

// Approval finds a request.
func (s *Store) Approval(ctx context.Context, id string) (*Approval, error) {
	return scanApproval(s.row(ctx, selectApproval+`WHERE APPROVAL_NUMBER=?`, id))
}

// Approvals lists requests of a branch (all when empty) to people of a role (all when empty), pending
// only or the last ones.
func (s *Store) Approvals(ctx context.Context, branch, role string, pending bool, now time.Time, limit int) ([]*Approval, error) {
	w := &where{}
	if role != "" {
		w.and("APPROVER_ROLE=?", role)
	}
	if branch != "" {
		w.and("ORGANIZATION_NUMBER=?", branch)
	}
	if pending {
		w.and("APPROVAL_STATE='pending' AND EXPIRE_TIME>?", ms(now))
	}
	return list(ctx, s, scanApproval, selectApproval+w.text+` ORDER BY CREATE_TIME DESC LIMIT ?`, append(w.args, limit)...)
}

// CaseApprovals lists what was asked for the steps of a case.
func (s *Store) CaseApprovals(ctx context.Context, number int64) ([]*Approval, error) {
	return list(ctx, s, scanApproval, selectApproval+`WHERE CASE_NUMBER=? ORDER BY CREATE_TIME`, number)
}

// Agree is the word of one of those who must agree (会签). While others are wanted the request stays
// pending; the last word approves it. ErrState: it is not pending any more, or this person has agreed
// already.
func (s *Store) Agree(ctx context.Context, id, who string, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		var signed string
		var need int
		if err := found(tx.row(`SELECT SIGNED_BY, SIGNER_COUNT FROM PD_AP_APPROVAL WHERE APPROVAL_NUMBER=? AND APPROVAL_STATE='pending' AND EXPIRE_TIME>?`, []any{id, ms(now)}, &signed, &need)); err != nil {
			if errors.Is(err, ErrNotFound) {
				return ErrState
			}
			return err
		}
		before := signed
		var people []string
		if signed != "" {
			people = strings.Split(signed, ",")
		}
		if slices.Contains(people, who) {
			return ErrState
		}
		people = append(people, who)
		state := "pending"
		if len(people) >= need {
			state = "approved"
		}
		n, err := tx.exec(`UPDATE PD_AP_APPROVAL SET APPROVAL_STATE=?, SIGNED_BY=?, MANAGER=?, DECIDE_TIME=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1
 WHERE APPROVAL_NUMBER=? AND APPROVAL_STATE='pending' AND SIGNED_BY=?`, state, strings.Join(people, ","), who, ms(now), ms(now), clip(who, 30), id, before)
		if err == nil && n == 0 {
			return ErrState // somebody else signed in this very moment
		}
		if err != nil {
			return err
		}
		if state == "approved" {
			if err := decided(tx, id, state, strings.Join(people, ","), "", "", now); err != nil {
				return err
			}
		}
		return addAudit(tx, Audit{User: who, Action: "approval.signed", Target: id, Note: fmt.Sprintf("%d of %d", len(people), need), At: now})
	})
}

// Decide moves a pending request to a state, if it is still pending and, unless the state
// is "expired", not past its time. The first decision wins: ErrState for every later one.
func (s *Store) Decide(ctx context.Context, id, state, manager, code, note string, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		q, args := `UPDATE PD_AP_APPROVAL SET APPROVAL_STATE=?, MANAGER=?, REASON_CODE=?, NOTE=?, DECIDE_TIME=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1
 WHERE APPROVAL_NUMBER=? AND APPROVAL_STATE='pending'`, []any{state, manager, code, clip(note, maxNote), ms(now), ms(now), clip(manager, 30), id}
		if state != "expired" {
			q, args = q+` AND EXPIRE_TIME>?`, append(args, ms(now))
		}
		n, err := tx.exec(q, args...)
		if err == nil && n == 0 {
			return ErrState
		}
		if err == nil {
			err = decided(tx, id, state, manager, code, note, now)
		}
		if err == nil && manager != "" {
			err = addAudit(tx, Audit{User: manager, Action: "approval." + state, Target: id, Note: code, At: now})
		}
		return err
	})
}

// ExpireApprovals marks what is past its time and returns the ids.
func (s *Store) ExpireApprovals(ctx context.Context, now time.Time) ([]string, error) {
	ids, err := list(ctx, s, func(r scanner) (id string, err error) { return id, r.Scan(&id) },
		`SELECT APPROVAL_NUMBER FROM PD_AP_APPROVAL WHERE APPROVAL_STATE='pending' AND EXPIRE_TIME<=?`, ms(now))
	if err != nil {
		return nil, err
	}
	var done []string
	for _, id := range ids {
		if s.Decide(ctx, id, "expired", "", "", "", now) == nil {
			done = append(done, id)
		}
	}
	return done, nil
}
