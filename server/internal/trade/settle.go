package trade

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"zhigui/server/api/code"
	"zhigui/server/api/message"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

// original finds the transaction that F61 (batch, STAN, date) of a confirmation or reversal
// names. The original must have landed first: its outcome decides.
func (z *Channel) original(ctx context.Context, w *work) (t *store.Txn, key, rc string) {
	o := w.in.Get(61)
	if len(o) < 12 {
		return nil, "", rcFormat
	}
	batch, stan := string(o[:6]), string(o[6:12])
	key = w.idem("0200", batch, stan)
	wait, cancel := context.WithTimeout(ctx, z.e.o.HostTimeout)
	defer cancel()
	if !z.e.landed(wait, key) {
		return nil, key, rcSystem // not stored: the terminal repeats
	}
	t, err := z.e.awaited(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, key, rcNotOriginal
	}
	if err != nil {
		return nil, key, rcSystem
	}
	return t, key, ""
}

// confirm handles 0220: the terminal has paid F4 of an approved withdrawal, or (F4 zero) handed
// over what was approved.
func (z *Channel) confirm(ctx context.Context, w *work) string {
	e := z.e
	t, _, rc := z.original(ctx, w)
	if rc != "" {
		return rc
	}
	v, ok := w.in.Number(4)
	paid := int64(v)
	if !ok || paid > t.Amount {
		return rcInvalid
	}
	_ = w.reply.SetString(37, t.Reference)
	switch {
	case t.Paid.Valid && t.Paid.Int64 == paid:
		return rcOK // a repeat, whatever became of the rest since
	case t.State != store.Approved && t.State != store.Suspense:
		e.o.Log.Error("confirmation contradicts the state", "txn", t.ID, "state", t.State.String())
		return rcInvalid
	}
	r, err := z.part(ctx, t, paid, "96")
	if err == nil {
		err = e.st.Confirm(ctx, t.ID, paid, e.o.Now(), r)
	}
	if err != nil {
		e.o.Log.Error("confirmation cannot be stored", "txn", t.ID, "error", err.Error())
		return rcSystem
	}
	e.o.Failpoint("confirmed")
	if r != nil {
		e.drain.add(r)
	}
	e.o.OnChange(t.ID)
	return rcOK
}

// part makes the reversal of what was not paid, nil when all was.
func (z *Channel) part(ctx context.Context, t *store.Txn, paid int64, reason string) (*store.Reversal, error) {
	if paid == t.Amount {
		return nil, nil
	}
	r, err := z.e.newReversal(ctx, t, reason)
	if err == nil && paid > 0 {
		r.Paid = sql.NullInt64{Int64: paid, Valid: true}
	}
	return r, err
}

// reverse handles 0400: the terminal takes a withdrawal back, wholly or in part. The answer
// 00 means that the reversal is durable here.
func (z *Channel) reverse(ctx context.Context, w *work) string {
	e := z.e
	t, key, rc := z.original(ctx, w)
	if rc != "" && rc != rcNotOriginal {
		return rc
	}
	v, ok := w.in.Number(4)
	amount, paid := int64(v), int64(0)
	if t != nil && (!ok || amount != t.Amount || credit(e.products.Named(t.Kind))) {
		return rcInvalid
	}
	if p := w.in.Get(62); p != nil {
		v, err := strconv.ParseInt(string(p[min(2, len(p)):]), 10, 64)
		if len(p) != 14 || string(p[:2]) != "PD" || err != nil || v < 0 || v >= amount {
			return rcFormat
		}
		paid = v
	}
	if t == nil {
		return z.void(ctx, w, key, amount, paid)
	}
	switch t.State {
	case store.Approved, store.Suspense:
	case store.Confirmed:
		if t.Paid.Valid && t.Paid.Int64 == paid && paid > 0 {
			return rcOK // a repeat of a partial reversal that is done
		}
		h := e.hosts[t.Host]
		if k := e.products.Named(t.Kind); k != nil && k.Ends() && k.Undone() && paid == 0 {
			if h != nil && h.Day(e.o.Now()) == t.Day {
				break // its answer did not arrive
			}
			return z.stands(ctx, t) // it has been cleared
		}
		e.o.Log.Error("reversal after confirmation", "txn", t.ID, "terminal", t.Terminal)
		return rcInvalid
	case store.Intent, store.Unknown:
		return rcSystem // being recovered: repeat
	case store.ClosedByHand: // two persons have decided; the terminal's word contradicts them
		e.o.Log.Error("reversal of a transaction that was closed by hand", "txn", t.ID, "terminal", t.Terminal)
		return rcInvalid
	default: // declined, not sent, or reversed already
		if t.Paid.Int64 != paid {
			e.o.Log.Error("a reversal with another amount paid than is booked", "txn", t.ID, "terminal", t.Terminal)
			return rcInvalid
		}
		return rcOK
	}
	reason := string(w.in.Get(39))
	if reason == "" {
		reason = "06"
	}
	r, err := e.newReversal(ctx, t, reason)
	if err == nil && paid > 0 {
		r.Paid = sql.NullInt64{Int64: paid, Valid: true}
	}
	if err == nil {
		err = e.finish(ctx, t.ID, &store.Outcome{State: store.ReversalPending, Note: "reversed by the terminal, reason " + reason,
			At: e.o.Now(), Reversal: r}, t.State)
	}
	if err != nil {
		e.o.Log.Error("reversal cannot be stored", "txn", t.ID, "error", err.Error())
		return rcSystem
	}
	e.o.Failpoint("reversal-stored")
	e.drain.add(r)
	e.o.OnChange(t.ID)
	return rcOK
}

