package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/server/internal/store/schema"
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
	Branch    string
	Merchant  string // who is paid at that time: the product's third party, or the merchant of the terminal
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
	Day       string // settlement day, yyyyMMdd
	Created   time.Time
	Updated   time.Time
}

const (
	insertKey = `INSERT INTO TX_ON_KEY (IDEMPOTENCY_KEY, JOURNAL_NUMBER) VALUES (?,?) ON CONFLICT (IDEMPOTENCY_KEY) DO NOTHING`
	insertTxn = `INSERT INTO TX_ON_JOURNAL (JOURNAL_NUMBER, IDEMPOTENCY_KEY, REQUEST_DIGEST, TERMINAL_NUMBER, ORGANIZATION_NUMBER, CHANNEL_NAME, HOST_NAME, TRANS_KIND, BATCH_NUMBER, TRACE_NUMBER,
 AMOUNT, TRANS_STATE, RESPONSE_CODE, HOST_TRACE_NUMBER, HOST_TIME, REFERENCE_NUMBER, MASKED_PAN, PAN_INDEX, REQUEST_SEALED, ANSWER_SEALED, NOTE, SETTLE_DATE, MERCHANT_NUMBER, CREATE_TIME, UPDATE_TIME, SEARCH_STATE)
 VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
)

// insertTxnOnce inserts nothing when the unique index has the key. The index cannot say so itself, as it does not take the new row in yet;
// NULL for a column that has none is what OR IGNORE passes over.
var insertTxnOnce = strings.Replace(strings.Replace(insertTxn, "INSERT", "INSERT OR IGNORE", 1), "VALUES (?,?,",
	"VALUES (?1, CASE WHEN EXISTS (SELECT 1 FROM TX_ON_JOURNAL WHERE IDEMPOTENCY_KEY=?2 AND "+schema.Searchable+") THEN NULL ELSE ?2 END, ", 1)

// Insert stores a new transaction durably. fresh is false, and nothing is written, when one
// with the same Idem exists.
func (s *Store) Insert(ctx context.Context, t *Txn) (fresh bool, err error) {
	fresh, _, err = s.InsertWithin(ctx, t, nil)
	return fresh, err
}

// InsertWithin is Insert for a transaction that takes a share of limits: all are taken with it, or, when
// one would be exceeded, over names that limit and nothing is written. A repeat takes nothing.
func (s *Store) InsertWithin(ctx context.Context, t *Txn, claims []Claim) (fresh bool, over string, err error) {
	if s.tool {
		return false, "", errors.New("store: opened beside the process that takes transactions")
	}
	args := argsOf(t)
	var rs []rows
	if s.d.keyed() && len(claims) == 0 {
		rs = []rows{{bulkKey, []any{t.Idem, t.ID}}, {bulkTxn, args}}
	}
	err = s.writeRows(ctx, func(tx *Tx) (err error) {
		fresh, over = false, ""
		if len(claims) > 0 {
			if over, err = exceeded(tx, claims); over != "" || err != nil {
				return err
			}
		}
		if tx.d.keyed() {
			fresh, err = insertKeyed(tx, t, args)
		} else {
			fresh, err = s.insertOnce(tx, t, args)
		}
		if fresh && err == nil && len(claims) > 0 {
			over, err = take(tx, t, claims)
		}
		return err
	}, func() { fresh = true }, rs...)
	if errors.Is(err, errOver) {
		return false, over, nil
	}
	if fresh && err == nil && args[len(args)-1] == int64(0) {
		s.index.behind.Add(1)
	}
	return fresh && err == nil, over, err
}

// argsOf are the arguments of insertTxn; the last one is SEARCH_STATE.
func argsOf(t *Txn) []any {
	return []any{t.ID, t.Idem, t.Digest, t.Terminal, t.Branch, t.Channel, t.Host, t.Kind, t.Batch, t.STAN, t.Amount, int64(t.State), t.RC,
		t.HostSTAN, t.HostTime, t.Reference, t.PANMasked, t.PANIndex, t.Request, t.Answer, clip(t.Note, maxNote), t.Day, t.Merchant, ms(t.Created), ms(t.Updated), int64(0)}
}

func insertKeyed(tx *Tx, t *Txn, args []any) (fresh bool, err error) {
	if n, err := tx.exec(insertKey, t.Idem, t.ID); n != 1 || err != nil {
		return false, err
	}
	n, err := tx.exec(insertTxn, args...)
	return n == 1, err
}

// insertOnce is insertKeyed on SQLite, where recent and the unique index are the arbiter.
func (s *Store) insertOnce(tx *Tx, t *Txn, args []any) (fresh bool, err error) {
	if _, there := s.w.recent.number(t.Idem); there {
		return false, nil
	}
	searchable := s.searchable(t.ID)
	args[len(args)-1] = searchable
	n, err := tx.exec(insertTxnOnce, args...)
	switch {
	case err != nil:
	case n == 1 && searchable == 0:
		s.w.recent.add(t.Idem, t.ID)
		tx.taken = append(tx.taken, t.Idem)
	case n == 0: // passed over: for its key, or is the row wrong?
		err = tx.row(`SELECT COUNT(*) FROM TX_ON_JOURNAL WHERE IDEMPOTENCY_KEY=? AND `+schema.Searchable, []any{t.Idem}, &n)
		if err == nil && n == 0 {
			err = fmt.Errorf("store: transaction %d is not taken: its number is another's, or a column is missing", t.ID)
		}
		return false, err
	}
	return n == 1, err
}

// maxNote is the length of NOTE columns.
const maxNote = 700

// Outcome is what the end of a transaction adds to it.
type Outcome struct {
	State    State
	RC       string
	Auth     string
	Answer   []byte // sealed answers; nil keeps
	Note     string
	Day      string // settlement day that the host has named; empty keeps
	At       time.Time
	Reversal *Reversal // stored in the same commit
}

// Finish moves transaction id from one of the states from to o.State. ErrState when it is
// in none of them.
func (s *Store) Finish(ctx context.Context, id int64, o *Outcome, from ...State) error {
	var rs []rows
	if s.d.keyed() && o.State == Approved && o.Answer != nil && o.Note == "" && o.Reversal == nil {
		a, b, c := three(from)
		rs = []rows{{bulkFinish, []any{id, int64(o.State), o.RC, o.Auth, o.Day, ms(o.At), o.Answer, int64(a), int64(b), int64(c)}}}
	}
	return s.writeRows(ctx, func(tx *Tx) error { return finish(tx, id, o, from) }, func() {}, rs...)
}

// three are the states from, of which there are three at most.
func three(from []State) (a, b, c State) {
	for i, p := range []*State{&a, &b, &c} {
		if i < len(from) {
			*p = from[i]
		} else {
			*p = from[0]
		}
	}
	return a, b, c
}

const (
	finishSet = `UPDATE TX_ON_JOURNAL SET TRANS_STATE=?, RESPONSE_CODE=COALESCE(NULLIF(?,''), RESPONSE_CODE), AUTHORIZATION_CODE=COALESCE(NULLIF(?,''), AUTHORIZATION_CODE),
 NOTE=COALESCE(NULLIF(?,''), NOTE), SETTLE_DATE=COALESCE(NULLIF(?,''), SETTLE_DATE), UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1`
	finishWhere  = ` WHERE JOURNAL_NUMBER=? AND (TRANS_STATE=? OR TRANS_STATE=? OR TRANS_STATE=?)`
	finishTxn    = finishSet + finishWhere
	finishAnswer = finishSet + `, ANSWER_SEALED=?` + finishWhere
)

func finish(tx *Tx, id int64, o *Outcome, from []State) error {
	a, b, c := three(from)
	q := finishTxn // IN would build a temporary table each time
	args := []any{int64(o.State), o.RC, o.Auth, clip(o.Note, maxNote), o.Day, ms(o.At)}
	if o.Answer != nil {
		q, args = finishAnswer, append(args, o.Answer)
	}
	n, err := tx.exec(q, append(args, id, int64(a), int64(b), int64(c))...)
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
	if o.State == Declined || o.State == NotSent || o.State == Reversed || o.State == ReversalAbsent || o.State == Voided {
		if err := giveBack(tx, id, o.At); err != nil {
			return err
		}
	}
	if first := len(from) == 1 && from[0] == Intent; o.State == Approved || o.State == Declined || first && o.State == Confirmed {
		return nil // the row itself tells it; saves the hot path a write
	}
	_, err = tx.exec(`INSERT INTO TX_ON_EVENT (JOURNAL_NUMBER, CREATE_TIME, UPDATE_TIME, TRANS_STATE, NOTE) VALUES (?,?,?,?,?)`, id, ms(o.At), ms(o.At), int64(o.State), clip(o.Note, maxNote))
	return err
}

const txnColumns = `JOURNAL_NUMBER, IDEMPOTENCY_KEY, REQUEST_DIGEST, TERMINAL_NUMBER, ORGANIZATION_NUMBER, CHANNEL_NAME, HOST_NAME, TRANS_KIND, BATCH_NUMBER, TRACE_NUMBER, AMOUNT, TRANS_STATE,
 RESPONSE_CODE, HOST_TRACE_NUMBER, HOST_TIME, REFERENCE_NUMBER, AUTHORIZATION_CODE, MASKED_PAN, PAN_INDEX, REQUEST_SEALED, ANSWER_SEALED, PAID_AMOUNT, NOTE, SETTLE_DATE, MERCHANT_NUMBER, CREATE_TIME, UPDATE_TIME
`

const selectTxn = `SELECT ` + txnColumns + ` FROM TX_ON_JOURNAL `

func scanTxn(r scanner) (*Txn, error) {
	t := &Txn{}
	var c, u int64
	err := r.Scan(&t.ID, &t.Idem, &t.Digest, &t.Terminal, &t.Branch, &t.Channel, &t.Host, &t.Kind, &t.Batch, &t.STAN, &t.Amount, &t.State, &t.RC, &t.HostSTAN, &t.HostTime,
		&t.Reference, &t.Auth, &t.PANMasked, &t.PANIndex, &t.Request, &t.Answer, &t.Paid, &t.Note, &t.Day, &t.Merchant, &c, &u)
	if err != nil {
		return nil, found(err)
	}
	t.Created, t.Updated = fromMS(c), fromMS(u)
	return t, nil
}

// ByIdem finds a transaction by its idempotency key.
func (s *Store) ByIdem(ctx context.Context, idem string) (*Txn, error) {
	id, ok := s.w.recent.number(idem)
	switch {
	case ok:
		return s.ByID(ctx, id)
	case !s.d.keyed():
		return scanTxn(s.row(ctx, selectTxn+`WHERE IDEMPOTENCY_KEY=? AND `+schema.Searchable, idem))
	}
	if err := s.row(ctx, `SELECT JOURNAL_NUMBER FROM TX_ON_KEY WHERE IDEMPOTENCY_KEY=?`, idem).Scan(&id); err != nil {
		return nil, found(err)
	}
	return s.ByID(ctx, id)
}

// ByID finds a transaction by its id, in the archives, too.
func (s *Store) ByID(ctx context.Context, id int64) (*Txn, error) {
	t, err := scanTxn(s.row(ctx, selectTxn+`WHERE JOURNAL_NUMBER=?`, id))
	if errors.Is(err, ErrNotFound) {
		t, _, err = s.archived(ctx, id)
	}
	return t, err
}

// ByOriginal finds the transaction a confirmation or reversal of a terminal means.
func (s *Store) ByOriginal(ctx context.Context, terminal, batch, stan string) (*Txn, error) {
	w := &where{}
	w.and("TERMINAL_NUMBER=?", terminal)
	w.and("BATCH_NUMBER=?", batch)
	w.and("TRACE_NUMBER=?", stan)
	return scanTxn(s.row(ctx, selectTxn+w.text+` ORDER BY JOURNAL_NUMBER DESC LIMIT 1`, w.args...))
}

// InState lists transactions in a state, oldest first, created before a time.
func (s *Store) InState(ctx context.Context, st State, before time.Time, limit int) ([]*Txn, error) {
	return list(ctx, s, scanTxn, selectTxn+`WHERE TRANS_STATE=? AND (`+schema.Unsettled+`) AND CREATE_TIME<? ORDER BY JOURNAL_NUMBER LIMIT ?`, int64(st), ms(before), limit)
}

// LeftBehind lists transactions that are INTENT, oldest first, but for those that other servers have under
// way; of the server own only those created before a time. after is the last one of the page before.
func (s *Store) LeftBehind(ctx context.Context, others []int, own int, before time.Time, after int64, limit int) ([]*Txn, error) {
	node := fmt.Sprintf("JOURNAL_NUMBER %% %d", Nodes)
	return list(ctx, s, scanTxn, selectTxn+`WHERE TRANS_STATE=? AND (`+schema.Unsettled+`) AND `+notIn(node, others)+` AND (`+node+`<>? OR CREATE_TIME<?) AND JOURNAL_NUMBER>? ORDER BY JOURNAL_NUMBER LIMIT ?`,
		int64(Intent), own, ms(before), after, limit)
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
		_, err := tx.exec(`UPDATE TX_ON_JOURNAL SET AMOUNT=?, PAID_AMOUNT=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=?`, paid, paid, ms(at), id)
		return err
	})
}

// Confirm records what a terminal has paid. With r set the unpaid part is reversed in the
// same commit.
func (s *Store) Confirm(ctx context.Context, id, paid int64, at time.Time, r *Reversal) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE TX_ON_JOURNAL SET PAID_AMOUNT=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=? AND (TRANS_STATE=4 OR TRANS_STATE=10)`, paid, ms(at), id)
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
