package trade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/internal/cases"
	"zhigui/server/internal/host"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/lease"
	"zhigui/server/internal/product"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
)

// Zones of terminals: which kind of keys they have.
const (
	Zone3DES = "3des"
	ZoneSM4  = "sm4"
)

// Options of an Engine.
type Options struct {
	HostTimeout   time.Duration      // from the receipt of a request to the answer of the host; 0 = 25 s
	ReversalDelay time.Duration      // before the first send of a reversal, so that it cannot overtake; 0 = 1 s
	Backoff       time.Duration      // first pause between sends of a reversal, doubled up to 60 s; 0 = 1 s
	AbsentAfter   int                // answers 25 that end a reversal; 0 = 3
	Cases         *cases.Catalogue   // business in steps; nil: none
	SuspenseAfter time.Duration      // an approval without confirmation is listed as SUSPENSE; 0 = 10 min
	ReversalSlots int                // reversals sent to one host at a time; 0 = 16
	Products      *product.Catalogue // nil = the platform's
	Risk          *risk.Rules        // nil = none
	Node          *lease.Node        // nil = the database is this server's alone
	Now           func() time.Time
	// Failpoint is nil in production; a kill test ends the process in it.
	Failpoint func(name string)
	// Messages is nil, or gets every message, masked: from and to a terminal, host and answer; it must not block.
	Messages func(terminal, way, text string)
	// OnChange is told about every changed transaction; it must not block.
	OnChange func(id int64)
	Log      *slog.Logger
}

// Engine runs transactions. It is safe for concurrent use.
type Engine struct {
	o     Options
	st    *store.Store
	hsm   hsm.HSM
	hosts map[string]*host.Host
	route *route.Table

	products *product.Catalogue
	blocked  risk.Blocked
	ids      ids

	terms sync.Map // id → *termEntry
	// refreshed is when the keys of an owner were last read again.
	refreshed sync.Map
	fly       [64]flyShard
	drain     *drain
	meter     meter
	told      sync.Map // transaction → chan closed when the host has been told
	stop      context.CancelFunc
	wg        sync.WaitGroup

	count counters
}

type counters struct {
	requests, approved, declined, unknown, notSent, late, repeats, macErrors, garbage atomic.Uint64
}

// Stats are counters since the start.
type Stats struct {
	Requests, Approved, Declined, Unknown, NotSent, Repeats, MACErrors, Garbage uint64
	Late                                                                        uint64 // their senders waited no more
	ReversalsPending                                                            int
	BreakerOpen                                                                 bool // of any host
}

// New makes an engine, recovers what a crash left behind (every INTENT without an outcome
// becomes UNKNOWN with a durable reversal). Start begins its background work.
func New(ctx context.Context, st *store.Store, h hsm.HSM, hosts []*host.Host, routes *route.Table, o Options) (*Engine, error) {
	def := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	num := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&o.HostTimeout, 25*time.Second)
	def(&o.ReversalDelay, time.Second)
	def(&o.Backoff, time.Second)
	def(&o.SuspenseAfter, 10*time.Minute)
	num(&o.AbsentAfter, 3)
	num(&o.ReversalSlots, 16)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Failpoint == nil {
		o.Failpoint = func(string) {}
	}
	if o.OnChange == nil {
		o.OnChange = func(int64) {}
	}
	if o.Node == nil {
		o.Node = lease.Alone()
	}
	if o.Products == nil {
		o.Products = product.Builtin()
	}
	e := &Engine{o: o, st: st, hsm: h, hosts: map[string]*host.Host{}, route: routes, products: o.Products}
	for _, x := range hosts {
		e.hosts[x.Name()] = x
	}
	for i := range e.fly {
		e.fly[i].m = map[string]*flight{}
	}
	e.drain = newDrain(e)
	newest, err := st.Newest(ctx, o.Node.Number(), o.Now())
	if err != nil {
		return nil, fmt.Errorf("trade: journal: %w", err)
	}
	e.ids.begin(o.Node.Number(), newest)
	if err := e.recover(ctx); err != nil {
		return nil, fmt.Errorf("trade: recovery: %w", err)
	}
	return e, nil
}

// Start begins background work: reversals, echoes, suspense.
func (e *Engine) Start() {
	var ctx context.Context
	ctx, e.stop = context.WithCancel(context.Background())
	e.wg.Go(func() { e.drain.run(ctx) })
	e.wg.Go(func() { e.watch(ctx) })
	for _, h := range e.hosts {
		e.wg.Go(func() { h.Watch(ctx) })
	}
}

// Close ends background work. Transactions that are still running finish on their own.
func (e *Engine) Close() {
	if e.stop != nil {
		e.stop()
	}
	e.wg.Wait()
}

