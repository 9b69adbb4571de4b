package trade

import (
	"context"
	"errors"
	"time"

	"zhigui/server/internal/store"
)

// recover runs once before the first request: what was under way when the process ended
// gets an outcome, and stored reversals are taken up again.
func (e *Engine) recover(ctx context.Context) error {
	if err := e.adopt(ctx, e.o.Now().Add(time.Hour)); err != nil {
		return err
	}
	e.refreshBlocks(ctx)
	rs, err := e.st.PendingReversals(ctx)
	if err != nil {
		return err
	}
	for _, r := range rs {
		e.drain.add(r)
	}
	return nil
}

// adopt gives transactions that are INTENT since before a time their way on: money is reversed, the
// rest stays UNKNOWN for good. Money that went to a host which is not configured stays INTENT, until
// the host is configured again.
func (e *Engine) adopt(ctx context.Context, before time.Time) error {
	for {
		ts, err := e.st.InState(ctx, store.Intent, before, 500)
		if err != nil || len(ts) == 0 {
			return err
		}
		left := 0
		for _, t := range ts {
			o := &store.Outcome{State: store.Unknown, RC: rcNoAnswer, Note: "no outcome recorded", At: e.o.Now()}
			if e.undone(t.Kind) {
				if e.hosts[t.Host] == nil {
					e.o.Log.Error("money in doubt at a host that is not configured: configure it again", "txn", t.ID, "host", t.Host)
					left++
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
		if left == len(ts) {
			return nil
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
		if i%3600 == 0 { // the longest period of a limit is a month
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
		e.Suspend(ctx, now.Add(-e.o.SuspenseAfter))
	}
}

// refreshBlocks takes over who is blocked; when the store does not answer, who was stays so.
func (e *Engine) refreshBlocks(ctx context.Context) {
	if list, err := e.st.Blocks(ctx); err == nil {
		e.blocked.Replace(list)
	}
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
