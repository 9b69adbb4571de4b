package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Reversal is what the host must still be told of a transaction: that it is taken back, or,
// for a deposit, that it is credited.
type Reversal struct {
	Txn      int64
	Terminal string
	Host     string // that of the transaction
	State    ReversalState
	Reason   string        // field 39 of the terminal, or 98
	Paid     sql.NullInt64 // set: only the rest is taken back
	STAN     string        // own F11 towards the host
	Time     string        // own F7
	Attempts int
	NotFound int // answers 25 so far
	RC       string
	Created  time.Time
	Next     time.Time
	Credit   bool // of a deposit: Paid is what the customer gets
	Node     int  // number of the server that sends it
}

// CreditReason is the Reason of a credit.
const CreditReason = "DP"

// ReversalState is the state of a reversal.
type ReversalState uint8

// States of a reversal.
const (
	RevPending ReversalState = iota
	RevDone
	RevAbsent
	RevStuck
)

func insertReversal(tx *Tx, r *Reversal) error {
	_, err := tx.exec(`INSERT INTO TX_ON_REVERSAL (JOURNAL_NUMBER, TERMINAL_NUMBER, HOST_NAME, REVERSAL_STATE, REASON_CODE, PAID_AMOUNT, HOST_TRACE_NUMBER, HOST_TIME, CREATE_TIME, NEXT_TIME, UPDATE_TIME, NODE_NUMBER)
 VALUES (?,?,?,0,?,?,?,?,?,?,?,?) ON CONFLICT (JOURNAL_NUMBER) DO NOTHING`,
		r.Txn, r.Terminal, r.Host, r.Reason, r.Paid, r.STAN, r.Time, ms(r.Created), ms(r.Next), ms(r.Created), r.Node)
	if err == nil && r.Paid.Valid {
		_, err = tx.exec(`UPDATE TX_ON_JOURNAL SET PAID_AMOUNT=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=?`, r.Paid.Int64, ms(r.Created), r.Txn)
	}
	return err
}

const selectReversal = `SELECT JOURNAL_NUMBER, TERMINAL_NUMBER, HOST_NAME, REVERSAL_STATE, REASON_CODE, PAID_AMOUNT, HOST_TRACE_NUMBER, HOST_TIME, ATTEMPT_COUNT, ABSENT_COUNT, RESPONSE_CODE,
 CREATE_TIME, NEXT_TIME, NODE_NUMBER FROM TX_ON_REVERSAL `

func scanReversal(r scanner) (*Reversal, error) {
	v := &Reversal{}
	var c, n int64
	if err := r.Scan(&v.Txn, &v.Terminal, &v.Host, &v.State, &v.Reason, &v.Paid, &v.STAN, &v.Time, &v.Attempts, &v.NotFound, &v.RC, &c, &n, &v.Node); err != nil {
		return nil, found(err)
	}
	v.Created, v.Next, v.Credit = fromMS(c), fromMS(n), v.Reason == CreditReason
	return v, nil
}

// ReversalOf returns the reversal of a transaction, ErrNotFound when there is none.
func (s *Store) ReversalOf(ctx context.Context, txn int64) (*Reversal, error) {
	return scanReversal(s.row(ctx, selectReversal+`WHERE JOURNAL_NUMBER=?`, txn))
}

// PendingReversals lists all that must still be sent, oldest first, but for those of other servers
// that send them themselves.
func (s *Store) PendingReversals(ctx context.Context, others ...int) ([]*Reversal, error) {
	return list(ctx, s, scanReversal, selectReversal+`WHERE REVERSAL_STATE=0 AND `+notIn("NODE_NUMBER", others)+` ORDER BY JOURNAL_NUMBER`)
}

// ClaimReversal gives a pending reversal to the server node; ErrState: another has it now, or it has ended.
func (s *Store) ClaimReversal(ctx context.Context, r *Reversal, node int, at time.Time) error {
	err := s.write(ctx, func(tx *Tx) error {
		return one(tx.exec(`UPDATE TX_ON_REVERSAL SET NODE_NUMBER=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=? AND REVERSAL_STATE=0 AND NODE_NUMBER=?`, node, ms(at), r.Txn, r.Node))
	})
	if err == nil {
		r.Node = node
	}
	return err
}

