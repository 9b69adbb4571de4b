package conformance

import (
	"bytes"
	"fmt"
	"sync"

	"zhigui/server/internal/hsm"
)

// Memory is a key store for tests. It keeps versions as server/internal/store does.
type Memory struct {
	mu   sync.Mutex
	recs map[string]hsm.Record
}

// NewMemory is an empty store.
func NewMemory() *Memory { return &Memory{recs: map[string]hsm.Record{}} }

// SaveKeys implements hsm.Keys.
func (m *Memory) SaveKeys(recs ...hsm.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range recs {
		m.recs[fmt.Sprintf("%s|%d|%d", r.Owner, r.Use, r.Version)] = r
		for k, o := range m.recs {
			working := o.Owner == r.Owner && isWorking(o.Use)
			if working && (r.Use == hsm.UseTMK || isWorking(r.Use) && o.Version+1 < r.Version) {
				delete(m.recs, k)
			}
		}
	}
	return nil
}

func isWorking(u hsm.Use) bool { return u == hsm.UsePIN || u == hsm.UseMAC || u == hsm.UseTDK }

// DropKeys implements hsm.Keys.
func (m *Memory) DropKeys(owner string, keep ...hsm.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, r := range m.recs {
		if r.Owner == owner {
			delete(m.recs, k)
		}
	}
	for _, r := range keep {
		m.recs[fmt.Sprintf("%s|%d|%d", r.Owner, r.Use, r.Version)] = r
	}
	return nil
}

// LoadKeys implements hsm.Keys.
func (m *Memory) LoadKeys(owner string) ([]hsm.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []hsm.Record
	for _, r := range m.recs {
		if owner == "" || r.Owner == owner {
			out = append(out, r)
		}
	}
	return out, nil
}

func (m *Memory) contains(raw []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.recs {
		if bytes.Contains(r.Sealed, raw) || bytes.Contains(bytes.ToUpper(r.Sealed), []byte(fmt.Sprintf("%X", raw))) {
			return true
		}
	}
	return false
}
