package trade

import (
	"context"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/link"
	"zhigui/server/internal/store"
)

// A request may say how long its sender still waits (message.TimeLeft, link.Receipt). The least of that and
// of the engine's own time counts; a request that is too late is refused, and nothing has happened. What
// gives money back, or says what became of it (0220, 0400), is carried out however late it is: nobody
// calls patience for it.

// kept of a sender's time is for the answer's way back: a tenth, and a second at most.
func kept(left time.Duration) time.Duration { return min(left/10, time.Second) }

// patience notes until when the sender waits, or that it said a time that cannot be.
func (w *work) patience(ctx context.Context, now time.Time) {
	w.until, w.never = time.Time{}, false
	least := func(at time.Time, left time.Duration) {
		if u := at.Add(left - kept(left)); w.until.IsZero() || u.Before(w.until) {
			w.until = u
		}
	}
	at, bad := now, false
	if r := link.ReceiptOf(ctx); r != nil {
		at, bad = r.At, r.Bad
		if r.Said && !r.Bad {
			least(at, r.Left)
		}
	}
	left, said, err := w.in.TimeLeft()
	if bad || err != nil {
		w.z.e.o.Log.Warn("a request says a time left that cannot be", "channel", w.z.o.Name, "terminal", w.term.ID)
		w.until, w.never = time.Time{}, true
		return
	}
	if said {
		least(at, left)
	}
}

// late tells that the sender does not wait any more, as far as is known.
func (w *work) late() bool { return !w.until.IsZero() && !time.Now().Before(w.until) }

// deadline is when a wait of the engine's own time that begins now is over: never after the sender's.
func (w *work) deadline() time.Time {
	own := time.Now().Add(w.z.e.o.HostTimeout)
	if !w.until.IsZero() && w.until.Before(own) {
		return w.until
	}
	return own
}

// tooLate refuses a request whose sender waits no more. A repeat gets the stored answer all the same.
func (z *Channel) tooLate(ctx context.Context, w *work, key string, digest [32]byte) string {
	rc := z.refused(ctx, w, key, digest, rcLate)
	if rc == rcLate {
		z.e.count.late.Add(1)
		z.e.o.Log.Warn("a request came too late", "channel", z.o.Name, "terminal", w.term.ID)
	}
	return rc
}

// slack is how much later than packed a message may be sent with the time left that it says.
const slack = 100 * time.Millisecond

// tell writes into the host's message how long the answer is waited for, where its dialect has a place.
func (w *work) tell() (at time.Time) {
	if !w.host.Codec().Carries(message.TimeLeft) {
		return time.Time{}
	}
	at = time.Now()
	w.out.SetTimeLeft(w.deadline().Sub(at))
	return at
}

// tellAgain packs the message anew when so much time has passed that it says too much.
func (w *work) tellAgain() error {
	if w.told.IsZero() || time.Since(w.told) < slack {
		return nil
	}
	w.told = w.tell()
	var err error
	w.frame, err = w.host.PackUnder(w.frame[:0], w.out, w.to)
	return err
}

// unsent ends a transaction of which the host has not got a byte.
func (z *Channel) unsent(ctx context.Context, w *work, t *store.Txn, rc, note string) string {
	z.e.count.notSent.Add(1)
	w.out.Reset(w.host.Model()) // it may hold a PIN block, which is never stored
	return z.end(ctx, w, t, &store.Outcome{State: store.NotSent, RC: rc, Note: note}, w.out)
}
