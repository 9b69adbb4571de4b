// Package lease keeps servers that share a database out of each other's way: each has a number, which
// stands in the journal numbers it makes, and jobs that one of them does. Both are rows of one table with
// an end by the database's clock, renewed again and again. trade and server/cmd use it.
//
//	free → held          a server joins, or comes back under its own name
//	held → held          renewed in time
//	held → lapsed        not renewed: its server is dead, stands still, or cannot reach the database
//	lapsed → held        renewed late, and nobody was quicker
//	lapsed → free        another server has fenced it: it writes nothing any more, what it left is anybody's
//	held → free          it has left
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/internal/store"
)

// Options of Join.
type Options struct {
	Name string        // of this server, always the same; empty: it needs no number
	For  time.Duration // a server that was not heard of for so long is taken over from; 0 = 10 s
	Jobs []string      // that this server can do
	Log  *slog.Logger
}

// Node is this server among those that share its database. It is safe for concurrent use.
type Node struct {
	st    *store.Store
	o     Options
	self  string // holder of jobs: this process
	node  int
	epoch int64

	until  atomic.Pointer[time.Time] // it may act until then
	others atomic.Pointer[[]int]     // numbers of other servers that are alive
	look   sync.Mutex                // one looks at a time: an older look must not undo a newer one
	held   sync.Map                  // job → time until which it is ours

	stop context.CancelFunc
	lost chan struct{}
	wg   sync.WaitGroup
}

// Alone is a server that has its database to itself.
func Alone() *Node { return &Node{node: 1, lost: make(chan struct{})} }

// Join makes this process one of the servers of a database.
func Join(ctx context.Context, st *store.Store, o Options) (*Node, error) {
	if st.Alone() {
		return Alone(), nil
	}
	if o.For <= 0 {
		o.For = 10 * time.Second
	}
	n := &Node{st: st, o: o, self: rand.Text(), lost: make(chan struct{})}
	n.others.Store(&[]int{})
	began := time.Now()
	if o.Name != "" {
		var err error
		if n.node, n.epoch, err = st.Join(ctx, o.Name, o.For); err != nil {
			return nil, err
		}
	}
	n.renewed(began)
	if err := n.Look(ctx); err != nil {
		return nil, fmt.Errorf("lease: %w", err)
	}
	ctx, n.stop = context.WithCancel(context.Background())
	n.wg.Go(func() { n.run(ctx) })
	return n, nil
}

// margin is the part of a lease that this server does not use: the others' clock may be ahead.
const margin = 5

func (n *Node) renewed(began time.Time) {
	until := began.Add(n.o.For - n.o.For/margin)
	n.until.Store(&until)
}

// Number of this server, 1 to store.Nodes-1; 0 when it has none.
func (n *Node) Number() int { return n.node }

// Shared tells whether other servers may use the database.
func (n *Node) Shared() bool { return n.st != nil }

// Valid tells whether this server may act towards others: nobody has taken over from it. It asks both
// clocks, as a virtual machine that was stopped may not have counted the time.
func (n *Node) Valid() bool {
	if n.st == nil {
		return true
	}
	until, now := *n.until.Load(), time.Now()
	return now.Before(until) && now.UnixMilli() < until.UnixMilli()
}

// Others are the numbers of the other servers that are alive.
func (n *Node) Others() []int {
	if n.st == nil {
		return nil
	}
	return *n.others.Load()
}

// Elsewhere tells whether another server, which is alive, made a journal number.
func (n *Node) Elsewhere(number int64) bool {
	return n.st != nil && slices.Contains(*n.others.Load(), store.NodeOf(number))
}

// Holds tells whether a job is this server's to do.
func (n *Node) Holds(job string) bool {
	if n.st == nil {
		return true
	}
	until, ok := n.held.Load(job)
	return ok && time.Now().Before(until.(time.Time))
}

// Lost is closed when another server has taken over from this one, which must end then.
func (n *Node) Lost() <-chan struct{} { return n.lost }

// Close gives everything back.
func (n *Node) Close() {
	if n.stop == nil {
		return
	}
	n.stop()
	n.wg.Wait()
	select {
	case <-n.lost:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := n.st.Leave(ctx, n.self, n.o.Jobs...)
	if n.node > 0 {
		err = errors.Join(err, n.st.LeaveNode(ctx, n.node, n.o.Name))
	}
	if err != nil {
		n.o.Log.Warn("leases not given back: they lapse", "error", err.Error())
	}
}

func (n *Node) run(ctx context.Context) {
	t := time.NewTicker(n.o.For / 5)
	defer t.Stop()
	for {
		err := n.beat(ctx)
		if errors.Is(err, store.ErrFenced) {
			n.o.Log.Error("another server has taken over from this one, which was not heard of for too long", "number", n.node)
			close(n.lost)
			return
		}
		if err != nil && ctx.Err() == nil {
			n.o.Log.Warn("lease not renewed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// beat renews what this server has, sees who else is there, and fences those who are not any more.
func (n *Node) beat(ctx context.Context) error {
	began := time.Now()
	if n.node > 0 {
		if err := n.st.Renew(ctx, n.node, n.epoch, n.o.Name, n.o.For); err != nil {
			return err
		}
	}
	n.renewed(began)
	for _, job := range n.o.Jobs {
		held, err := n.st.HoldJob(ctx, job, n.self, n.o.For)
		if err != nil {
			return err
		}
		if held {
			n.held.Store(job, began.Add(n.o.For-n.o.For/margin))
		} else {
			n.held.Delete(job)
		}
	}
	return n.Look(ctx)
}

// Look sees which other servers are alive; one with a number fences those whose lease has lapsed.
func (n *Node) Look(ctx context.Context) error {
	if n.st == nil {
		return nil
	}
	n.look.Lock()
	defer n.look.Unlock()
	ls, err := n.st.Leases(ctx)
	if err != nil {
		return err
	}
	alive := map[int]bool{}
	for _, l := range ls {
		at := l.Node()
		if at == 0 || at == n.node || l.Holder == "" {
			continue
		}
		alive[at] = true
		if !l.Lapsed || n.node == 0 {
			continue
		}
		switch err := n.st.Fence(ctx, l); {
		case err == nil:
			n.o.Log.Warn("a server was not heard of for too long: its work is taken over", "number", at, "server", l.Holder)
			delete(alive, at)
		case !errors.Is(err, store.ErrHeld):
			return err
		}
	}
	others := slices.Sorted(maps.Keys(alive))
	n.others.Store(&others)
	return nil
}

// Do runs f while this process has the lease of a job that people start (a comparison, a clearing);
// store.ErrHeld: it is under way in another process.
func Do(ctx context.Context, st *store.Store, job string, f func() error) error {
	self, ttl := rand.Text(), 30*time.Second
	held, err := st.HoldJob(ctx, job, self, ttl)
	if err == nil && !held {
		err = store.ErrHeld
	}
	if err != nil {
		return fmt.Errorf("%s: %w", job, err)
	}
	ctx2, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(ttl / 5)
		defer t.Stop()
		for {
			select {
			case <-ctx2.Done():
				return
			case <-t.C:
				_, _ = st.HoldJob(ctx2, job, self, ttl)
			}
		}
	})
	err = f()
	cancel()
	wg.Wait()
	return errors.Join(err, st.Leave(context.WithoutCancel(ctx), self, job))
}
