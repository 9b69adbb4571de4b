package trade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/host"
	"zhigui/server/internal/store"
)

// newReversal makes the reversal of t, not stored yet.
func (e *Engine) newReversal(ctx context.Context, t *store.Txn, reason string) (*store.Reversal, error) {
	h := e.hosts[t.Host]
	if h == nil {
		return nil, fmt.Errorf("trade: transaction %d went to host %q, which is not configured any more", t.ID, t.Host)
	}
	stan, err := h.Trace(ctx)
	if err != nil {
		return nil, err
	}
	now := e.o.Now()
	return &store.Reversal{Txn: t.ID, Terminal: t.Terminal, Host: t.Host, Reason: reason, STAN: stan, Time: now.In(shanghai).Format("0102150405"),
		Created: now, Next: now.Add(e.o.ReversalDelay), Node: e.o.Node.Number()}, nil
}

// drain sends stored reversals: in parallel, in order per terminal and host, until acknowledged. Each host
// has its own share of the sending, so that one that is silent does not hold up the others'.
type drain struct {
	e      *Engine
	mu     sync.Mutex
	todo   map[string][]*store.Reversal // per lane, oldest first
	busy   map[string]bool
	byHost map[string]int // under way
	n      int
	wake   chan struct{}

	endedAt, endedN [60]int64 // how many ended in each second
}

// lane of a reversal: a terminal's are sent in order to each host, and what one host does not take
// holds up nothing for another.
func lane(r *store.Reversal) string { return r.Terminal + "|" + r.Host }

func newDrain(e *Engine) *drain {
	return &drain{e: e, todo: map[string][]*store.Reversal{}, busy: map[string]bool{}, byHost: map[string]int{}, wake: make(chan struct{}, 1)}
}

func (d *drain) depth() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

// add puts r in its place by age: store.Attempt refuses what something older of its lane is still before,
// so that one which is stored later, or taken over, must not stand behind.
func (d *drain) add(r *store.Reversal) {
	d.mu.Lock()
	q := d.todo[lane(r)]
	i, there := slices.BinarySearchFunc(q, r, func(a, b *store.Reversal) int { return cmp.Compare(a.Txn, b.Txn) })
	if there {
		d.mu.Unlock()
		return
	}
	d.todo[lane(r)] = slices.Insert(q, i, r)
	d.n++
	d.mu.Unlock()
	d.poke()
}

func (d *drain) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run hands out due reversals until ctx ends.
func (d *drain) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		r, wait := d.pick()
		if r == nil {
			t := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-d.wake:
			case <-t.C:
			}
			t.Stop()
			continue
		}
		wg.Go(func() {
			x := *r // what is shown of r does not change under who looks
			ended := d.e.attempt(ctx, &x)
			d.mu.Lock()
			*r = x
			delete(d.busy, lane(r))
			d.byHost[r.Host]--
			if ended {
				now := time.Now().Unix()
				if d.endedAt[now%60] != now {
					d.endedAt[now%60], d.endedN[now%60] = now, 0
				}
				d.endedN[now%60]++
				q := slices.DeleteFunc(d.todo[lane(r)], func(x *store.Reversal) bool { return x == r }) // an older one may have come before it
				if d.todo[lane(r)] = q; len(q) == 0 {
					delete(d.todo, lane(r))
				}
				d.n--
			}
			d.mu.Unlock()
			d.poke()
		})
	}
}

// pick takes the oldest reversal of a terminal that is due, or tells how long to wait.
func (d *drain) pick() (*store.Reversal, time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, wait := d.e.o.Now(), time.Second
	up := map[string]bool{}
	for name, h := range d.e.hosts {
		up[name] = d.byHost[name] < d.e.o.ReversalSlots && h.Up()
	}
	for at, q := range d.todo {
		if d.busy[at] {
			continue
		}
		if !up[q[0].Host] {
			wait = min(wait, 100*time.Millisecond)
			continue
		}
		if left := q[0].Next.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		d.busy[at] = true
		d.byHost[q[0].Host]++
		return q[0], 0
	}
	return nil, max(wait, time.Millisecond)
}