// stands answers the reversal of what the host has cleared: nothing is taken back here, and as the terminal
// takes it for reversed, people are told and have a difference to settle. Only when both are durable is the
// terminal told that it stands.
func (z *Channel) stands(ctx context.Context, t *store.Txn) string {
	e := z.e
	now := e.o.Now()
	e.o.Log.Error("a reversal came too late: the transaction stands", "txn", t.ID, "terminal", t.Terminal)
	err := e.st.AddDifference(ctx, &store.Difference{Day: t.Day, Host: t.Host, Book: "reversal", Key: t.Host + "|" + strconv.FormatInt(t.ID, 10), Class: "state",
		Txn: sql.NullInt64{Int64: t.ID, Valid: true}, Terminal: t.Terminal, Branch: t.Branch, Reference: t.Reference,
		Ours: sql.NullInt64{Int64: t.Amount, Valid: true}, Theirs: sql.NullInt64{Valid: true}, Owner: "clearing", At: now})
	if err == nil {
		err = e.st.AddAlarm(ctx, &store.Alarm{Terminal: t.Terminal, ID: "stands-" + strconv.FormatInt(t.ID, 10), Code: code.ReversalStands, Severity: "critical", Module: "trade",
			Detail: t.Kind + " " + t.Reference, At: now, Received: now})
	}
	if err != nil {
		e.o.Log.Error("a reversal that came too late cannot be recorded", "txn", t.ID, "error", err.Error())
		return rcSystem // the terminal repeats
	}
	e.o.OnChange(t.ID)
	return rcStands
}

// credit reports whether a product books what its confirmation says.
func credit(p *product.Product) bool { return p != nil && p.Credit }

// void records the reversal of an original that never came: should it still come, its key
// is taken and it is refused.
func (z *Channel) void(ctx context.Context, w *work, key string, amount, paid int64) string {
	e := z.e
	now := e.o.Now()
	o := w.in.Get(61)
	name := "withdrawal"
	for _, typ := range [...]string{"0200", "0100"} {
		if k := e.products.Find(typ, w.in.Get(3)); k != nil {
			name = k.Name
			break
		}
	}
	t := &store.Txn{ID: e.ids.take(now), Idem: key, Digest: []byte{0}, Terminal: w.term.ID, Branch: w.term.Branch, Merchant: w.term.Merchant, Kind: name, Batch: string(o[:6]),
		STAN: string(o[6:12]), Amount: amount, State: store.Voided, RC: rcNotOriginal, Note: "reversed before it arrived", Created: now, Updated: now}
	if pan := w.in.Get(2); pan != nil {
		t.PANMasked, t.PANIndex = message.MaskedPAN(pan), e.hsm.Index(pan)
	}
	fresh, err := e.st.Insert(ctx, t)
	if err != nil || !fresh {
		return rcSystem // the original came in this very moment: the terminal repeats and meets it
	}
	if paid > 0 {
		e.o.Log.Error("a terminal has paid for what never arrived", "txn", t.ID, "terminal", t.Terminal)
		return rcInvalid
	}
	return rcOK
}
