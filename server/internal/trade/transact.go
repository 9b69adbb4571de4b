package trade

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/host"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
	"zhigui/server/internal/product"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
)

var toHost = []message.Canon{message.PAN, message.ProcCode, message.Amount, message.EntryMode, message.CardSeq, message.Condition,
	message.PINLength, message.Track2, message.Track3, message.Terminal, message.Merchant, message.Currency, message.Chip, message.Expiry}

var toTerminal = []message.Canon{message.Amount, message.AuthCode, message.Response, message.Balances, message.AddResponse, message.Chip}

// transact runs a request of a terminal from its receipt to its answer.
func (z *Channel) transact(ctx context.Context, w *work, k *product.Product) string {
	e := z.e
	amount, hasAmount := w.in.Number(4)
	track := w.in.Get(35)
	if k.Amount() && (!hasAmount || amount == 0 || w.in.String(49) != "156") || !k.Amount() && hasAmount {
		return rcFormat
	}
	for _, f := range k.Needs() {
		if len(w.in.Value(f)) == 0 {
			return rcFormat
		}
	}
	pan := w.in.Get(2)
	if pan == nil {
		for i, c := range track {
			if c == '=' || c == 'D' {
				pan = track[:i]
				break
			}
		}
	}
	if len(pan) < 13 {
		return rcFormat
	}
	key := w.idem("0200", w.batch(), string(w.in.Get(11)))
	digest := w.digest(k)
	mine, other := e.enter(key, digest)
	if other != nil {
		e.count.repeats.Add(1)
		if other.digest != digest {
			return rcDuplicate
		}
		wait, cancel := context.WithDeadline(ctx, w.deadline())
		defer cancel()
		if !e.landed(wait, key) {
			return rcNoAnswer
		}
		return z.replay(ctx, w, key, digest)
	}
	defer e.leave(key, mine)

	if w.never {
		return z.refused(ctx, w, key, digest, rcFormat)
	}
	if w.late() {
		return z.tooLate(ctx, w, key, digest)
	}
	// Who is blocked may begin nothing, but may still say what became of what it began.
	if e.blocked.Has(risk.Terminal, w.term.ID) || e.blocked.Has(risk.Merchant, w.term.Merchant) {
		return z.refused(ctx, w, key, digest, rcBlocked)
	}
	if e.blocked.Has(outOfUse, paid(k, w.term)) {
		return z.refused(ctx, w, key, digest, rcTerminal)
	}
	w.host = e.pick(&route.Query{Channel: z.o.Name, Product: k.Name, PAN: pan, Amount: int64(amount), Draw: binary.LittleEndian.Uint32(digest[:])})
	if w.host == nil {
		return z.refused(ctx, w, key, digest, rcNoRoute)
	}
	class := host.Inquiry
	if k.Undone() {
		class = host.Financial
	}
	turn, err := w.host.AdmitUntil(ctx, class, w.until)
	if err != nil {
		if w.late() {
			return z.tooLate(ctx, w, key, digest)
		}
		return z.refused(ctx, w, key, digest, rcNotReached)
	}
	defer func() { turn.Release() }()
	t, rc := z.prepare(ctx, w, k, pan, int64(amount))
	if rc != "" {
		return z.refused(ctx, w, key, digest, rc)
	}
	if w.late() {
		return z.tooLate(ctx, w, key, digest)
	}
	t.Idem, t.Digest = key, digest[:]
	e.o.Failpoint("received")
	fresh, over, err := e.st.InsertWithin(ctx, t, w.claims)
	if err != nil {
		e.o.Log.Error("journal refuses", "terminal", t.Terminal, "error", err.Error())
		if stored, look := e.st.ByIdem(ctx, key); look != nil || stored.ID != t.ID {
			return z.refused(ctx, w, key, digest, rcSystem) // a repeat may have been approved
		}
		fresh = true // it is stored all the same, and nobody else goes on with it
	}
	if over == store.CaseClaim { // another transaction has taken it in this very moment, or its time is over
		return z.refused(ctx, w, key, digest, rcCase)
	}
	if over != "" {
		e.o.Log.Warn("limit exceeded", "terminal", t.Terminal, "limit", over)
		return z.refused(ctx, w, key, digest, e.o.Risk.Code(over))
	}
	if !fresh {
		turn.Release() // another server may have it under way for long
		turn = host.Permit{}
		e.count.repeats.Add(1)
		return z.replay(ctx, w, key, digest)
	}
	e.o.Failpoint("intent")
	return z.send(ctx, w, k, t, turn)
}

