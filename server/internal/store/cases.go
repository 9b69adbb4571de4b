package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"
)

// States of a case. Open: a step is wanted. Ready: all are done, its transaction may come. Used: that
// has come; when it comes to nothing the case is ready again.
const (
	CaseOpen      = "open"
	CaseReady     = "ready"
	CaseUsed      = "used"
	CaseRefused   = "refused"
	CaseWithdrawn = "withdrawn"
	CaseExpired   = "expired"
)

// Case is business that is done in steps before it becomes a transaction.
type Case struct {
	Number                          int64 // as numbers of the journal
	Kind, Terminal, Request, Branch string
	Amount                          int64
	PAN                             string // masked
	Bound                           string // digest of what the transaction must carry in F62, hexadecimal; that of nothing, too
	State                           string
	Data                            []byte // what the terminal told when it opened the case, sealed
	Journal                         int64  // the transaction that took it
	Created, Expires                time.Time
	Steps                           []CaseStep
}

// States of a step.
const (
	StepWaiting = "waiting"
	StepCurrent = "current"
	StepDone    = "done"
	StepRefused = "refused"
)

// CaseStep is one step of a case.
type CaseStep struct {
	Name, By, State string
	Signers         int
	Fields          []string
	Who, Code, Note string
	Data            []byte // what the terminal told, sealed
	At              time.Time
}

const (
	selectCase = `SELECT CASE_NUMBER, CASE_KIND, TERMINAL_NUMBER, REQUEST_NUMBER, ORGANIZATION_NUMBER, AMOUNT, MASKED_PAN, BOUND_DIGEST, CASE_STATE, CASE_SEALED, JOURNAL_NUMBER, CREATE_TIME, EXPIRE_TIME FROM TX_BZ_CASE `
	setCase    = `UPDATE TX_BZ_CASE SET CASE_STATE=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND CASE_STATE=?`
	takeCase   = `UPDATE TX_BZ_CASE SET CASE_STATE='used', JOURNAL_NUMBER=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND CASE_STATE='ready' AND EXPIRE_TIME>?`
	untakeCase = `UPDATE TX_BZ_CASE SET CASE_STATE='ready', UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND CASE_STATE='used' AND JOURNAL_NUMBER=?`
	setStep    = `UPDATE TX_BZ_CASE_STEP SET STEP_STATE=?, DONE_BY=?, REASON_CODE=?, NOTE=?, STEP_SEALED=?, DONE_TIME=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1
 WHERE CASE_NUMBER=? AND STEP_NAME=? AND STEP_STATE='current'`
)

func scanCase(r scanner) (*Case, error) {
	c := &Case{}
	var made, expires int64
	err := r.Scan(&c.Number, &c.Kind, &c.Terminal, &c.Request, &c.Branch, &c.Amount, &c.PAN, &c.Bound, &c.State, &c.Data, &c.Journal, &made, &expires)
	c.Created, c.Expires = fromMS(made), fromMS(expires)
	return c, found(err)
}

func (s *Store) withSteps(ctx context.Context, c *Case, err error) (*Case, error) {
	if err != nil {
		return nil, err
	}
	c.Steps, err = list(ctx, s, func(r scanner) (x CaseStep, err error) {
		var fields string
		var at int64
		err = r.Scan(&x.Name, &x.By, &x.State, &x.Signers, &fields, &x.Who, &x.Code, &x.Note, &x.Data, &at)
		if fields != "" {
			x.Fields = strings.Split(fields, ",")
		}
		if at != 0 {
			x.At = fromMS(at)
		}
		return x, err
	}, `SELECT STEP_NAME, STEP_ROLE, STEP_STATE, SIGNER_COUNT, FIELD_NAMES, DONE_BY, REASON_CODE, NOTE, STEP_SEALED, DONE_TIME FROM TX_BZ_CASE_STEP WHERE CASE_NUMBER=? ORDER BY STEP_ORDER`, c.Number)
	return c, err
}

// AddCase opens a case with its steps; a repeat of the terminal's own Request gives the first one.
func (s *Store) AddCase(ctx context.Context, c *Case) (*Case, error) {
	err := s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`INSERT INTO TX_BZ_CASE (CASE_NUMBER, CASE_KIND, TERMINAL_NUMBER, REQUEST_NUMBER, ORGANIZATION_NUMBER, AMOUNT, MASKED_PAN, BOUND_DIGEST, CASE_STATE, CASE_SEALED, CREATE_TIME, UPDATE_TIME, EXPIRE_TIME)
 VALUES (?,?,?,?,?,?,?,?,'open',?,?,?,?) ON CONFLICT (TERMINAL_NUMBER, REQUEST_NUMBER) DO NOTHING`,
			c.Number, c.Kind, c.Terminal, c.Request, c.Branch, c.Amount, c.PAN, c.Bound, c.Data, ms(c.Created), ms(c.Created), ms(c.Expires))
		if err != nil || n == 0 {
			return err
		}
		for i, x := range c.Steps {
			if _, err := tx.exec(`INSERT INTO TX_BZ_CASE_STEP (CASE_NUMBER, STEP_ORDER, STEP_NAME, STEP_ROLE, SIGNER_COUNT, FIELD_NAMES, STEP_STATE) VALUES (?,?,?,?,?,?,'waiting')`,
				c.Number, i, x.Name, x.By, x.Signers, strings.Join(x.Fields, ",")); err != nil {
				return err
			}
		}
		return nextStep(tx, c.Number, c.Created)
	})
	if err != nil {
		return nil, err
	}
	x, err := scanCase(s.row(ctx, selectCase+`WHERE TERMINAL_NUMBER=? AND REQUEST_NUMBER=?`, c.Terminal, c.Request))
	return s.withSteps(ctx, x, err)
}

