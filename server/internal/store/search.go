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

// where is the condition of a search, with its values.
func (q Search) where() (where string, args []any) {
	where = `WHERE 1=1`
	add := func(cond string, v ...any) {
		where += " AND " + cond
		args = append(args, v...)
	}
	if q.Terminal != "" {
		add("idem>=? AND idem<?", q.Terminal+"|", q.Terminal+"}")
	}
	if q.Branch != "" {
		add("terminal IN (SELECT id FROM terminal WHERE branch=?)", q.Branch)
	}
	if q.Reference != "" {
		add("reference=?", q.Reference)
	}
	if q.PANIndex != nil {
		add("pan_index=?", q.PANIndex)
	}
	if !q.From.IsZero() {
		add("created>=?", ms(q.From))
	}
	if !q.To.IsZero() {
		add("created<?", ms(q.To))
	}
	if q.State != 0 {
		add("state=?", int64(q.State))
	}
	if q.AmountMin > 0 {
		add("amount>=?", q.AmountMin)
	}
	if q.AmountMax > 0 {
		add("amount<=?", q.AmountMax)
	}
	return where, args
}

// Search lists transactions, newest first, and the number that match (counted up to 10,000).
func (s *Store) Search(ctx context.Context, q Search) ([]*Txn, int, error) {
	where, args := q.where()
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM txn `+where+` LIMIT 10000)`, args...).Scan(&n); err != nil {
		return nil, 0, err
	}
	rows, err := s.read.QueryContext(ctx, selectTxn+where+` ORDER BY id DESC LIMIT ? OFFSET ?`, append(args, q.Limit, q.Offset)...)
	if err != nil {
		return nil, 0, err
	}
	out, err := collect(rows)
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
	rows, err := s.read.QueryContext(ctx, `SELECT at, state, note FROM txn_event WHERE txn=? ORDER BY at, rowid`, txn)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []Event
	for rows.Next() {
		var e Event
		var at int64
		if err := rows.Scan(&at, &e.State, &e.Note); err != nil {
			return nil, err
		}
		e.At = fromMS(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

// CloseByHand is the two-person action on a SUSPENSE or REVERSAL_STUCK transaction: the first
// call proposes, the call of another user closes. closed tells which it was; ErrState when
// the transaction is in another state or the same user calls twice.
func (s *Store) CloseByHand(ctx context.Context, txn int64, user, note string, now time.Time) (closed bool, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		closed = false
		var st State
		if err := tx.row(`SELECT state FROM txn WHERE id=?`, []any{txn}, &st); err != nil {
			return ErrNotFound
		}
		if st != Suspense && st != ReversalStuck {
			return ErrState
		}
		n, err := tx.exec(`INSERT INTO two_person (txn, action, first_user, note, created) VALUES (?, 'close', ?, ?, ?) ON CONFLICT (txn) DO NOTHING`, txn, user, note, ms(now))
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
		if err := tx.row(`SELECT first_user FROM two_person WHERE txn=?`, []any{txn}, &first); err != nil {
			return err
		}
		if first == user {
			return ErrState
		}
		closed = true
		return finish(tx, txn, &Outcome{State: ClosedByHand, At: now, Note: "closed by " + first + " and " + user + ": " + note}, []State{Suspense, ReversalStuck})
	})
	return closed && err == nil, err
}