// Stats returns the counters.
func (e *Engine) Stats() Stats {
	c := &e.count
	return Stats{c.requests.Load(), c.approved.Load(), c.declined.Load(), c.unknown.Load(), c.notSent.Load(), c.repeats.Load(),
		c.macErrors.Load(), c.garbage.Load(), c.late.Load(), e.drain.depth(), slices.ContainsFunc(e.Hosts(), func(h host.Stats) bool { return h.Breaker == "open" })}
}

// Products is the catalogue that the engine runs.
func (e *Engine) Products() *product.Catalogue { return e.products }

// Hosts tells how each host is doing, by name.
func (e *Engine) Hosts() (out []host.Stats) {
	for _, name := range slices.Sorted(maps.Keys(e.hosts)) {
		out = append(out, e.hosts[name].Stats())
	}
	return out
}

// shanghai is the zone of the business clock: F7, F12, F13.
var shanghai = time.FixedZone("CST", 8*3600)

type termEntry struct {
	t  *store.Terminal
	at time.Time
}

// terminal looks a terminal up, through a cache of five seconds: nil for one that there is not, or that is not enabled,
// an error when the database cannot say.
func (e *Engine) terminal(ctx context.Context, id string) (*store.Terminal, error) {
	if v, ok := e.terms.Load(id); ok {
		if x := v.(*termEntry); time.Since(x.at) < 5*time.Second {
			return x.t, nil
		}
	}
	t, err := e.st.Terminal(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !store.NoText(err) { // the database is away
		if v, ok := e.terms.Load(id); ok {
			return v.(*termEntry).t, nil
		}
		return nil, err
	}
	if err != nil || !t.Enabled {
		e.terms.Delete(id)
		return nil, nil //nolint:nilnil // documented
	}
	e.terms.Store(id, &termEntry{t, time.Now()})
	return t, nil
}

// TraceNumbers makes the durable trace numbers (F11) of one institution, by its acquirer and forwarder
// numbers (F32, F33): hosts that know us under the same numbers may be the same bank by two ways, and
// which tells a repeat by F11 and F7.
func TraceNumbers(st *store.Store, acquirer, forwarder string) func(ctx context.Context) (string, error) {
	q := &sequence{name: "stan." + acquirer + "." + forwarder, st: st}
	return q.take
}

// sequence is a durable sequence of trace numbers, reserved in blocks.
type sequence struct {
	name string
	st   *store.Store
	mu   sync.Mutex
	next int64
	end  int64
	old  time.Time // not used after
}

const (
	seqBlock = 20000
	// seqAge is how long a block is used: what is left of an older one would meet the numbers of a busier
	// server, which begin again after 999999.
	seqAge = 5 * time.Minute
)

// take returns the next trace number, 1 to 999999, as six digits.
func (q *sequence) take(ctx context.Context) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); q.next >= q.end || now.After(q.old) {
		first, err := q.st.Reserve(ctx, q.name, seqBlock)
		if err != nil {
			return "", err
		}
		q.next, q.end, q.old = first, first+seqBlock, now.Add(seqAge)
	}
	v := q.next%999999 + 1
	q.next++
	var b [6]byte
	for i := 5; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return string(b[:]), nil
}

// ids makes transaction numbers of 18 digits that rise with time: 41 bits of milliseconds
// since 2020, 17 bits of counter, 5 of the number of this server. The store partitions by them.
type ids struct {
	node int64
	last atomic.Int64
}

// begin makes numbers begin above newest, which is of this server or 0, when its clock has gone back.
func (g *ids) begin(node int, newest int64) {
	g.node = int64(node)
	g.last.Store(newest)
}

func (g *ids) take(now time.Time) int64 {
	want := store.NumberAt(now) + g.node
	for {
		last := g.last.Load()
		v := max(want, last+store.Nodes)
		if g.last.CompareAndSwap(last, v) {
			return v
		}
	}
}

// flight is a transaction that is being worked on; a repeat waits for it.
type flight struct {
	done   chan struct{}
	digest [32]byte
}

type flyShard struct {
	mu sync.Mutex
	m  map[string]*flight
}

func (e *Engine) shard(key string) *flyShard {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return &e.fly[h%uint32(len(e.fly))]
}

// enter registers a running transaction; when one runs already it is returned instead.
func (e *Engine) enter(key string, digest [32]byte) (mine, other *flight) {
	s := e.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.m[key]; f != nil {
		return nil, f
	}
	f := &flight{done: make(chan struct{}), digest: digest}
	s.m[key] = f
	return f, nil
}

func (e *Engine) leave(key string, f *flight) {
	s := e.shard(key)
	s.mu.Lock()
	delete(s.m, key)
	s.mu.Unlock()
	close(f.done)
}

// landed waits until no transaction with key runs any more.
func (e *Engine) landed(ctx context.Context, key string) bool {
	s := e.shard(key)
	s.mu.Lock()
	f := s.m[key]
	s.mu.Unlock()
	if f == nil {
		return true
	}
	select {
	case <-f.done:
		return true
	case <-ctx.Done():
		return false
	}
}