// pick finds the host for q, nil when no rule fits.
func (e *Engine) pick(q *route.Query) *host.Host {
	return e.hosts[e.route.Pick(q, func(name string) bool { return e.hosts[name].Up() })]
}

// refused answers rc, with which nothing has happened, for a new request. A repeat gets the stored
// answer, whatever has been forbidden or broken since: it may have been approved.
func (z *Channel) refused(ctx context.Context, w *work, key string, digest [32]byte, rc string) string {
	switch _, err := z.e.st.ByIdem(ctx, key); {
	case err == nil:
		z.e.count.repeats.Add(1)
		return z.replay(ctx, w, key, digest)
	case !errors.Is(err, store.ErrNotFound):
		return rcNoAnswer // nobody can tell
	}
	if rc == rcNotReached {
		z.e.count.notSent.Add(1)
	}
	return rc
}

// prepare builds the host message in w.out and w.frame and the row of the journal.
func (z *Channel) prepare(ctx context.Context, w *work, k *product.Product, pan []byte, amount int64) (*store.Txn, string) {
	e := z.e
	now := e.o.Now()
	w.made = time.Now()
	stan, err := w.host.Trace(ctx)
	if err != nil {
		return nil, rcSystem
	}
	w.to, _ = w.host.Key() // once: the host may change them at any time
	w.out.Reset(w.host.Model())
	_ = w.out.SetMTI(k.Type)
	if z.pair[w.host.Name()].toH.Copy(w.out, w.in, toHost...) != nil || w.out.Set(2, pan) != nil {
		return nil, rcFormat
	}
	t := &store.Txn{ID: e.ids.take(now), Terminal: w.term.ID, Branch: w.term.Branch, Merchant: cmp.Or(paid(k, w.term), w.term.Merchant), Channel: z.o.Name, Host: w.host.Name(), Kind: k.Name, STAN: string(w.in.Get(11)), Amount: amount, State: store.Intent,
		HostSTAN: stan, PANMasked: message.MaskedPAN(pan), PANIndex: e.hsm.Index(pan), Created: now, Updated: now}
	if e.blocked.Has(risk.Card, hex.EncodeToString(t.PANIndex)) {
		return nil, rcCardBlocked
	}
	t.Day = w.host.Day(now)
	t.Batch = w.batch()
	w.host.Stamp(w.out, now, stan)
	t.HostTime = string(w.out.Get(7))
	local := now.In(shanghai)
	t.Reference = fmt.Sprintf("%d%03d%02d%s", local.Year()%10, local.YearDay(), local.Hour(), stan)
	_ = w.out.SetString(37, t.Reference)
	_ = w.out.SetString(18, cmp.Or(k.MCC, "6011"))
	stored, err := z.stored(w) // before the PIN is in
	if err != nil {
		return nil, rcFormat
	}
	t.Request = e.hsm.Seal(nil, stored, aadOf(t.ID, "request"))
	for _, name := range k.Steps {
		if rc := steps[name](w, t, pan); rc != "" {
			return nil, rc
		}
	}
	if rc, err := e.needsCase(ctx, w, t); rc != "" {
		if err != nil {
			e.o.Log.Error("case", "terminal", t.Terminal, "error", err.Error())
		}
		return nil, rc
	}
	w.told = w.tell()
	if w.frame, err = w.host.PackUnder(w.frame[:0], w.out, w.to); err != nil {
		e.o.Log.Error("host message cannot be packed", "host", w.host.Name(), "error", err.Error())
		if errors.Is(err, host.ErrModule) {
			return nil, rcSystem
		}
		return nil, rcFormat
	}
	return t, ""
}

// translate re-encrypts a PIN block of the terminal for the host.
func (w *work) translate(block, pan []byte) ([]byte, error) {
	if w.to.Version == 0 {
		return nil, hsm.ErrNoKey
	}
	return w.z.e.hsm.TranslatePIN(w.key, w.to, block, pan)
}

// pinRefusal tells a wrong PIN block from a security module that does not answer: the second is not the
// customer's fault, and no try is lost.
func pinRefusal(err error) string {
	if err == nil || errors.Is(err, hsm.ErrPIN) {
		return rcPIN
	}
	return rcSystem
}

