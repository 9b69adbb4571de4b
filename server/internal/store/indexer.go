package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/internal/store/schema"
)

// indexer brings SQLite's indexes for searches, and with them the unique one of keys, up to date, in quiet moments or when too many
// rows wait: up to mark they hold every row, behind it searches read row by row.
type indexer struct {
	mark    atomic.Int64 // for those who search
	planned atomic.Int64 // for those who write: a row up to here goes into the indexes by itself
	behind  atomic.Int64 // rows that wait behind the mark
	one     sync.Mutex   // of those who take rows in
	stop    context.CancelFunc
	done    sync.WaitGroup
	log     *slog.Logger
	trouble string // why it does not go on; "" when it does
}

// tell says in the log why the indexes stay behind, once for each cause, and that they go on.
func (x *indexer) tell(ctx context.Context, err error) {
	cause := ""
	if err != nil && ctx.Err() == nil {
		cause = err.Error()
	}
	switch {
	case cause == x.trouble || x.log == nil || err != nil && cause == "":
		return
	case cause == "":
		x.log.Info("the journal's indexes are brought up to date again", "was", x.trouble)
	default:
		x.log.Error("the journal's indexes are not brought up to date: searches read row by row", "error", cause, "behind", x.behind.Load())
	}
	x.trouble = cause
}

const (
	markName  = "journal.searchable"
	indexStep = 500             // rows in one write
	indexLag  = 5 * time.Second // younger rows may still get neighbours with smaller numbers
	indexWait = 100_000         // rows that may wait while the writer has work
)

// overlooked are rows of files before version 7, whose indexers were two when two processes had them open: the mark had passed
// them when they came. Version 7 knows a key from its index or from behind the mark.
const overlooked = `UPDATE TX_ON_JOURNAL SET SEARCH_STATE=1, UPDATE_TIME=UPDATE_TIME WHERE SEARCH_STATE=0
 AND JOURNAL_NUMBER<=(SELECT LAST_NUMBER FROM SY_NO_SEQUENCE WHERE SEQUENCE_NAME='` + markName + `')`

func (s *Store) startIndex(ctx context.Context) error {
	if s.d.engine != schema.SQLite {
		return nil
	}
	mark, err := s.readMark(ctx)
	if err != nil {
		return err
	}
	s.index.planned.Store(mark)
	if s.tool {
		s.index.every(func(ctx context.Context) { // the next second tries again
			_, err := s.readMark(ctx)
			s.index.tell(ctx, err)
		})
		return nil
	}
	if err := s.w.recent.load(ctx, s, mark); err != nil {
		return err
	}
	s.index.behind.Store(int64(len(s.w.recent.numbers)))
	last := uint64(0)
	s.index.every(func(ctx context.Context) {
		writes := s.w.writes.Load()
		busy := writes-last > indexStep
		last = writes
		if busy && s.index.behind.Load() < indexWait {
			return
		}
		s.index.tell(ctx, s.indexUntil(ctx, time.Now().Add(-indexLag)))
		last = s.w.writes.Load()
	})
	return nil
}

// readMark takes over how far the indexes are.
func (s *Store) readMark(ctx context.Context) (mark int64, err error) {
	if err := s.row(ctx, `SELECT LAST_NUMBER FROM SY_NO_SEQUENCE WHERE SEQUENCE_NAME=?`, markName).Scan(&mark); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("store: %w", err)
	}
	s.index.mark.Store(mark)
	return mark, nil
}

// every calls f each second until end.
func (x *indexer) every(f func(ctx context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	x.stop = stop
	x.done.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				f(ctx)
			}
		}
	})
}

func (x *indexer) end() {
	if x.stop != nil {
		x.stop()
	}
	x.done.Wait()
}

// indexUntil takes all rows of before a moment into the indexes; where they hold every row anyway, or another process sees to them, it does
// nothing.
func (s *Store) indexUntil(ctx context.Context, before time.Time) error {
	if s.d.engine != schema.SQLite || s.tool {
		return nil
	}
	for ctx.Err() == nil {
		if n, err := s.indexOnce(ctx, before); err != nil || n < indexStep {
			return err
		}
	}
	return ctx.Err()
}

// indexOnce takes the next rows of before a moment into the indexes, and tells how many.
func (s *Store) indexOnce(ctx context.Context, before time.Time) (int, error) {
	s.index.one.Lock()
	defer s.index.one.Unlock()
	from := s.index.mark.Load()
	var n int
	var to sql.NullInt64
	if err := s.row(ctx, `SELECT COUNT(*), MAX(JOURNAL_NUMBER) FROM (SELECT JOURNAL_NUMBER FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER>? AND JOURNAL_NUMBER<? ORDER BY JOURNAL_NUMBER LIMIT ?)`,
		from, NumberAt(before), indexStep).Scan(&n, &to); err != nil || n == 0 {
		return n, err
	}
	var keys []string
	err := s.write(ctx, func(tx *Tx) (err error) {
		s.index.planned.Store(to.Int64)
		if keys, err = tx.texts(`UPDATE TX_ON_JOURNAL SET SEARCH_STATE=1, UPDATE_TIME=UPDATE_TIME WHERE JOURNAL_NUMBER>? AND JOURNAL_NUMBER<=? AND SEARCH_STATE=0
 RETURNING IDEMPOTENCY_KEY`, from, to.Int64); err != nil {
			return err
		}
		_, err = tx.exec(`INSERT INTO SY_NO_SEQUENCE (SEQUENCE_NAME, LAST_NUMBER) VALUES (?, ?) ON CONFLICT (SEQUENCE_NAME) DO UPDATE SET LAST_NUMBER=excluded.LAST_NUMBER, UPDATE_TIME=excluded.UPDATE_TIME`,
			markName, to.Int64)
		return err
	})
	if err == nil {
		s.w.recent.remove(keys) // the unique index has them
		s.index.mark.Store(to.Int64)
		s.index.behind.Add(-int64(n))
	}
	return n, err
}

// searchable is the SEARCH_STATE of a new row.
func (s *Store) searchable(number int64) int64 {
	if number <= s.index.planned.Load() {
		return 1
	}
	return 0
}
