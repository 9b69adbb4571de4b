package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/server/internal/store/schema"
)

// Search selects transactions; zero values select all.
type Search struct {
	Terminal, Branch, Reference string
	PANIndex                    []byte // keyed index of the whole card number
	MaskedPAN                   string
	STAN, Batch, Kind, RC       string
	Merchant, Auth              string
	Host, Channel               string
	Day                         string // settlement day yyyyMMdd
	Number                      int64  // of the journal
	From, To                    time.Time
	State                       State
	AmountMin, AmountMax        int64
	Offset, Limit               int

	after int64 // only higher numbers
}

// widest is the longest time of which all rows are read for want of an index.
const widest = 24 * time.Hour

// Scans tells whether a search would read the whole journal, or most of it: what it asks by has no index (batch, kind,
// answer, merchant, authorisation code, host, channel, settlement day), and neither a key nor a day of time narrows it.
func (q Search) Scans(now time.Time) bool {
	if q.Batch+q.Kind+q.RC+q.Merchant+q.Auth+q.Host+q.Channel+q.Day == "" {
		return false
	}
	if q.Number != 0 || q.PANIndex != nil || q.Terminal+q.Reference+q.MaskedPAN+q.STAN != "" || q.State != 0 && q.State != Confirmed && q.State != Declined {
		return false
	}
	if q.To.IsZero() {
		q.To = now
	}
	return q.From.IsZero() || q.To.Sub(q.From) > widest
}

// skew is how far the time of a row may be from that of its number.
const skew = time.Hour

// matching is the condition of a search. indexed tells whether one of the indexes for searches
// helps; without them amounts are compared so that no index is used.
func (q Search) matching(with bool) (w *where, indexed bool) {
	w = &where{}
	equal := func(column, v string, index bool) {
		if v != "" {
			w.and(column+"=?", v)
			indexed = indexed || index
		}
	}
	if q.Number != 0 {
		w.and("JOURNAL_NUMBER=?", q.Number)
	}
	equal("TERMINAL_NUMBER", q.Terminal, true)
	equal("ORGANIZATION_NUMBER", q.Branch, true)
	equal("REFERENCE_NUMBER", q.Reference, true)
	equal("MASKED_PAN", q.MaskedPAN, true)
	equal("TRACE_NUMBER", q.STAN, true)
	equal("BATCH_NUMBER", q.Batch, false)
	equal("TRANS_KIND", q.Kind, false)
	equal("RESPONSE_CODE", q.RC, false)
	equal("MERCHANT_NUMBER", q.Merchant, false)
	equal("AUTHORIZATION_CODE", q.Auth, false)
	equal("HOST_NAME", q.Host, false)
	equal("CHANNEL_NAME", q.Channel, false)
	equal("SETTLE_DATE", q.Day, false)
	if q.PANIndex != nil {
		w.and("PAN_INDEX=?", q.PANIndex)
		indexed = true
	}
	after := q.after
	if !q.From.IsZero() {
		w.and("CREATE_TIME>=?", ms(q.From))
		after = max(after, NumberAt(q.From.Add(-skew))-1)
	}
	if after != 0 {
		w.and("JOURNAL_NUMBER>?", after)
	}
	if !q.To.IsZero() {
		w.and("CREATE_TIME<? AND JOURNAL_NUMBER<?", ms(q.To), NumberAt(q.To.Add(skew)))
	}
	if q.State != 0 {
		w.and("TRANS_STATE=?", int64(q.State))
		if q.State != Confirmed && q.State != Declined {
			w.and(schema.Unsettled)
			return q.amounts(w, false), false // that index holds every row
		}
	}
	indexed = indexed || q.AmountMin > 0 || q.AmountMax > 0
	return q.amounts(w, with), indexed && with && q.Number == 0
}

func (q Search) amounts(w *where, with bool) *where {
	column := "AMOUNT"
	if !with {
		column = "AMOUNT+0"
	}
	switch {
	case q.AmountMin > 0 && q.AmountMin == q.AmountMax:
		w.and(column+"=?", q.AmountMin)
	default:
		if q.AmountMin > 0 {
			w.and(column+">=?", q.AmountMin)
		}
		if q.AmountMax > 0 {
			w.and(column+"<=?", q.AmountMax)
		}
	}
	return w
}

// selecting is the statement that selects columns of what matches. On SQLite the rows that the
// indexes for searches do not hold yet are read one by one.
func (s *Store) selecting(columns string, q Search, with bool) (string, []any) {
	w, indexed := q.matching(with)
	head := "SELECT " + columns + " FROM TX_ON_JOURNAL "
	if !indexed || s.d.engine != schema.SQLite {
		return head + w.text, w.args
	}
	mark := s.index.mark.Load()
	w.and(schema.Searchable+" AND +JOURNAL_NUMBER<=?", mark)
	q.after = mark
	young, _ := q.matching(with)
	return head + young.text + " UNION ALL " + head + w.text, append(young.args, w.args...)
}

