package mgmt

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"zhigui/server/internal/store"
)

// Relay carries what a Broker says to the pages that are open at other processes with the same database,
// through a table: a manager's Pad at one server hears at once of what a terminal asks at another.
type Relay struct {
	st     *store.Store
	b      *Broker
	log    *slog.Logger
	sender string
	sent   int64

	// OnRetry is told when a console at another server asks for a waiting message to be sent soon; may be
	// nil. Set it before Run.
	OnRetry func(txn int64) bool

	mu   sync.Mutex
	todo map[store.Change]bool

	at   int64           // newest number that was read
	seen map[int64]int64 // numbers not long before it that were read, and the round
	turn int64
}

const (
	relayEvery = 300 * time.Millisecond
	relayMany  = 20  // of one kind in one turn: they go as one without a subject
	relayBack  = 200 // numbers that may appear late
	relayKeep  = time.Minute
)

// NewRelay makes the relay of a broker. Run does its work.
func NewRelay(ctx context.Context, st *store.Store, b *Broker, log *slog.Logger) (*Relay, error) {
	r := &Relay{st: st, b: b, log: log, sender: rand.Text(), todo: map[store.Change]bool{}, seen: map[int64]int64{}}
	var err error
	if r.at, err = st.LastChange(ctx); err != nil {
		return nil, err
	}
	old, err := st.Changes(ctx, r.at-relayBack, relayBack)
	for _, e := range old {
		r.seen[e.Number] = 0
	}
	b.mu.Lock()
	b.out = r.put
	b.mu.Unlock()
	return r, err
}

// put takes an event for the next turn.
func (r *Relay) put(kind, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.todo) < 10_000 {
		r.todo[store.Change{Kind: kind, Subject: id}] = true
	}
}

// Run carries events until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	t := time.NewTicker(relayEvery)
	defer t.Stop()
	failed := false
	for {
		err := r.once(ctx, time.Now())
		if err != nil && ctx.Err() == nil && !failed {
			r.log.Warn("events do not reach other servers", "error", err.Error())
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (r *Relay) once(ctx context.Context, now time.Time) (failed error) {
	if r.turn++; r.turn%200 == 0 {
		if err := r.st.ForgetChanges(ctx, now.Add(-relayKeep)); err != nil {
			return err
		}
	}
	if es := r.take(); len(es) > 0 {
		first := r.sent
		r.sent += int64(len(es))                                // whatever becomes of them: their numbers are not used again
		failed = r.st.AddChanges(ctx, r.sender, first, es, now) // pages at other servers see it when they look again
	}
	es, err := r.st.Changes(ctx, r.at-relayBack, 5_000)
	if err != nil {
		return err
	}
	for _, e := range es {
		if _, known := r.seen[e.Number]; known {
			continue
		}
		r.seen[e.Number] = r.turn
		r.at = max(r.at, e.Number)
		switch n, _ := strconv.ParseInt(e.Subject, 10, 64); {
		case e.Sender == r.sender:
		case e.Kind != kindRetry:
			r.b.tell(e.Kind, e.Subject)
		case r.OnRetry != nil:
			r.OnRetry(n)
		}
	}
	for n := range r.seen {
		if n <= r.at-relayBack {
			delete(r.seen, n)
		}
	}
	return failed
}

// take empties what waits; many of one kind become one.
func (r *Relay) take() (es []store.Change) {
	r.mu.Lock()
	todo := r.todo
	r.todo = map[store.Change]bool{}
	r.mu.Unlock()
	kinds := map[string]int{}
	for e := range todo {
		kinds[e.Kind]++
	}
	for e := range todo {
		if kinds[e.Kind] <= relayMany {
			es = append(es, e)
		}
	}
	for k, n := range kinds {
		if n > relayMany {
			es = append(es, store.Change{Kind: k})
		}
	}
	return es
}
