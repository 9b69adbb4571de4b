package store

import (
	"context"
	"log/slog"
	"time"

	"zhigui/server/internal/cache"
)

// Copies of rows in a cache are deleted with the change of their row: what must go is written into
// SY_EV_CHANGE by the transaction that makes it stale (a transaction table), is deleted right after the
// commit, and by every process that reads the table (FollowStale). Whoever dies in between has left the
// word; a deletion that the cache lost is repeated when the row is removed.

// staleKind is the kind of these rows; pages are not told of them.
const staleKind = "cache"

// UseCache lets frequent reads go through c. It is called before anything else uses the store, and works
// from the first turn of FollowStale on.
func (s *Store) UseCache(c *cache.Cache) { s.cache = c }

// Cache tells how the cache is doing; false without one.
func (s *Store) Cache() (cache.Stats, bool) {
	if s.cache == nil {
		return cache.Stats{}, false
	}
	return s.cache.Stats(), true
}

// stale notes copies that this transaction makes stale.
func (t *Tx) stale(s *Store, keys []string) error {
	now := ms(time.Now())
	for _, k := range keys {
		if _, err := t.exec(`INSERT INTO SY_EV_CHANGE (SENDER_NAME, SENDER_NUMBER, EVENT_KIND, EVENT_SUBJECT, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?)`,
			s.sender, s.staleNumber.Add(1), staleKind, k, now, now); err != nil {
			return err
		}
	}
	return nil
}

// change is write for what has copies under keys.
func (s *Store) change(ctx context.Context, keys []string, f func(*Tx) error) error {
	err := s.write(ctx, func(tx *Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return tx.stale(s, keys)
	})
	if s.committed != nil {
		s.committed()
	}
	_ = s.cache.Drop(ctx, keys...) // whatever became of the write; what fails is in the table
	return err
}

const (
	staleEvery  = 300 * time.Millisecond
	staleBehind = 200 // numbers that may appear late
	staleKeep   = time.Minute
)

// FollowStale deletes copies that other processes have made stale, until ctx ends.
func (s *Store) FollowStale(ctx context.Context, log *slog.Logger) {
	f := s.follower()
	t := time.NewTicker(staleEvery)
	defer t.Stop()
	failed := false
	for {
		err := f.once(ctx, time.Now())
		if err != nil && ctx.Err() == nil && !failed {
			log.Warn("the cache does not hear of changes: the database serves", "error", err.Error())
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

type follower struct {
	s    *Store
	at   int64
	seen map[int64]bool
	turn int64
	last time.Time // turn that read the table
}

func (s *Store) follower() *follower { return &follower{s: s, seen: map[int64]bool{}} }

// once does what has come since the last turn; the first does all that is left of others.
func (f *follower) once(ctx context.Context, now time.Time) error {
	es, err := f.s.staleAfter(ctx, f.at-staleBehind)
	if err != nil {
		return err
	}
	if !f.last.IsZero() && now.Sub(f.last) > staleKeep/2 { // others may have removed rows that were not read here
		f.s.cache.Distrust()
	}
	f.last = now
	var keys []string
	for _, e := range es {
		f.at = max(f.at, e.Number)
		if !f.seen[e.Number] {
			f.seen[e.Number] = true
			keys = append(keys, e.Subject)
		}
	}
	for n := range f.seen {
		if n <= f.at-staleBehind {
			delete(f.seen, n)
		}
	}
	for at := 0; at < len(keys); at += 500 {
		_ = f.s.cache.Drop(ctx, keys[at:min(at+500, len(keys))]...) // what fails waits for Again
	}
	if err := f.s.cache.Again(ctx); err != nil {
		return nil //nolint:nilerr // the cache is away, which its breaker says; nothing is read from it
	}
	f.s.cache.Heard()
	if f.turn++; f.turn%20 == 0 {
		return f.forget(ctx, now.Add(-staleKeep))
	}
	return nil
}

// forget deletes the copies of old rows once more, as a master of the cache that died may have taken the
// deletion with it, and then the rows, but for the newest of the table: SQLite would give its number away again.
func (f *follower) forget(ctx context.Context, before time.Time) error {
	last, err := f.s.LastChange(ctx)
	if err != nil {
		return err
	}
	es, err := list(ctx, f.s, scanChange, selectStale+` AND CREATE_TIME<? AND ID<? ORDER BY ID LIMIT 500`, staleKind, ms(before), last)
	if err != nil || len(es) == 0 {
		return err
	}
	keys := make([]string, len(es))
	for i, e := range es {
		keys[i] = e.Subject
	}
	if err := f.s.cache.Drop(ctx, keys...); err != nil {
		return nil //nolint:nilerr // later
	}
	return f.s.write(ctx, func(tx *Tx) error {
		for _, e := range es {
			if _, err := tx.exec(`DELETE FROM SY_EV_CHANGE WHERE ID=?`, e.Number); err != nil {
				return err
			}
		}
		return nil
	})
}

const selectStale = `SELECT ID, SENDER_NAME, EVENT_KIND, EVENT_SUBJECT FROM SY_EV_CHANGE WHERE EVENT_KIND=?`

func (s *Store) staleAfter(ctx context.Context, after int64) ([]Change, error) {
	return list(ctx, s, scanChange, selectStale+` AND ID>? ORDER BY ID`, staleKind, after)
}
