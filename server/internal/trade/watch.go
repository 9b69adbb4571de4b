package trade

import (
	"context"
	"errors"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/link"
	"zhigui/server/internal/store"
)

// recover runs once before the first request: what was under way when the process ended
// gets an outcome, and stored reversals are taken up again.
func (e *Engine) recover(ctx context.Context) error {
	if err := e.adopt(ctx, e.o.Now().Add(time.Hour)); err != nil {
		return err
	}
	rs, err := e.st.PendingReversals(ctx)
	if err != nil {
		return err
	}
	for _, r := range rs {
		e.drain.add(r)
	}
	return nil
}

// adopt gives transactions that are INTENT or UNKNOWN since before a time their way on: money
// is reversed, the rest stays UNKNOWN for good.
func (e *Engine) adopt(ctx context.Context, before time.Time) error {
	for {
		ts, err := e.st.InState(ctx, store.Intent, before, 500)
		if err != nil || len(ts) == 0 {
			return err
		}
		for _, t := range ts {
			o := &store.Outcome{State: store.Unknown, RC: rcNoAnswer, Note: "no outcome recorded", At: e.o.Now()}
			if undone(t.Kind) {
				r, err := e.newReversal(ctx, t, rcNoAnswer)
				if err != nil {
					return err
				}
				o.State, o.Reversal = store.ReversalPending, r
			}
			err := e.st.Finish(ctx, t.ID, o, store.Intent)
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

func undone(name string) bool {
	for _, k := range kinds {
		if k.name == name {
			return k.undone()
		}
	}
	return true
}

// strand notes that an outcome could not be stored; watch adopts the row later.
func (e *Engine) strand(id int64) { e.o.Log.Warn("transaction left to recovery", "txn", id) }

// watch does what time asks for: adopting stranded rows, listing unconfirmed approvals as
// SUSPENSE, echo to the host and closing the breaker again.
func (e *Engine) watch(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	lastEcho := time.Now()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if e.open() || time.Since(lastEcho) > e.o.EchoEvery {
			lastEcho = time.Now()
			if err := e.Network(ctx, "301"); err == nil {
				e.misses.Store(0)
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

// Suspend lists approvals older than before that no terminal has confirmed as SUSPENSE.
func (e *Engine) Suspend(ctx context.Context, before time.Time) {
	ts, err := e.st.InState(ctx, store.Approved, before, 500)
	if err != nil {
		return
	}
	for _, t := range ts {
		if e.st.Finish(ctx, t.ID, &store.Outcome{State: store.Suspense, Note: "no confirmation from the terminal", At: e.o.Now()}, store.Approved) == nil {
			e.o.OnChange(t.ID)
		}
	}
}

// Network sends a network management message: 001 sign-on, 002 sign-off, 301 echo. An error
// means that the host did not answer 00.
func (e *Engine) Network(ctx context.Context, code string) error {
	stan, err := e.seq.take(ctx)
	if err != nil {
		return err
	}
	m := message.New(e.hostD)
	_ = m.SetMTI("0820")
	e.stampHost(m, e.o.Now(), stan)
	m.Unset(12)
	m.Unset(13)
	_ = m.SetString(70, code)
	frame, err := e.packHost(m, nil, nil)
	if err != nil {
		return err
	}
	hctx, cancel := context.WithTimeout(ctx, min(5*time.Second, e.o.HostTimeout))
	defer cancel()
	a, err := e.host.Send(hctx, link.KeyOf(m), frame)
	if err != nil {
		return err
	}
	defer a.Release()
	if string(a.Msg.Get(39)) != rcOK {
		return errors.New("trade: host refuses network management")
	}
	return nil
}
