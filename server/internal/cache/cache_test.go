package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zhigui/server/internal/cache"
	"zhigui/server/internal/hsm"
	"zhigui/sim/peer"
)

var row = cache.Module{Name: "row", Expires: time.Minute}

// kinds are all engines; what holds of one holds of each.
func kinds(t *testing.T, f func(t *testing.T, open func() cache.Engine)) {
	redis := func(t *testing.T, o cache.RedisOptions) func() cache.Engine {
		o.Prefix, o.Timeout = "zg:", 5*time.Second
		return func() cache.Engine {
			e, err := cache.NewRedis(o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close() })
			return e
		}
	}
	t.Run("memory", func(t *testing.T) {
		m := cache.NewMemory(0)
		f(t, func() cache.Engine { return m })
	})
	t.Run("redis", func(t *testing.T) {
		f(t, redis(t, cache.RedisOptions{Addresses: []string{peer.StartRedis(t).Address}}))
	})
	t.Run("password", func(t *testing.T) {
		n := peer.StartRedis(t, "user default off", "user zhigui on >secret ~zg:* +@all")
		f(t, redis(t, cache.RedisOptions{Addresses: []string{n.Address}, User: "zhigui", Password: "secret"}))
	})
	t.Run("sentinel", func(t *testing.T) {
		f(t, redis(t, cache.RedisOptions{Addresses: peer.StartRedisSentinel(t).Addresses(), Master: "main"}))
	})
	t.Run("cluster", func(t *testing.T) {
		f(t, redis(t, cache.RedisOptions{Addresses: peer.RedisAddresses(peer.StartRedisCluster(t)), Cluster: true}))
	})
}

// req: CA-01, CA-02
func TestEveryEngineKeepsTheContract(t *testing.T) {
	kinds(t, func(t *testing.T, open func() cache.Engine) {
		ctx := t.Context()
		a, b := open(), open()
		get := func(e cache.Engine, key string) (string, string) {
			t.Helper()
			v, lease, err := e.Get(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			return string(v), lease
		}
		put := func(e cache.Engine, key, lease, v string, d time.Duration) {
			t.Helper()
			if err := e.Put(ctx, key, lease, []byte(v), d); err != nil {
				t.Fatal(err)
			}
		}
		v, lease := get(a, "k")
		if v != "" || lease == "" {
			t.Fatalf("an empty cache answers %q, lease %q", v, lease)
		}
		if v, other := get(b, "k"); v != "" || other != "" {
			t.Errorf("a second reader got %q, lease %q", v, other)
		}
		put(b, "k", "", "stolen", time.Minute)
		put(b, "k", "Lwrong", "stolen", time.Minute)
		put(a, "k", lease, "one", time.Minute)
		if v, _ := get(b, "k"); v != "one" {
			t.Errorf("the other server reads %q", v)
		}
		put(a, "k", lease, "two", time.Minute)
		if v, _ := get(b, "k"); v != "one" {
			t.Errorf("a lease was used twice: %q", v)
		}

		// What was read before a deletion is not stored after it.
		_, lease = get(a, "late")
		if err := b.Delete(ctx, "late", "k", "never there"); err != nil {
			t.Fatal(err)
		}
		put(a, "late", lease, "old", time.Minute)
		if v, _ := get(b, "late"); v != "" {
			t.Errorf("a copy from before the deletion: %q", v)
		}
		if v, _ := get(b, "k"); v != "" {
			t.Errorf("a deleted copy: %q", v)
		}

		_, lease = get(a, "short")
		put(a, "short", lease, "x", 30*time.Millisecond)
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if v, _ := get(b, "short"); v == "" {
				break
			}
			if time.Now().After(end) {
				t.Fatal("a copy outlives its expiry")
			}
		}

		// Every slot of a cluster, many at once, all deleted at once.
		var keys []string
		var wg sync.WaitGroup
		for i := range 200 {
			key := fmt.Sprint("many", i)
			keys = append(keys, key)
			wg.Go(func() {
				_, lease, err := a.Get(ctx, key)
				if err == nil {
					err = a.Put(ctx, key, lease, []byte(key), time.Minute)
				}
				if v, _, err2 := b.Get(ctx, key); err != nil || err2 != nil || string(v) != key {
					t.Error(err, err2, string(v))
				}
			})
		}
		wg.Wait()
		if err := b.Delete(ctx, keys...); err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if v, _ := get(a, k); v != "" {
				t.Errorf("%s is still there", k)
			}
		}
	})
}

// source is a database of one row, which counts how often it is read.
type source struct {
	mu    sync.Mutex
	v     string
	reads int
	err   error
}

func (s *source) read(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.v, s.err
}

func (s *source) set(v string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.v = v
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func load(t *testing.T, c *cache.Cache, s *source) string {
	t.Helper()
	began := time.Now()
	v, err := cache.Load(t.Context(), c, row, "1", s.read)
	if err != nil {
		t.Fatal("a reader saw an error: ", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Error("a reader waited", d)
	}
	return v
}

func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: ", what)
		}
	}
}