// nextStep makes the first waiting step the current one, and asks those who are to take it; without
// one the case is ready.
func nextStep(tx *Tx, number int64, now time.Time) error {
	var c Case
	var expires int64
	if err := tx.row(`SELECT CASE_KIND, TERMINAL_NUMBER, ORGANIZATION_NUMBER, AMOUNT, MASKED_PAN, EXPIRE_TIME FROM TX_BZ_CASE WHERE CASE_NUMBER=?`, []any{number}, &c.Kind, &c.Terminal, &c.Branch, &c.Amount, &c.PAN, &expires); err != nil {
		return found(err)
	}
	var name, by string
	var signers int
	err := found(tx.row(`SELECT STEP_NAME, STEP_ROLE, SIGNER_COUNT FROM TX_BZ_CASE_STEP WHERE CASE_NUMBER=? AND STEP_STATE='waiting' ORDER BY STEP_ORDER LIMIT 1`, []any{number}, &name, &by, &signers))
	if errors.Is(err, ErrNotFound) {
		_, err = tx.exec(setCase, CaseReady, ms(now), "", number, CaseOpen)
		return err
	}
	if err != nil {
		return err
	}
	if _, err := tx.exec(`UPDATE TX_BZ_CASE_STEP SET STEP_STATE='current', UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND STEP_NAME=?`, ms(now), number, name); err != nil || by == "terminal" {
		return err
	}
	_, err = tx.exec(`INSERT INTO PD_AP_APPROVAL (APPROVAL_NUMBER, TERMINAL_NUMBER, REQUEST_NUMBER, ORGANIZATION_NUMBER, APPROVAL_KIND, AMOUNT, MASKED_PAN, SESSION_NUMBER, APPROVAL_STATE,
 CREATE_TIME, UPDATE_TIME, EXPIRE_TIME, SIGNER_COUNT, APPROVER_ROLE, CASE_NUMBER, STEP_NAME) VALUES (?,?,?,?,?,?,?,'','pending',?,?,?,?,?,?,?)`,
		rand.Text(), c.Terminal, rand.Text(), c.Branch, c.Kind, c.Amount, c.PAN, ms(now), ms(now), expires, signers, by, number, name)
	return err
}

// decided carries the end of an approval into the case whose step it is, if it is one.
func decided(tx *Tx, approval, state, who, code, note string, now time.Time) error {
	var number int64
	var step string
	if err := tx.row(`SELECT CASE_NUMBER, STEP_NAME FROM PD_AP_APPROVAL WHERE APPROVAL_NUMBER=?`, []any{approval}, &number, &step); err != nil || number == 0 {
		return found(err)
	}
	if state != "approved" && state != "rejected" {
		return nil // the case's own end has ended it
	}
	// The case's row first: whoever ends the case in this moment comes before or behind.
	if n, err := tx.exec(`UPDATE TX_BZ_CASE SET UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND CASE_STATE='open'`, ms(now), number); err != nil || n == 0 {
		return errors.Join(err, stateUnless(n))
	}
	if state == "approved" {
		if n, err := tx.exec(setStep, StepDone, who, code, clip(note, maxNote), []byte(nil), ms(now), ms(now), clip(who, 30), number, step); err != nil || n == 0 {
			return errors.Join(err, stateUnless(n))
		}
		return nextStep(tx, number, now)
	}
	if n, err := tx.exec(setStep, StepRefused, who, code, clip(note, maxNote), []byte(nil), ms(now), ms(now), clip(who, 30), number, step); err != nil || n == 0 {
		return errors.Join(err, stateUnless(n))
	}
	_, err := tx.exec(setCase, CaseRefused, ms(now), clip(who, 30), number, CaseOpen)
	return err
}

func stateUnless(n int64) error {
	if n == 0 {
		return ErrState
	}
	return nil
}

// Case finds a case with its steps.
func (s *Store) Case(ctx context.Context, number int64) (*Case, error) {
	c, err := scanCase(s.row(ctx, selectCase+`WHERE CASE_NUMBER=?`, number))
	return s.withSteps(ctx, c, err)
}