// counted is how far matches are counted.
const counted = 10000

// Search lists transactions, newest first, and the number that match (counted up to 10,000).
func (s *Store) Search(ctx context.Context, q Search) ([]*Txn, int, error) {
	var n int
	text, args := s.selecting("1", q, true)
	if err := s.row(ctx, `SELECT COUNT(*) FROM (SELECT * FROM (`+text+`) y LIMIT `+strconv.Itoa(counted)+`) x`, args...).Scan(&n); err != nil || n == 0 {
		if err == nil && q.Number != 0 {
			if t, _, err := s.archived(ctx, q.Number); err == nil && (q.Branch == "" || q.Branch == t.Branch) {
				return []*Txn{t}, 1, nil
			}
		}
		return nil, 0, err
	}
	text, args = s.newest(q, n)
	out, err := list(ctx, s, scanTxn, text, args...)
	return out, n, err
}

// newest is the statement that lists the newest of n matches. Where many match by their amount
// alone it walks back through the journal rather than sort them.
func (s *Store) newest(q Search, n int) (string, []any) {
	text, args := s.selecting(txnColumns, q, n < counted)
	return text + ` ORDER BY JOURNAL_NUMBER DESC LIMIT ? OFFSET ?`, append(args, q.Limit, q.Offset)
}

// Explain is the engine's plan of a search that has n matches, for people.
func (s *Store) Explain(ctx context.Context, q Search, n int) (string, error) {
	text, args := s.newest(q, n)
	if s.d.engine == schema.SQLite {
		text = "EXPLAIN QUERY PLAN " + text
	} else {
		text = "EXPLAIN " + text
	}
	rows, err := s.read.QueryContext(ctx, s.d.in(text).text, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close() //nolint:errcheck // reading
	cols, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for rows.Next() {
		vals := make([]sql.NullString, len(cols))
		dst := make([]any, len(cols))
		for i := range vals {
			dst[i] = &vals[i]
		}
		if err := rows.Scan(dst...); err != nil {
			return "", err
		}
		for _, v := range vals {
			if v.String != "" {
				b.WriteString(v.String + " ")
			}
		}
		b.WriteString("\n")
	}
	return b.String(), rows.Err()
}

// Event is one step of a transaction after its first outcome.
type Event struct {
	At    time.Time
	State State
	Note  string
}

// Events lists the steps of a transaction, of an archived one, too.
func (s *Store) Events(ctx context.Context, txn int64) ([]Event, error) {
	es, err := list(ctx, s, scanEvent, `SELECT CREATE_TIME, TRANS_STATE, NOTE FROM TX_ON_EVENT WHERE JOURNAL_NUMBER=? ORDER BY CREATE_TIME, ID`, txn)
	if err == nil && len(es) == 0 {
		if _, old, err := s.archived(ctx, txn); err == nil {
			return old, nil
		}
	}
	return es, err
}

func scanEvent(r scanner) (e Event, err error) {
	var at int64
	err = r.Scan(&at, &e.State, &e.Note)
	e.At = fromMS(at)
	return e, err
}

// CloseByHand is the two-person action on a SUSPENSE or REVERSAL_STUCK transaction: the first
// call proposes, the call of another user closes. closed tells which it was; ErrState when
// the transaction is in another state or the same user calls twice. A proposal is about the transaction as
// it was: what has changed since (its terminal took it back, its host refused that) begins anew.
func (s *Store) CloseByHand(ctx context.Context, txn int64, user, note string, now time.Time) (closed bool, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		closed = false
		var st State
		var version int64
		if err := tx.row(`SELECT TRANS_STATE, VERSION_NUMBER FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER=?`, []any{txn}, &st, &version); err != nil {
			return found(err)
		}
		action := fmt.Sprintf("close %d", version)
		if st != Suspense && st != ReversalStuck {
			return ErrState
		}
		n, err := tx.exec(`INSERT INTO TX_ON_CLOSING (JOURNAL_NUMBER, ACTION, FIRST_USER, NOTE, UPDATE_BY, CREATE_TIME, UPDATE_TIME) VALUES (?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (JOURNAL_NUMBER) DO NOTHING`, txn, action, user, clip(note, maxNote), clip(user, 30), ms(now), ms(now))
		if err != nil {
			return err
		}
		if err := addAudit(tx, Audit{User: user, Action: "transaction.close", Target: txnText(txn), Note: note, At: now}); err != nil {
			return err
		}
		if n == 1 {
			return nil
		}
		n, err = tx.exec(`UPDATE TX_ON_CLOSING SET ACTION=?, FIRST_USER=?, NOTE=?, UPDATE_BY=?, UPDATE_TIME=? WHERE JOURNAL_NUMBER=? AND ACTION<>?`,
			action, user, clip(note, maxNote), clip(user, 30), ms(now), txn, action)
		if n == 1 || err != nil {
			return err
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