func vault(t *testing.T) *hsm.Vault {
	t.Helper()
	v, err := hsm.NewVault(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func overRedis(t *testing.T, o cache.RedisOptions, log *logged) *cache.Cache {
	t.Helper()
	o.Timeout = 200 * time.Millisecond
	e, err := cache.NewRedis(o)
	if err != nil {
		t.Fatal(err)
	}
	c := cache.New(e, cache.Options{Timeout: o.Timeout, Sealer: vault(t), Log: slog.New(slog.NewTextHandler(log, nil))})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// outage runs a cache through the loss of its server: every read is answered from the database, the log has a
// line when it goes and one when it comes, and a change made meanwhile is never followed by the old copy.
func outage(t *testing.T, o cache.RedisOptions, down, up func()) {
	var log logged
	c, src := overRedis(t, o, &log), &source{v: "one"}
	served := func() string { c.Heard(); return load(t, c, src) }
	await(t, "a copy", func() bool { n := src.count(); return served() == "one" && src.count() == n })
	down()
	for range 20 {
		if v := served(); v != "one" {
			t.Fatal("while it is away: ", v)
		}
	}
	src.set("two")
	_ = c.Drop(t.Context(), cache.Key(row, "1")) // does not arrive, or does at a new master
	up()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); { // the deletion is not repeated yet
		if v := served(); v != "two" {
			t.Fatal("the old copy: ", v)
		}
	}
	await(t, "the deletion again", func() bool { return c.Again(t.Context()) == nil })
	await(t, "copies again", func() bool { n := src.count(); return served() == "two" && src.count() == n })
	if away, back := log.count("the cache is away"), log.count("the cache is back"); away != 1 || back != 1 {
		t.Errorf("%d lines for going and %d for coming back, want one each", away, back)
	}
}

func TestARedisThatDiesIsReplacedByTheDatabase(t *testing.T) {
	n := peer.StartRedis(t)
	outage(t, cache.RedisOptions{Addresses: []string{n.Address}}, n.Kill, n.Restart)
}

func TestARedisThatStandsStillCostsADeadlineAndNoMore(t *testing.T) {
	n := peer.StartRedis(t)
	outage(t, cache.RedisOptions{Addresses: []string{n.Address}}, func() { n.Signal(syscall.SIGSTOP) }, func() { n.Signal(syscall.SIGCONT) })
}

// req: CA-02
func TestAMasterThatDiesIsReplacedByItsReplica(t *testing.T) {
	s := peer.StartRedisSentinel(t)
	outage(t, cache.RedisOptions{Addresses: s.Addresses(), Master: "main"}, s.Nodes[0].Kill, func() {})
}

// req: CA-02
func TestANodeOfAClusterThatDiesLeavesTheOthers(t *testing.T) {
	nodes := peer.StartRedisCluster(t)
	var log logged
	c := overRedis(t, cache.RedisOptions{Addresses: peer.RedisAddresses(nodes), Cluster: true}, &log)
	const n = 60
	src := make([]source, n)
	all := func() (copies int) {
		for i := range src {
			src[i].set(fmt.Sprint("v", i))
			before := src[i].count()
			c.Heard()
			v, err := cache.Load(t.Context(), c, row, fmt.Sprint(i), src[i].read)
			if err != nil || v != fmt.Sprint("v", i) {
				t.Fatal(i, v, err)
			}
			if src[i].count() == before {
				copies++
			}
		}
		return copies
	}
	await(t, "all are copies", func() bool { return all() == n })
	nodes[1].Kill()
	await(t, "those of the others are copies", func() bool { k := all(); return k > 0 && k < n })
	nodes[1].Restart()
	await(t, "all are copies again", func() bool { return all() == n })
}

// A cache that may not have heard of a change is not believed.
func TestACacheThatHearsNothingIsNotUsed(t *testing.T) {
	c, src := cache.New(cache.NewMemory(0), cache.Options{}), &source{v: "one"}
	for range 3 {
		load(t, c, src)
	}
	if src.count() != 3 {
		t.Errorf("before the first turn %d of 3 reads were the database's", src.count())
	}
	c.Heard()
	load(t, c, src)
	load(t, c, src)
	if src.count() != 4 {
		t.Errorf("%d reads, want 4", src.count())
	}
	await(t, "the database again", func() bool { n := src.count(); load(t, c, src); return src.count() > n })
	if d := c.Stats().Bypassed; d < 4 {
		t.Error("bypassed", d)
	}
}

// req: CA-03
func TestEveryKeyHasAnExpiryAndMemoryABound(t *testing.T) {
	n := peer.StartRedis(t)
	var log logged
	c := overRedis(t, cache.RedisOptions{Addresses: []string{n.Address}, Prefix: "zg:"}, &log)
	for _, m := range cache.Modules() {
		if m.Expires <= 0 || m.Expires > 24*time.Hour {
			t.Errorf("%s: %v", m.Name, m.Expires)
		}
		c.Heard()
		src := &source{v: m.Name}
		for range 2 {
			if _, err := cache.Load(t.Context(), c, m, "x", src.read); err != nil {
				t.Fatal(err)
			}
		}
		if src.count() != 1 {
			t.Errorf("%s was not kept", m.Name)
		}
	}
	if _, err := cache.Load(t.Context(), c, row, "absent", (&source{err: errors.New("no such row")}).read); err == nil {
		t.Error("an error of the database was lost")
	}
	keys, err := n.Do("KEYS", "*")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, k := range strings.Fields(keys) {
		if !strings.HasPrefix(k, "zg:") {
			continue
		}
		found++
		ttl, err := n.Do("PTTL", k)
		if err != nil || strings.HasPrefix(ttl, ":-") {
			t.Errorf("%s has no expiry: %q %v", k, ttl, err)
		}
	}
	if found != len(cache.Modules())+1 { // and the lease of what is not there
		t.Errorf("%d keys", found)
	}

	m := cache.NewMemory(100)
	for i := range 1000 {
		if _, _, err := m.Get(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if m.Len() > 100 {
		t.Errorf("%d entries, want 100 at most", m.Len())
	}
}

// What lies in Redis cannot be read, changed, moved to another key, or put back later.
func TestCopiesOutsideTheProcessAreSealed(t *testing.T) {
	n := peer.StartRedis(t)
	var log logged
	c := overRedis(t, cache.RedisOptions{Addresses: []string{n.Address}}, &log)
	src := &source{v: "role=manager"}
	c.Heard()
	load(t, c, src)
	kept, err := n.Do("GET", cache.Key(row, "1"))
	if err != nil || strings.Contains(kept, "manager") || !strings.Contains(kept, "V") {
		t.Fatalf("%q %v", kept, err)
	}
	_, value, _ := strings.Cut(kept, "\r\n")
	value = strings.TrimSuffix(value, "\r\n")
	spoilt := map[string]struct{ key, value string }{
		"forged":  {cache.Key(row, "1"), `V........{"role":"admin"}`},
		"changed": {cache.Key(row, "1"), value[:len(value)-1] + string(value[len(value)-1]^1)},
		"moved":   {cache.Key(row, "2"), value},
	}
	for name, x := range spoilt {
		t.Run(name, func(t *testing.T) {
			if _, err := n.Do("SET", x.key, x.value, "PX", "60000"); err != nil {
				t.Fatal(err)
			}
			c.Heard()
			src := &source{v: "truth"}
			v, err := cache.Load(t.Context(), c, row, strings.TrimPrefix(x.key, "row:"), src.read)
			if err != nil || v != "truth" || src.count() != 1 {
				t.Error(v, err, src.count())
			}
		})
	}
	t.Run("put back later", func(t *testing.T) {
		brief := cache.Module{Name: "brief", Expires: 50 * time.Millisecond}
		c.Heard()
		if _, err := cache.Load(t.Context(), c, brief, "1", src.read); err != nil {
			t.Fatal(err)
		}
		kept, err := n.Do("GET", "brief:1")
		if err != nil {
			t.Fatal(err)
		}
		_, value, _ := strings.Cut(kept, "\r\n")
		await(t, "it is over", func() bool { v, _ := n.Do("EXISTS", "brief:1"); return strings.HasPrefix(v, ":0") })
		if _, err := n.Do("SET", "brief:1", strings.TrimSuffix(value, "\r\n"), "PX", "60000"); err != nil {
			t.Fatal(err)
		}
		c.Heard()
		again := &source{v: "truth"}
		if v, err := cache.Load(t.Context(), c, brief, "1", again.read); err != nil || v != "truth" {
			t.Error(v, err)
		}
	})
}

// req: CA-06
func TestARequestReadsARowOnceAndForItselfAlone(t *testing.T) {
	var none *cache.Cache
	src := &source{v: "one"}
	ctx, end := cache.Request(t.Context())
	read := func(ctx context.Context) string {
		t.Helper()
		v, err := cache.Load(ctx, none, row, "1", src.read)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	read(ctx)
	src.set("two")
	if v := read(ctx); v != "one" || src.count() != 1 {
		t.Errorf("the second time it read %q, %d reads", v, src.count())
	}
	other, endOther := cache.Request(t.Context())
	defer endOther()
	if v := read(other); v != "two" {
		t.Errorf("another request got %q", v)
	}
	_ = none.Drop(ctx, cache.Key(row, "1")) // what the request itself has changed
	if v := read(ctx); v != "two" {
		t.Errorf("its own change is not seen: %q", v)
	}
	n := src.count()
	end()
	read(ctx)
	read(ctx)
	if src.count() != n+2 {
		t.Error("after its end the request still has something")
	}
	var wg sync.WaitGroup // under -race: nothing is shared between goroutines unguarded
	shared, endShared := cache.Request(t.Context())
	for range 20 {
		wg.Go(func() { _, _ = cache.Load(shared, none, row, "1", src.read) })
	}
	wg.Wait()
	endShared()
}