// send carries the prepared message to the host and ends the transaction.
func (z *Channel) send(ctx context.Context, w *work, k *product.Product, t *store.Txn, turn host.Permit) string {
	e := z.e
	if w.late() { // the journal took so long
		e.count.late.Add(1)
		return z.unsent(ctx, w, t, rcLate, "its sender waits no more")
	}
	if time.Since(w.made) > e.o.HostTimeout { // adopt, and a reversal's end as not found, count on it
		return z.unsent(ctx, w, t, rcSystem, "the journal took too long")
	}
	if err := w.tellAgain(); err != nil {
		e.o.Log.Error("host message cannot be packed", "host", w.host.Name(), "error", err.Error())
		return z.unsent(ctx, w, t, rcSystem, "the host's message cannot be packed")
	}
	hctx, cancel := context.WithDeadline(ctx, w.deadline())
	defer cancel()
	var a *link.Answer
	err := link.ErrNotSent
	if e.o.Node.Valid() { // else another server may have adopted it already
		e.note(t.Terminal, "host", w.out)
		a, err = turn.Send(hctx, w.out, w.frame)
	}
	e.o.Failpoint("answered")
	switch {
	case errors.Is(err, link.ErrNotSent):
		return z.unsent(ctx, w, t, rcNotReached, "host not reached")
	case errors.Is(err, host.ErrMAC):
		e.count.macErrors.Add(1)
		return z.unknown(ctx, w, k, t, "MAC of the answer is wrong")
	case err != nil:
		return z.unknown(ctx, w, k, t, "no answer from the host")
	}
	defer a.Release()
	e.note(t.Terminal, "answer", a.Msg)
	rc := string(a.Msg.Get(39))
	if rc == rcOK && k.Moves == product.Money {
		if v, ok := a.Msg.Number(4); !ok || int64(v) != t.Amount {
			return z.unknown(ctx, w, k, t, "amount of the answer is wrong")
		}
	}
	if len(rc) != 2 {
		return z.unknown(ctx, w, k, t, "answer without a response code")
	}
	o := &store.Outcome{State: store.Declined, RC: rc, Auth: string(a.Msg.Get(38))}
	o.Day = w.host.Settled(string(a.Msg.Value(message.SettleDate)), t.Created)
	if rc == rcOK {
		o.State = store.Approved
		if k.Ends() {
			o.State = store.Confirmed
		}
		e.count.approved.Add(1)
	} else {
		e.count.declined.Add(1)
	}
	_ = z.pair[w.host.Name()].toT.Copy(w.reply, a.Msg, toTerminal...)
	if v := a.Msg.Get(62); v != nil {
		_ = w.reply.Set(62, v)
	}
	return z.end(ctx, w, t, o, a.Msg)
}

// unknown ends a transaction whose effect at the host is in doubt: money is reversed.
func (z *Channel) unknown(ctx context.Context, w *work, k *product.Product, t *store.Txn, note string) string {
	e := z.e
	e.count.unknown.Add(1)
	e.o.Log.Warn("outcome unknown", "txn", t.ID, "terminal", t.Terminal, "reason", note)
	w.out.Reset(w.host.Model())
	o := &store.Outcome{State: store.Unknown, RC: rcNoAnswer, Note: note}
	if k.Undone() {
		r, err := e.newReversal(ctx, t, rcNoAnswer)
		if err != nil {
			return rcNoAnswer // the row stays INTENT; recovery or the watch takes it up
		}
		o.State, o.Reversal = store.ReversalPending, r
	}
	return z.end(ctx, w, t, o, w.out)
}

// end makes the outcome durable and completes the reply.
func (z *Channel) end(ctx context.Context, w *work, t *store.Txn, o *store.Outcome, fromHost *message.Message) string {
	e := z.e
	o.At = e.o.Now()
	w.stamp()
	_ = w.reply.SetString(37, t.Reference)
	w.respond(o.RC)
	w.blob = w.blob[:0]
	var err error
	if w.blob, err = packPair(w.blob, w.reply, fromHost); err == nil {
		o.Answer = e.hsm.Seal(nil, w.blob, aadOf(t.ID, "answer"))
	}
	err = e.finish(ctx, t.ID, o, store.Intent)
	if err != nil {
		e.o.Log.Error("outcome cannot be stored", "txn", t.ID, "error", err.Error())
		e.strand(t.ID)
		return rcNoAnswer // never "success" that is not durable
	}
	e.o.Failpoint("stored")
	if o.Reversal != nil {
		e.drain.add(o.Reversal)
	}
	e.o.OnChange(t.ID)
	return ""
}
