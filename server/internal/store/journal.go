package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// State of a transaction. The numbers are stored.
type State uint8

// States of a transaction, see server/internal/trade for the arrows between them.
const (
	Intent          State = 1  // durable, may have been sent
	Declined        State = 2  // final
	Unknown         State = 3  // no usable answer; a money transaction goes on to ReversalPending
	Approved        State = 4  // the host has booked it, the terminal has not confirmed
	ReversalPending State = 5  // a reversal is stored and repeated until acknowledged
	Reversed        State = 6  // final: the host has taken it back (wholly, or the unpaid part)
	ReversalAbsent  State = 7  // final: the host does not know the original
	ReversalStuck   State = 8  // the host refuses the reversal: a person must decide
	Confirmed       State = 9  // final: the terminal has paid
	Suspense        State = 10 // approved, unconfirmed for too long
	NotSent         State = 11 // final: never left this server
	Voided          State = 12 // final: reversed by the terminal before it ever arrived
	ClosedByHand    State = 13 // final: closed by two persons
	CreditPending   State = 14 // a deposit's notes are in the box: the credit is stored and told to the host until it answers
)

var stateNames = [...]string{"", "INTENT", "DECLINED", "UNKNOWN", "APPROVED", "REVERSAL_PENDING", "REVERSED",
	"REVERSAL_NOT_FOUND", "REVERSAL_STUCK", "CONFIRMED", "SUSPENSE", "NOT_SENT", "VOIDED", "CLOSED_BY_HAND", "CREDIT_PENDING"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("STATE_%d", uint8(s))
}

// ParseState is the inverse of String; 0 when the name is unknown.
func ParseState(name string) State {
	for i, n := range stateNames {
		if i > 0 && n == name {
			return State(i)
		}
	}
	return 0
}

// Txn is one transaction. Request and Answer are sealed by the caller.
type Txn struct {
	ID        int64
	Idem      string // terminal number, '|', the rest of the idempotency key
	Digest    []byte
	Terminal  string
	Channel   string // by which it came
	Host      string // to which it went; its reversal goes there too
	Kind      string
	Batch     string
	STAN      string
	Amount    int64 // minor units
	State     State
	RC        string
	HostSTAN  string
	HostTime  string // F7
	Reference string
	Auth      string
	PANMasked string
	PANIndex  []byte
	Request   []byte
	Answer    []byte
	Paid      sql.NullInt64
	Note      string
	Created   time.Time
	Updated   time.Time
}

const insertTxn = `INSERT INTO txn (id, idem, digest, terminal, channel, host, kind, batch, stan, amount, state, rc, host_stan, host_time,
 reference, pan_masked, pan_index, request, answer, note, created, updated) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (idem) DO NOTHING`

// Insert stores a new transaction durably. fresh is false, and nothing is written, when one
// with the same Idem exists.
func (s *Store) Insert(ctx context.Context, t *Txn) (fresh bool, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(insertTxn, t.ID, t.Idem, t.Digest, t.Terminal, t.Channel, t.Host, t.Kind, t.Batch, t.STAN, t.Amount, int64(t.State), t.RC,
			t.HostSTAN, t.HostTime, t.Reference, t.PANMasked, t.PANIndex, t.Request, t.Answer, t.Note, ms(t.Created), ms(t.Updated))
		fresh = n == 1
		return err
	})
	return fresh, err
}

// Outcome is what the end of a transaction adds to it.
type Outcome struct {
	State    State
	RC       string
	Auth     string
	Answer   []byte // sealed answers; nil keeps
	Note     string
	At       time.Time
	Reversal *Reversal // stored in the same commit
}

// Finish moves transaction id from one of the states from to o.State. ErrState when it is
// in none of them.
func (s *Store) Finish(ctx context.Context, id int64, o *Outcome, from ...State) error {
	return s.write(ctx, func(tx *Tx) error { return finish(tx, id, o, from) })
}

func finish(tx *Tx, id int64, o *Outcome, from []State) error {
	var a, b, c State // SQL takes three at most
	for i, p := range []*State{&a, &b, &c} {
		if i < len(from) {
			*p = from[i]
		} else {
			*p = from[0]
		}
	}
	n, err := tx.exec(`UPDATE txn SET state=?, rc=CASE WHEN ?='' THEN rc ELSE ? END, auth=CASE WHEN ?='' THEN auth ELSE ? END,
 answer=COALESCE(?, answer), note=CASE WHEN ?='' THEN note ELSE ? END, updated=? WHERE id=? AND (state=? OR state=? OR state=?)`, // IN would build a temporary table each time

		int64(o.State), o.RC, o.RC, o.Auth, o.Auth, o.Answer, o.Note, o.Note, ms(o.At), id, int64(a), int64(b), int64(c))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrState
	}
	if o.Reversal != nil {
		if err := insertReversal(tx, o.Reversal); err != nil {
			return err
		}
	}
	if o.State == Approved || o.State == Declined {
		return nil // the row itself tells it; saves the hot path a write
	}
	_, err = tx.exec(`INSERT INTO txn_event (txn, at, state, note) VALUES (?,?,?,?)`, id, ms(o.At), int64(o.State), o.Note)
	return err
}