// attempt sends r once; it reports whether r has ended.
func (e *Engine) attempt(ctx context.Context, r *store.Reversal) bool {
	h := e.hosts[r.Host]
	turn, err := h.Admit(ctx, host.Reversal)
	if err != nil { // not counted as a try: nothing was sent
		r.Next = e.o.Now().Add(min(e.o.Backoff, 100*time.Millisecond))
		return false
	}
	defer turn.Release()
	now := e.o.Now()
	pause := min(e.o.Backoff<<min(r.Attempts, 10), time.Minute)
	pause += time.Duration(rand.Int64N(int64(pause)/4 + 1)) //nolint:gosec // jitter
	r.Next = now.Add(pause)
	switch err := e.st.Attempt(ctx, r, r.Next, now, e.o.Node.Shared()); {
	case errors.Is(err, store.ErrState): // it has ended, or another server sends it
		e.tell(r.Txn)
		return true
	case errors.Is(err, store.ErrTurn):
		r.Next = now.Add(min(e.o.Backoff, 200*time.Millisecond))
		return false
	case err != nil:
		return false
	}
	r.Attempts++
	t, err := e.st.ByID(ctx, r.Txn)
	if err != nil {
		return false
	}
	build := e.reversalMessage
	if r.Credit {
		build = e.creditMessage
	}
	m, err := build(h, t, r)
	var frame []byte
	if err == nil {
		frame, err = h.Pack(nil, m)
	}
	if errors.Is(err, host.ErrModule) {
		return false // tried again
	}
	if err != nil {
		e.o.Log.Error("reversal cannot be built", "txn", r.Txn, "error", err.Error())
		return e.endReversal(ctx, r, store.RevStuck, "")
	}
	e.o.Failpoint("reversal-attempt")
	hctx, cancel := context.WithTimeout(ctx, e.o.HostTimeout)
	defer cancel()
	if !e.o.Node.Valid() {
		return false
	}
	e.note(r.Terminal, "host", m)
	a, err := turn.Send(hctx, m, frame)
	if err != nil {
		if errors.Is(err, host.ErrMAC) {
			e.count.macErrors.Add(1)
		}
		return false
	}
	defer a.Release()
	e.note(r.Terminal, "answer", a.Msg)
	e.o.Failpoint("reversal-answered")
	rc := string(a.Msg.Get(39))
	switch rc {
	case rcOK:
		if v, ok := a.Msg.Number(4); r.Credit && (!ok || int64(v) != r.Paid.Int64) {
			e.o.Log.Error("host credited another amount: a person must decide", "txn", r.Txn)
			return e.endReversal(ctx, r, store.RevStuck, rcInvalid)
		}
		return e.endReversal(ctx, r, store.RevDone, rc)
	case rcNotOriginal:
		if r.Credit {
			break // a credit has no original
		} // the original may still be on its way: ask again
		if r.NotFound++; r.NotFound >= e.o.AbsentAfter && now.Sub(t.Created) > 2*e.o.HostTimeout {
			if t.Auth == "" && t.RC != rcOK {
				return e.endReversal(ctx, r, store.RevAbsent, rc)
			}
			e.o.Log.Error("host does not know what it has approved: a person must decide", "txn", r.Txn)
			return e.endReversal(ctx, r, store.RevStuck, rc)
		}
		fallthrough
	case "09", "68", "90", "91", "96", "98":
		_ = e.st.Retry(ctx, r, rc, r.NotFound, r.Next, e.o.Now())
		return false
	}
	e.o.Log.Error("host refuses a reversal or credit: a person must decide", "txn", r.Txn, "code", rc)
	return e.endReversal(ctx, r, store.RevStuck, rc)
}

func (e *Engine) endReversal(ctx context.Context, r *store.Reversal, st store.ReversalState, rc string) bool {
	if err := e.st.EndReversal(ctx, r, st, rc, e.o.Now()); err != nil {
		e.o.Log.Error("reversal end cannot be stored", "txn", r.Txn, "error", err.Error())
		return false // sent again; the host answers a repeat alike
	}
	e.tell(r.Txn)
	e.o.OnChange(r.Txn)
	return true
}

// tell wakes who waits for what the host says about a transaction.
func (e *Engine) tell(txn int64) {
	if ch, ok := e.told.LoadAndDelete(txn); ok {
		close(ch.(chan struct{}))
	}
}

// reversalMessage builds 0420, from the second send on 0421, out of the stored request.
func (e *Engine) reversalMessage(h *host.Host, t *store.Txn, r *store.Reversal) (*message.Message, error) {
	o, err := e.sentToHost(h, t)
	if err != nil {
		return nil, err
	}
	m := message.New(h.Model())
	mti := "0420"
	if r.Attempts > 1 {
		mti = "0421"
	}
	_ = m.SetMTI(mti)
	for _, n := range []int{2, 3, 4, 18, 22, 25, 32, 33, 37, 41, 42, 49} {
		if o.Has(n) {
			if err := m.Set(n, o.Get(n)); err != nil {
				return nil, err
			}
		}
	}
	_ = m.SetString(7, r.Time)
	_ = m.SetString(11, r.STAN)
	_ = m.SetString(12, r.Time[4:])
	_ = m.SetString(13, r.Time[:4])
	if t.Auth != "" {
		_ = m.SetString(38, t.Auth)
	}
	err = m.SetString(90, fmt.Sprintf("%s%s%s%011s%011s", o.MTI(), o.Get(11), o.Get(7), o.Get(32), o.Get(33)))
	if err == nil && r.Paid.Valid {
		err = m.SetString(95, fmt.Sprintf("%012d%030d", r.Paid.Int64, 0))
	}
	return m, err
}

// sentToHost is the stored request of t as it went to the host, without what is never stored.
func (e *Engine) sentToHost(h *host.Host, t *store.Txn) (*message.Message, error) {
	blob, err := e.hsm.Open(nil, t.Request, aadOf(t.ID, "request"))
	if err != nil {
		return nil, err
	}
	return unpackSecond(blob, h.Model())
}
