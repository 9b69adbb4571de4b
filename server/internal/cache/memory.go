package cache

import (
	"context"
	"crypto/rand"
	"sync"
	"time"
)

// Memory is the engine of a machine with nothing installed: copies of this process, a bounded number of
// them. Other servers have their own; the table of changes keeps them together.
type Memory struct {
	most int
	mu   sync.Mutex
	m    map[string]kept
}

type kept struct {
	value []byte
	lease string // instead of a value
	until time.Time
}

// NewMemory makes the engine; it holds most copies, 10,000 when most is 0.
func NewMemory(most int) *Memory {
	if most <= 0 {
		most = 10_000
	}
	return &Memory{most: most, m: map[string]kept{}}
}

// Get implements Engine.
func (m *Memory) Get(_ context.Context, key string) ([]byte, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if k, ok := m.m[key]; ok && now.Before(k.until) {
		return k.value, "", nil
	}
	m.room(now)
	lease := rand.Text()
	m.m[key] = kept{lease: lease, until: now.Add(LeaseTime)}
	return nil, lease, nil
}

// room makes place for one more: what is over goes first, then whatever comes first.
func (m *Memory) room(now time.Time) {
	if len(m.m) < m.most {
		return
	}
	for k, v := range m.m {
		if !now.Before(v.until) {
			delete(m.m, k)
		}
	}
	for k := range m.m {
		if len(m.m) < m.most-m.most/10 {
			return
		}
		delete(m.m, k)
	}
}

// Put implements Engine.
func (m *Memory) Put(_ context.Context, key, lease string, value []byte, expires time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if k, ok := m.m[key]; ok && lease != "" && k.lease == lease && now.Before(k.until) {
		m.m[key] = kept{value: value, until: now.Add(expires)}
	}
	return nil
}

// Delete implements Engine.
func (m *Memory) Delete(_ context.Context, keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		delete(m.m, k)
	}
	return nil
}

// Len is the number of entries.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.m)
}

// Close implements Engine.
func (m *Memory) Close() error { return nil }
