package cache

import (
	"context"
	"sync"
)

// request is the second class of cache: what one request has read, for itself alone. Its entries are
// never updated; a change that the request itself makes removes them. Another goroutine that asks while it is in use reads
// for itself, and after the end nothing is there.
type request struct {
	mu    sync.Mutex
	ended bool
	kept  map[string]any
}

type requestKey struct{}

// Request gives a request its cache. end releases it.
func Request(ctx context.Context) (_ context.Context, end func()) {
	r := &request{}
	return context.WithValue(ctx, requestKey{}, r), r.end
}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

func (r *request) get(key string) (any, bool) {
	if r == nil || !r.mu.TryLock() {
		return nil, false
	}
	defer r.mu.Unlock()
	v, ok := r.kept[key]
	return v, ok
}

func (r *request) put(key string, v any) {
	if r == nil || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if _, there := r.kept[key]; there || r.ended || len(r.kept) >= requestEntries {
		return
	}
	if r.kept == nil {
		r.kept = map[string]any{}
	}
	r.kept[key] = v
}

// requestEntries bounds a request that lists very much.
const requestEntries = 1000

func (r *request) drop(keys []string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range keys {
		delete(r.kept, k)
	}
}

func (r *request) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.kept = true, nil
}