// Cases lists the newest cases of a branch (all when empty), in one state or in any.
func (s *Store) Cases(ctx context.Context, branch, state string, limit int) ([]*Case, error) {
	w := &where{}
	if branch != "" {
		w.and("ORGANIZATION_NUMBER=?", branch)
	}
	if state != "" {
		w.and("CASE_STATE=?", state)
	}
	return list(ctx, s, scanCase, selectCase+w.text+` ORDER BY CASE_NUMBER DESC LIMIT ?`, append(w.args, limit)...)
}

// DoneStep is a terminal's step. ErrState: it is not that step's turn, or the case has ended.
func (s *Store) DoneStep(ctx context.Context, number int64, terminal, step string, sealed []byte, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		if err := openAt(tx, number, terminal, now); err != nil {
			return err
		}
		n, err := tx.exec(setStep+` AND STEP_ROLE='terminal'`, StepDone, terminal, "", "", sealed, ms(now), ms(now), "", number, step)
		if err != nil || n == 0 {
			return errors.Join(err, stateUnless(n))
		}
		return nextStep(tx, number, now)
	})
}

// openAt refuses a case that is not open at that terminal.
func openAt(tx *Tx, number int64, terminal string, now time.Time) error {
	n, err := tx.exec(`UPDATE TX_BZ_CASE SET UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND TERMINAL_NUMBER=? AND CASE_STATE='open' AND EXPIRE_TIME>?`, ms(now), number, terminal, ms(now))
	return errors.Join(err, stateUnless(n))
}

// MoveCase lets a case go on at another terminal of its branch. ErrState: it has ended.
func (s *Store) MoveCase(ctx context.Context, number int64, branch, terminal string, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		var from string
		if err := tx.row(`SELECT TERMINAL_NUMBER FROM TX_BZ_CASE WHERE CASE_NUMBER=?`, []any{number}, &from); err != nil {
			return found(err)
		}
		n, err := tx.exec(`UPDATE TX_BZ_CASE SET TERMINAL_NUMBER=?, REQUEST_NUMBER=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1
 WHERE CASE_NUMBER=? AND ORGANIZATION_NUMBER=? AND CASE_STATE IN ('open','ready') AND EXPIRE_TIME>?`, terminal, rand.Text(), ms(now), number, branch, ms(now))
		if err != nil || n == 0 {
			return errors.Join(err, stateUnless(n))
		}
		if err := addAudit(tx, Audit{User: terminal, Action: caseMove, Target: txnText(number), Note: from, At: now}); err != nil {
			return err
		}
		_, err = tx.exec(`UPDATE PD_AP_APPROVAL SET TERMINAL_NUMBER=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND APPROVAL_STATE='pending'`, terminal, ms(now), number)
		return err
	})
}

// caseMove is the line of the audit trail that says from which terminal a case went on elsewhere.
const caseMove = "case.move"

// CaseMoves lists the terminals that a case has left, the first one first.
func (s *Store) CaseMoves(ctx context.Context, number int64) ([]string, error) {
	return s.AuditNotes(ctx, caseMove, txnText(number))
}

// EndCase withdraws or expires a case that is open or ready, with the question that is pending for it.
func (s *Store) EndCase(ctx context.Context, number int64, state, by string, now time.Time) error {
	approval := "cancelled"
	if state == CaseExpired {
		approval = "expired"
	}
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE TX_BZ_CASE SET CASE_STATE=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND CASE_STATE IN ('open','ready')`, state, ms(now), clip(by, 30), number)
		if err != nil || n == 0 {
			return errors.Join(err, stateUnless(n))
		}
		_, err = tx.exec(`UPDATE PD_AP_APPROVAL SET APPROVAL_STATE=?, DECIDE_TIME=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE CASE_NUMBER=? AND APPROVAL_STATE='pending'`, approval, ms(now), ms(now), number)
		return err
	})
}

// ExpireCases ends what is past its time and returns the numbers.
func (s *Store) ExpireCases(ctx context.Context, now time.Time) (done []int64, err error) {
	late, err := list(ctx, s, func(r scanner) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT CASE_NUMBER FROM TX_BZ_CASE WHERE CASE_STATE IN ('open','ready') AND EXPIRE_TIME<=?`, ms(now))
	for _, n := range late {
		if s.EndCase(ctx, n, CaseExpired, "", now) == nil {
			done = append(done, n)
		}
	}
	return done, err
}

// ReadyCase finds the case that a transaction may take: of one kind, terminal, masked card number and
// amount, bound to what it carries. ErrNotFound: there is none.
func (s *Store) ReadyCase(ctx context.Context, kind, terminal, pan string, amount int64, bound string, now time.Time) (number int64, err error) {
	err = s.row(ctx, `SELECT CASE_NUMBER FROM TX_BZ_CASE WHERE TERMINAL_NUMBER=? AND CASE_STATE='ready' AND CASE_KIND=? AND MASKED_PAN=? AND AMOUNT=? AND BOUND_DIGEST=? AND EXPIRE_TIME>?
 ORDER BY CASE_NUMBER LIMIT 1`, terminal, kind, pan, amount, bound, ms(now)).Scan(&number)
	return number, found(err)
}
