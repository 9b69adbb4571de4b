// Package cache keeps copies of rows that are read far more often than they change: what several servers
// on one database ask it for at every request. The database stays the truth. An engine (in memory, Redis)
// holds the copies; when it is away, slow, or may not have heard of a change, the database is read instead,
// and nobody notices but the log. Nothing that money depends on goes through here. The store uses it.
package cache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Engine holds copies under keys. It is safe for concurrent use, and every call ends with its context.
type Engine interface {
	// Get answers the copy under key. Without one it answers a lease: the right to Put what is read from
	// the database now; "" when somebody else has it. A lease ends with LeaseTime, and with any Delete.
	Get(ctx context.Context, key string) (value []byte, lease string, err error)
	// Put stores value for a time, if lease is still the key's; nothing otherwise.
	Put(ctx context.Context, key, lease string, value []byte, expires time.Duration) error
	// Delete removes copies and leases, so that what was read before it is never stored after it.
	Delete(ctx context.Context, keys ...string) error
	Close() error
}

// LeaseTime is how long whoever asked first may take to read the database.
const LeaseTime = 5 * time.Second

// Sealer protects what leaves the process (hsm.HSM).
type Sealer interface {
	Seal(dst, plain, aad []byte) []byte
	Open(dst, sealed, aad []byte) ([]byte, error)
}

// Options of New.
type Options struct {
	Timeout time.Duration // of a question to the engine; 0 = 50 ms
	Sealer  Sealer        // nil: copies are kept as they are
	Log     *slog.Logger  // nil: slog's own
}

// Cache reads through an engine. It is safe for concurrent use. A nil Cache reads the database.
type Cache struct {
	e       Engine
	o       Options
	began   time.Time
	young   atomic.Int64 // copies made before that moment are not believed, Unix milliseconds
	heard   atomic.Int64 // when it was last known to have heard of all changes, since began; 0 never
	breaker breaker

	mu      sync.Mutex
	pending map[string]bool // deletions that did not reach the engine
	late    atomic.Int32    // their number

	hits, misses, refused atomic.Uint64
}

// Fresh is how long copies are believed after the changes were last looked at.
const Fresh = 2 * time.Second

// New makes a cache over an engine. Its copies are used from the first Heard on.
func New(e Engine, o Options) *Cache {
	if o.Timeout <= 0 {
		o.Timeout = 50 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Cache{e: e, o: o, began: time.Now(), pending: map[string]bool{}, breaker: breaker{log: o.Log}}
}

// Key of what module and id name; one that would be too long is its digest.
func Key(m Module, id string) string {
	k := m.Name + ":" + id
	if len(k) > maxKey {
		d := sha256.Sum256([]byte(id))
		k = m.Name + ":" + hex.EncodeToString(d[:])
	}
	return k
}

const maxKey = 80 // as long as a subject in the table of changes may be

// Heard says that every change up to now was told to Drop.
func (c *Cache) Heard() { c.heard.Store(int64(time.Since(c.began))) }

// Distrust says that changes may have been missed: no copy that was made before is believed.
func (c *Cache) Distrust() {
	if c != nil {
		c.young.Store(time.Now().UnixMilli() + 1)
	}
}

// usable: no change can have passed unheard.
func (c *Cache) usable() bool {
	h := c.heard.Load()
	return h != 0 && time.Since(c.began)-time.Duration(h) < Fresh && c.late.Load() == 0
}

// Load answers the copy of what module and id name, or reads it. Errors are read's own; they are not kept.
// Within a request the first answer holds.
func Load[T any](ctx context.Context, c *Cache, m Module, id string, read func(context.Context) (T, error)) (T, error) {
	key := Key(m, id)
	r := requestOf(ctx)
	if v, ok := r.get(key); ok {
		if t, ok := v.(T); ok {
			return t, nil
		}
	}
	v, err := load(ctx, c, m, key, read)
	if err == nil {
		r.put(key, v)
	}
	return v, err
}

func load[T any](ctx context.Context, c *Cache, m Module, key string, read func(context.Context) (T, error)) (v T, err error) {
	if c == nil || !c.usable() || !c.breaker.allow(time.Now()) {
		if c != nil {
			c.refused.Add(1)
		}
		return read(ctx)
	}
	kept, lease, err := c.get(ctx, key)
	if err == nil && kept != nil {
		if c.open(m, key, kept, &v) {
			c.hits.Add(1)
			return v, nil
		}
		_ = c.Drop(ctx, key) // not ours, or of another version of the program
	}
	c.misses.Add(1)
	v, err = read(ctx)
	if err == nil && lease != "" {
		c.put(ctx, m, key, lease, v)
	}
	return v, err
}

func (c *Cache) get(ctx context.Context, key string) (value []byte, lease string, err error) {
	x, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.o.Timeout)
	defer cancel()
	value, lease, err = c.e.Get(x, key)
	c.breaker.done(time.Now(), err)
	return value, lease, err
}

