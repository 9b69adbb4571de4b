package trade

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/host"
	"zhigui/server/internal/store"
)

// credit handles the 0220 of a deposit: F4 is what the terminal's acceptor has for good, F61
// names the 0100 that the host approved before a note was taken. It is never declined for what
// it says and never reversed: the notes can not come out again. The answer is the host's own, or
// 98 while the host has not given one: the amount is durable here then, the host is told until
// it answers, and the terminal asks again.
func (z *Channel) credit(ctx context.Context, w *work) string {
	e := z.e
	v, ok := w.in.Number(4)
	paid := int64(v)
	if !ok {
		return rcFormat
	}
	t, key, rc := z.original(ctx, w)
	if rc == rcNotOriginal && paid == 0 {
		return z.void(ctx, w, key, paid, 0)
	}
	if rc != "" {
		return rc
	}
	_ = w.reply.SetString(37, t.Reference)
	switch t.State {
	case store.Approved, store.Suspense:
		if t.Paid.Valid { // in suspense because the host refused it
			return e.credited(ctx, t, paid)
		}
	case store.CreditPending, store.Confirmed, store.ClosedByHand:
		return e.credited(ctx, t, paid)
	default: // the host never approved it: no note may have been taken
		if paid == 0 {
			return rcOK
		}
		e.o.Log.Error("notes were taken for a deposit that was not approved", "txn", t.ID, "state", t.State.String())
		return rcInvalid
	}
	var r *store.Reversal
	var err error
	if paid > 0 {
		if r, err = e.newReversal(ctx, t, store.CreditReason); err == nil {
			r.Paid, r.Credit, r.Next = sql.NullInt64{Int64: paid, Valid: true}, true, r.Created // nothing that it could overtake
		}
	}
	if err == nil {
		err = e.st.Credit(ctx, t.ID, paid, e.o.Now(), r)
	}
	if err != nil {
		e.o.Log.Error("deposit cannot be stored", "txn", t.ID, "error", err.Error())
		return rcSystem
	}
	e.o.Failpoint("credit-stored")
	e.o.OnChange(t.ID)
	if r == nil {
		return rcOK
	}
	e.drain.add(r)
	if t, err = e.st.ByID(ctx, t.ID); err != nil {
		return rcNoAnswer
	}
	return e.credited(ctx, t, paid)
}

// credited waits for the host's word about a stored credit and answers it.
func (e *Engine) credited(ctx context.Context, t *store.Txn, paid int64) string {
	if t.Paid.Int64 != paid || !t.Paid.Valid {
		e.o.Log.Error("second amount for a deposit", "txn", t.ID, "terminal", t.Terminal)
		return rcInvalid
	}
	if t.State == store.CreditPending {
		wait, cancel := context.WithTimeout(ctx, e.o.HostTimeout)
		defer cancel()
		ch, _ := e.told.LoadOrStore(t.ID, make(chan struct{}))
		r, err := e.st.ReversalOf(ctx, t.ID)
		if err != nil || r.State != store.RevPending {
			e.tell(t.ID)
		}
		for err == nil && r.State == store.RevPending && wait.Err() == nil {
			var again <-chan time.Time
			if r.Node != e.o.Node.Number() { // another server tells the host
				again = time.After(200 * time.Millisecond)
			}
			select {
			case <-ch.(chan struct{}):
				return e.answered(ctx, t.ID)
			case <-wait.Done():
			case <-again:
				if r, err = e.st.ReversalOf(ctx, t.ID); err == nil && r.State != store.RevPending {
					e.tell(t.ID)
				}
			}
		}
		if err != nil || r.Node != e.o.Node.Number() { // nobody here will tell; others who wait look again
			e.told.CompareAndDelete(t.ID, ch)
		}
	}
	return e.answered(ctx, t.ID)
}

// answered is what the host has said about a credit.
func (e *Engine) answered(ctx context.Context, txn int64) string {
	r, err := e.st.ReversalOf(ctx, txn)
	switch {
	case err != nil:
		return rcSystem
	case r.State == store.RevDone:
		return rcOK
	case r.State == store.RevStuck:
		return cmp.Or(r.RC, rcInvalid) // the host was not told: its message could not be built
	}
	return rcNoAnswer
}

// creditMessage builds what tells the host to credit a deposit: 0200 the first time, then the
// advice 0220. Both carry the same F7 and F11, by which the host knows a repeat; the advice
// names them in F90, too.
func (e *Engine) creditMessage(h *host.Host, t *store.Txn, r *store.Reversal) (*message.Message, error) {
	o, err := e.sentToHost(h, t)
	if err != nil {
		return nil, err
	}
	m := message.New(h.Model())
	_ = m.SetMTI("0200")
	for _, n := range []int{2, 3, 18, 22, 25, 32, 33, 37, 41, 42} {
		if o.Has(n) {
			if err := m.Set(n, o.Get(n)); err != nil {
				return nil, err
			}
		}
	}
	_ = m.SetNumber(4, uint64(r.Paid.Int64))
	_ = m.SetString(49, "156")
	_ = m.SetString(7, r.Time)
	_ = m.SetString(11, r.STAN)
	_ = m.SetString(12, r.Time[4:])
	_ = m.SetString(13, r.Time[:4])
	if r.Attempts > 1 {
		_ = m.SetMTI("0220")
		if err := m.SetString(90, fmt.Sprintf("0200%s%s%011s%011s", r.STAN, r.Time, o.Get(32), o.Get(33))); err != nil {
			return nil, err
		}
	}
	return m, nil
}
