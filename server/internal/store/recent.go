package store

import (
	"context"
	"fmt"
	"sync"
)

// recent holds the idempotency keys of the rows that SQLite's unique index has not taken in yet:
// those behind the mark of the indexer, of which each has its own place in that index and would
// cost every transaction a page. Together the two refuse every repeat. The lane adds and
// takes back with its transaction; anybody may ask.
type recent struct {
	mu      sync.RWMutex
	numbers map[string]int64 // journal number by key
}

// load reads the keys of the rows behind the mark.
func (r *recent) load(ctx context.Context, s *Store, mark int64) error {
	rows, err := s.read.QueryContext(ctx, `SELECT IDEMPOTENCY_KEY, JOURNAL_NUMBER FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER>? AND SEARCH_STATE=0`, mark)
	if err != nil {
		return fmt.Errorf("store: keys of the newest rows: %w", err)
	}
	defer rows.Close() //nolint:errcheck // only read
	for rows.Next() {
		var key string
		var number int64
		if err := rows.Scan(&key, &number); err != nil {
			return fmt.Errorf("store: keys of the newest rows: %w", err)
		}
		r.numbers[key] = number
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("store: keys of the newest rows: %w", err)
	}
	return nil
}

func (r *recent) number(key string) (int64, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n, ok := r.numbers[key]
	return n, ok
}

func (r *recent) add(key string, number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers[key] = number
}

func (r *recent) remove(keys []string) {
	if len(keys) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range keys {
		delete(r.numbers, k)
	}
}