const selectTxn = `SELECT id, idem, digest, terminal, channel, host, kind, batch, stan, amount, state, rc, host_stan, host_time, reference, auth,
 pan_masked, pan_index, request, answer, paid, note, created, updated FROM txn `

func scanTxn(r interface{ Scan(...any) error }) (*Txn, error) {
	t := &Txn{}
	var c, u int64
	err := r.Scan(&t.ID, &t.Idem, &t.Digest, &t.Terminal, &t.Channel, &t.Host, &t.Kind, &t.Batch, &t.STAN, &t.Amount, &t.State, &t.RC, &t.HostSTAN, &t.HostTime,
		&t.Reference, &t.Auth, &t.PANMasked, &t.PANIndex, &t.Request, &t.Answer, &t.Paid, &t.Note, &c, &u)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	t.Created, t.Updated = fromMS(c), fromMS(u)
	return t, err
}

// ByIdem finds a transaction by its idempotency key.
func (s *Store) ByIdem(ctx context.Context, idem string) (*Txn, error) {
	return scanTxn(s.read.QueryRowContext(ctx, selectTxn+`WHERE idem=?`, idem))
}

// ByID finds a transaction by its id.
func (s *Store) ByID(ctx context.Context, id int64) (*Txn, error) {
	return scanTxn(s.read.QueryRowContext(ctx, selectTxn+`WHERE id=?`, id))
}

// ByOriginal finds the transaction a confirmation or reversal of a terminal means.
func (s *Store) ByOriginal(ctx context.Context, terminal, batch, stan string) (*Txn, error) {
	return scanTxn(s.read.QueryRowContext(ctx, selectTxn+`WHERE idem>=? AND idem<? AND batch=? AND stan=? ORDER BY id DESC LIMIT 1`,
		terminal+"|", terminal+"}", batch, stan))
}

// InState lists transactions in a state, oldest first, created before a time.
func (s *Store) InState(ctx context.Context, st State, before time.Time, limit int) ([]*Txn, error) {
	rows, err := s.read.QueryContext(ctx, selectTxn+`WHERE state=? AND (state = 1 OR state = 3 OR state = 4 OR state = 5 OR state = 10) AND created<? ORDER BY id LIMIT ?`, int64(st), ms(before), limit)
	if err != nil {
		return nil, err
	}
	return collect(rows)
}

func collect(rows *sql.Rows) ([]*Txn, error) {
	defer rows.Close() //nolint:errcheck // reading
	var out []*Txn
	for rows.Next() {
		t, err := scanTxn(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// Credit records what a terminal has taken in for a deposit, with the message that tells the
// host; paid 0 ends the deposit, as nothing was put in.
func (s *Store) Credit(ctx context.Context, id, paid int64, at time.Time, r *Reversal) error {
	return s.write(ctx, func(tx *Tx) error {
		o := &Outcome{State: CreditPending, At: at, Note: "the notes are in the terminal's cash box", Reversal: r}
		if r == nil {
			o.State, o.Note = Voided, "nothing was put in"
		}
		if err := finish(tx, id, o, []State{Approved, Suspense}); err != nil {
			return err
		}
		_, err := tx.exec(`UPDATE txn SET amount=?, paid=? WHERE id=?`, paid, paid, id)
		return err
	})
}

// Confirm records what a terminal has paid. With r set the unpaid part is reversed in the
// same commit.
func (s *Store) Confirm(ctx context.Context, id, paid int64, at time.Time, r *Reversal) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE txn SET paid=? WHERE id=? AND state IN (4,10)`, paid, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrState
		}
		o := &Outcome{State: Confirmed, At: at, Note: "confirmed by the terminal", Reversal: r}
		if r != nil {
			o.State, o.Note = ReversalPending, "paid in part"
		}
		return finish(tx, id, o, []State{Approved, Suspense})
	})
}

func txnText(id int64) string { return strconv.FormatInt(id, 10) }