func (c *Cache) put(ctx context.Context, m Module, key, lease string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		c.o.Log.Error("cache", "module", m.Name, "error", err.Error())
		return
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(m.Expires).UnixMilli())) // a copy that is put back later is void
	plain = append(plain, text...)
	if c.o.Sealer != nil {
		plain = c.o.Sealer.Seal(nil, plain, []byte(key))
	}
	x, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.o.Timeout)
	defer cancel()
	c.breaker.done(time.Now(), c.e.Put(x, key, lease, plain, m.Expires))
}

// open reads a copy; one that does not open, whose time is over, or that is not believed, is none.
func (c *Cache) open(m Module, key string, kept []byte, v any) bool {
	if c.o.Sealer != nil {
		var err error
		if kept, err = c.o.Sealer.Open(nil, kept, []byte(key)); err != nil {
			c.o.Log.Warn("cache: a copy does not open under the data key", "error", err.Error())
			return false
		}
	}
	if len(kept) < 8 {
		return false
	}
	until := int64(binary.BigEndian.Uint64(kept))
	if time.Now().UnixMilli() > until || until-m.Expires.Milliseconds() < c.young.Load() {
		return false
	}
	return json.Unmarshal(kept[8:], v) == nil
}

// Drop removes copies, also from the request that ctx belongs to. Until a deletion that failed has been
// made up for by Again, no copy is used here. The caller has the deletion in a table, for the others.
func (c *Cache) Drop(ctx context.Context, keys ...string) error {
	requestOf(ctx).drop(keys)
	if c == nil || len(keys) == 0 {
		return nil
	}
	x, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.o.Timeout)
	defer cancel()
	err := c.e.Delete(x, keys...)
	c.breaker.done(time.Now(), err)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		if err != nil {
			c.pending[k] = true
		} else {
			delete(c.pending, k)
		}
	}
	c.late.Store(int32(len(c.pending)))
	return err
}

// Again repeats the deletions that failed.
func (c *Cache) Again(ctx context.Context) error {
	if c.late.Load() == 0 {
		return nil
	}
	var keys []string
	c.mu.Lock()
	for k := range c.pending {
		if keys = append(keys, k); len(keys) == 500 {
			break
		}
	}
	c.mu.Unlock()
	return c.Drop(ctx, keys...)
}

// Stats are counters since the start.
type Stats struct {
	Hits, Misses uint64
	Bypassed     uint64 // reads of the database because the engine was away or behind
	Away         bool
	Since        time.Time // it is away
	Pending      int       // deletions that the engine has not had yet
}

// Stats tells how the cache is doing.
func (c *Cache) Stats() Stats {
	away, since := c.breaker.open()
	return Stats{Hits: c.hits.Load(), Misses: c.misses.Load(), Bypassed: c.refused.Load(), Away: away, Since: since, Pending: int(c.late.Load())}
}

// Close closes the engine.
func (c *Cache) Close() error { return c.e.Close() }