// one is ErrState when no row was changed.
func one(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrState
	}
	return err
}

// ErrTurn: the host must be told something older of the same terminal first, by another server.
var ErrTurn = errors.New("store: an older one of the terminal is not sent yet")

// Attempt records, before the send, that a reversal is sent once more. ErrState: it has ended, or is
// another server's. shared: other servers may have older ones of the same terminal, which go first (ErrTurn).
func (s *Store) Attempt(ctx context.Context, r *Reversal, next, at time.Time, shared bool) error {
	return s.write(ctx, func(tx *Tx) error {
		if shared {
			var n int
			if err := tx.row(`SELECT COUNT(*) FROM TX_ON_REVERSAL WHERE REVERSAL_STATE=0 AND TERMINAL_NUMBER=? AND HOST_NAME=? AND JOURNAL_NUMBER<?`, []any{r.Terminal, r.Host, r.Txn}, &n); err != nil {
				return err
			}
			if n > 0 {
				return ErrTurn
			}
		}
		return one(tx.exec(`UPDATE TX_ON_REVERSAL SET ATTEMPT_COUNT=ATTEMPT_COUNT+1, NEXT_TIME=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=? AND REVERSAL_STATE=0 AND NODE_NUMBER=?`,
			ms(next), ms(at), r.Txn, r.Node))
	})
}

// Retry records an answer that does not end a reversal.
func (s *Store) Retry(ctx context.Context, r *Reversal, rc string, notFound int, next, at time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`UPDATE TX_ON_REVERSAL SET RESPONSE_CODE=?, ABSENT_COUNT=?, NEXT_TIME=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=? AND REVERSAL_STATE=0`, rc, notFound, ms(next), ms(at), r.Txn)
		return err
	})
}

// EndReversal ends a reversal and its transaction in one commit.
func (s *Store) EndReversal(ctx context.Context, r *Reversal, st ReversalState, rc string, at time.Time) error {
	end := map[ReversalState]State{RevDone: Reversed, RevAbsent: ReversalAbsent, RevStuck: ReversalStuck}[st]
	if st == RevDone && r.Paid.Valid {
		end = Confirmed
	}
	note := "reversal answered " + rc
	if r.Credit {
		note = "credit answered " + rc
		if st != RevDone {
			end = Suspense
		}
	}
	return s.write(ctx, func(tx *Tx) error {
		err := one(tx.exec(`UPDATE TX_ON_REVERSAL SET REVERSAL_STATE=?, RESPONSE_CODE=?, ABSENT_COUNT=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=? AND REVERSAL_STATE=0`, int64(st), rc, r.NotFound, ms(at), r.Txn))
		if errors.Is(err, ErrState) {
			return nil // it has ended already
		}
		if err != nil {
			return err
		}
		err = finish(tx, r.Txn, &Outcome{State: end, At: at, Note: note}, []State{ReversalPending, CreditPending})
		if errors.Is(err, ErrState) {
			return nil
		}
		if err == nil && st == RevDone && r.Paid.Valid && !r.Credit {
			err = giveBackRest(tx, r.Txn, r.Paid.Int64, at)
		}
		return err
	})
}

// Reserve takes n numbers of a durable sequence and returns the first; after a crash numbers
// are skipped, never given twice.
func (s *Store) Reserve(ctx context.Context, name string, n int64) (first int64, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`INSERT INTO SY_NO_SEQUENCE (SEQUENCE_NAME, LAST_NUMBER) VALUES (?, 0) ON CONFLICT (SEQUENCE_NAME) DO NOTHING`, name); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE SY_NO_SEQUENCE SET LAST_NUMBER=LAST_NUMBER+?, UPDATE_TIME=? WHERE SEQUENCE_NAME=?`, n, ms(time.Now()), name); err != nil {
			return err
		}
		var v int64
		if err := tx.row(`SELECT LAST_NUMBER FROM SY_NO_SEQUENCE WHERE SEQUENCE_NAME=?`, []any{name}, &v); err != nil {
			return err
		}
		first = v - n + 1
		return nil
	})
	return first, err
}
