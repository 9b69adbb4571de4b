package trade

import (
	"context"
	"errors"
	"slices"
	"time"

	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

// recover runs once before the first request: what was under way when the process ended
// gets an outcome, and stored reversals are taken up again.
func (e *Engine) recover(ctx context.Context) error {
	if err := e.adopt(ctx, e.o.Now().Add(time.Hour)); err != nil {
		return err
	}
	e.refreshBlocks(ctx)
	return e.claim(ctx)
}

// claim takes up the stored reversals of this server, and of those that are no more.
func (e *Engine) claim(ctx context.Context) error {
	rs, err := e.st.PendingReversals(ctx, e.o.Node.Others()...)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rs, func(r *store.Reversal) bool { return r.Node != e.o.Node.Number() }) {
		if err := e.o.Node.Look(ctx); err != nil {
			return err
		}
	}
	for _, r := range rs {
		if slices.Contains(e.o.Node.Others(), r.Node) {
			continue
		}
		if r.Node != e.o.Node.Number() {
			err := e.st.ClaimReversal(ctx, r, e.o.Node.Number(), e.o.Now())
			if errors.Is(err, store.ErrState) {
				continue
			}
			if err != nil {
				return err
			}
		}
		e.drain.add(r)
	}
	return nil
}

// adopt gives transactions that are INTENT their way on: money is reversed, the rest stays UNKNOWN for
// good. Those of this server must be older than a time, those of other servers are theirs while they are
// alive. Money that went to a host which is not configured stays INTENT, until the host is configured again.
func (e *Engine) adopt(ctx context.Context, before time.Time) error {
	gone := map[string]int{} // host that is not configured → transactions
	defer func() {
		for name, n := range gone {
			e.o.Log.Error("money in doubt at a host that is not configured: configure it again", "host", name, "transactions", n)
		}
	}()
	for after := int64(0); ; {
		ts, err := e.st.LeftBehind(ctx, e.o.Node.Others(), e.o.Node.Number(), before, after, 500)
		if err != nil || len(ts) == 0 {
			return err
		}
		after = ts[len(ts)-1].ID
		if slices.ContainsFunc(ts, func(t *store.Txn) bool { return store.NodeOf(t.ID) != e.o.Node.Number() }) {
			if err := e.o.Node.Look(ctx); err != nil { // after the rows were read: who made them had joined before
				return err
			}
		}
		for _, t := range ts {
			if e.o.Node.Elsewhere(t.ID) {
				continue
			}
			o := &store.Outcome{State: store.Unknown, RC: rcNoAnswer, Note: "no outcome recorded", At: e.o.Now()}
			if e.undone(t.Kind) {
				if e.hosts[t.Host] == nil {
					gone[t.Host]++
					continue
				}
				r, err := e.newReversal(ctx, t, rcNoAnswer)
				if err != nil {
					return err
				}
				o.State, o.Reversal = store.ReversalPending, r
			}
			err := e.finish(ctx, t.ID, o, store.Intent)
			if errors.Is(err, store.ErrState) {
				continue
			}
			if err != nil {
				return err
			}
			if o.Reversal != nil {
				e.drain.add(o.Reversal)
			}
			e.o.Log.Warn("outcome unknown", "txn", t.ID, "terminal", t.Terminal, "reason", o.Note)
			e.o.OnChange(t.ID)
		}
	}
}

// undone reports whether a product's outcome in doubt is reversed; one that is not in the catalogue
// any more is.
func (e *Engine) undone(name string) bool {
	p := e.products.Named(name)
	return p == nil || p.Undone()
}

// strand notes that an outcome could not be stored; watch adopts the row later.
func (e *Engine) strand(id int64) { e.o.Log.Warn("transaction left to recovery", "txn", id) }

// watch does what time asks for: adopting stranded rows, listing unconfirmed approvals as SUSPENSE.
func (e *Engine) watch(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		e.refreshBlocks(ctx)
		if e.o.Node.Shared() {
			e.share(ctx)
		}
		if i%3600 == 0 && e.o.Node.Holds(Job) { // the longest period of a limit is a month
			if err := e.st.ForgetUsage(ctx, e.o.Now().In(shanghai).AddDate(0, -2, 0).Format("20060102")); err != nil && ctx.Err() == nil {
				e.o.Log.Error("old usage of limits", "error", err.Error())
			}
		}
		if i%5 != 0 {
			continue
		}
		now := e.o.Now()
		if err := e.adopt(ctx, now.Add(-2*e.o.HostTimeout-5*time.Second)); err != nil && ctx.Err() == nil {
			e.o.Log.Error("recovery", "error", err.Error())
		}
		if e.o.Node.Holds(Job) {
			e.Suspend(ctx, now.Add(-e.o.SuspenseAfter))
		}
	}
}

// Job is the lease of what one server does for all.
const Job = "job.trade"

// share takes over what other servers have left behind or have been told by the hosts.
func (e *Engine) share(ctx context.Context) {
	if !e.o.Node.Valid() {
		return
	}
	err := e.adopt(ctx, e.o.Now().Add(-2*e.o.HostTimeout-5*time.Second))
	if err == nil {
		err = e.claim(ctx)
	}
	days, err2 := e.st.Days(ctx)
	for name, day := range days {
		if h := e.hosts[name]; h != nil {
			h.SetDay(day)
		}
	}
	if err := errors.Join(err, err2); err != nil && ctx.Err() == nil {
		e.o.Log.Error("work of other servers", "error", err.Error())
	}
}

// awaited reads a transaction by its key; while another server has it under way, it waits.
func (e *Engine) awaited(ctx context.Context, key string) (*store.Txn, error) {
	t, err := e.st.ByIdem(ctx, key)
	if err != nil || t.State != store.Intent || !e.o.Node.Elsewhere(t.ID) {
		return t, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.o.HostTimeout)
	defer cancel()
	for pause := 20 * time.Millisecond; err == nil && t.State == store.Intent && e.o.Node.Elsewhere(t.ID); pause = min(2*pause, 500*time.Millisecond) {
		select {
		case <-ctx.Done():
			return t, nil
		case <-time.After(pause):
		}
		t, err = e.st.ByID(context.WithoutCancel(ctx), t.ID)
	}
	return t, err
}

// outOfUse is the kind of subject under which the blocks have who is paid no more.
const outOfUse = "outOfUse"

// refreshBlocks takes over who is blocked, and who is paid no more; when the store does not answer, who was stays so.
func (e *Engine) refreshBlocks(ctx context.Context) {
	list, err := e.st.Blocks(ctx)
	numbers, err2 := e.st.OutOfUse(ctx)
	if err != nil || err2 != nil {
		return
	}
	for _, number := range numbers {
		list = append(list, store.Block{Kind: outOfUse, Subject: number})
	}
	e.blocked.Replace(list)
}

// paid is the number of the merchant or third party who would be paid at a terminal, "" when there is none.
func paid(k *product.Product, t *store.Terminal) string {
	switch k.Pays {
	case product.Merchant:
		return t.Merchant
	case product.Party:
		return k.Party
	}
	return ""
}

// Suspend lists approvals older than before that no terminal has confirmed as SUSPENSE.
func (e *Engine) Suspend(ctx context.Context, before time.Time) {
	ts, err := e.st.InState(ctx, store.Approved, before, 500)
	if err != nil {
		return
	}
	for _, t := range ts {
		if e.finish(ctx, t.ID, &store.Outcome{State: store.Suspense, Note: "no confirmation from the terminal", At: e.o.Now()}, store.Approved) == nil {
			e.o.OnChange(t.ID)
		}
	}
}
