package store

import (
	"context"
	"time"
)

// Search selects transactions; zero values select all.
type Search struct {
	Terminal, Branch, Reference string
	PANIndex                    []byte
	From, To                    time.Time
	State                       State
	AmountMin, AmountMax        int64
	Offset, Limit               int
}

// matching is the condition of a search.
func (s *Store) matching(q Search) *where {
	w := &where{}
	if q.Terminal != "" {
		w = s.ofTerminal(q.Terminal)
	}
	if q.Branch != "" {
		w.and("TERMINAL_NUMBER IN (SELECT TERMINAL_NUMBER FROM FL_TM_TERMINAL WHERE ORGANIZATION_NUMBER=?)", q.Branch)
	}
	if q.Reference != "" {
		w.and("REFERENCE_NUMBER=?", q.Reference)
	}
	if q.PANIndex != nil {
		w.and("PAN_INDEX=?", q.PANIndex)
	}
	if !q.From.IsZero() {
		w.and("CREATE_TIME>=?", ms(q.From))
	}
	if !q.To.IsZero() {
		w.and("CREATE_TIME<?", ms(q.To))
	}
	if q.State != 0 {
		w.and("TRANS_STATE=?", int64(q.State))
	}
	if q.AmountMin > 0 {
		w.and("AMOUNT>=?", q.AmountMin)
	}
	if q.AmountMax > 0 {
		w.and("AMOUNT<=?", q.AmountMax)
	}
	return w
}

// Search lists transactions, newest first, and the number that match (counted up to 10,000).
func (s *Store) Search(ctx context.Context, q Search) ([]*Txn, int, error) {
	w := s.matching(q)
	var n int
	if err := s.row(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM TX_ON_JOURNAL `+w.text+` LIMIT 10000) x`, w.args...).Scan(&n); err != nil {
		return nil, 0, err
	}
	out, err := list(ctx, s, scanTxn, selectTxn+w.text+` ORDER BY JOURNAL_NUMBER DESC LIMIT ? OFFSET ?`, append(w.args, q.Limit, q.Offset)...)
	return out, n, err
}

// Event is one step of a transaction after its first outcome.
type Event struct {
	At    time.Time
	State State
	Note  string
}

// Events lists the steps of a transaction.
func (s *Store) Events(ctx context.Context, txn int64) ([]Event, error) {
	return list(ctx, s, func(r scanner) (e Event, err error) {
		var at int64
		err = r.Scan(&at, &e.State, &e.Note)
		e.At = fromMS(at)
		return e, err
	}, `SELECT CREATE_TIME, TRANS_STATE, NOTE FROM TX_ON_EVENT WHERE JOURNAL_NUMBER=? ORDER BY CREATE_TIME, ID`, txn)
}

// CloseByHand is the two-person action on a SUSPENSE or REVERSAL_STUCK transaction: the first
// call proposes, the call of another user closes. closed tells which it was; ErrState when
// the transaction is in another state or the same user calls twice.
func (s *Store) CloseByHand(ctx context.Context, txn int64, user, note string, now time.Time) (closed bool, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		closed = false
		var st State
		if err := tx.row(`SELECT TRANS_STATE FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER=?`, []any{txn}, &st); err != nil {
			return found(err)
		}
		if st != Suspense && st != ReversalStuck {
			return ErrState
		}
		n, err := tx.exec(`INSERT INTO TX_ON_CLOSING (JOURNAL_NUMBER, ACTION, FIRST_USER, NOTE, UPDATE_BY, CREATE_TIME, UPDATE_TIME) VALUES (?, 'close', ?, ?, ?, ?, ?)
 ON CONFLICT (JOURNAL_NUMBER) DO NOTHING`, txn, user, clip(note, maxNote), clip(user, 30), ms(now), ms(now))
		if err != nil {
			return err
		}
		if err := addAudit(tx, Audit{User: user, Action: "transaction.close", Target: txnText(txn), Note: note, At: now}); err != nil {
			return err
		}
		if n == 1 {
			return nil
		}
		var first string
		if err := tx.row(`SELECT FIRST_USER FROM TX_ON_CLOSING WHERE JOURNAL_NUMBER=?`, []any{txn}, &first); err != nil {
			return err
		}
		if first == user {
			return ErrState
		}
		closed = true
		if _, err := tx.exec(`UPDATE TX_ON_JOURNAL SET UPDATE_BY=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=?`, clip(user, 30), ms(now), txn); err != nil {
			return err
		}
		return finish(tx, txn, &Outcome{State: ClosedByHand, At: now, Note: "closed by " + first + " and " + user + ": " + note}, []State{Suspense, ReversalStuck})
	})
	return closed && err == nil, err
}
