package store

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/server/internal/store/schema"
)

func openFile(t *testing.T, file string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{DSN: file, FsyncDelay: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.index.end() // the test itself says when rows go into the indexes
	return s
}

// A repeat is refused wherever the key of the first one is: in the same commit, in memory, in the index, and after
// a start with rows that the index has not taken in.
func TestARepeatIsRefusedWhereverItsKeyIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.db")
	begin := time.Now().Add(-time.Hour)
	old := func(i int64) *Txn { x := row(i); x.ID = NumberAt(begin) + i; return x }
	repeats := func(s *Store, when string) {
		t.Helper()
		for i := int64(1); i <= 3; i++ {
			first, again := old(i), row(100+i)
			again.Idem = first.Idem
			if fresh, err := s.Insert(t.Context(), again); fresh || err != nil {
				t.Errorf("%s: repeat of %d: fresh %v, %v", when, i, fresh, err)
			}
			if got, err := s.ByIdem(t.Context(), first.Idem); err != nil || got.ID != first.ID {
				t.Errorf("%s: %d by its key: %+v, %v", when, i, got, err)
			}
		}
		if _, err := s.ByIdem(t.Context(), "T|4"); !errors.Is(err, ErrNotFound) {
			t.Error(when, err)
		}
	}
	s := openFile(t, file)
	for i := int64(1); i <= 3; i++ {
		insert(t, s, old(i))
	}
	repeats(s, "in memory")
	_ = s.Close()
	s = openFile(t, file)
	if len(s.w.recent.numbers) != 3 {
		t.Fatalf("%d keys after a start", len(s.w.recent.numbers))
	}
	repeats(s, "after a start")
	if n, err := s.indexOnce(t.Context(), time.Now()); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if len(s.w.recent.numbers) != 0 {
		t.Errorf("%d keys in memory that the index has", len(s.w.recent.numbers))
	}
	repeats(s, "in the index")
	late := old(0)
	late.Idem = "T|late" // its number is before the mark: it goes into the index by itself
	insert(t, s, late)
	if fresh, err := s.Insert(t.Context(), &Txn{ID: late.ID + 50, Idem: late.Idem, Digest: []byte{1}, Created: begin, Updated: begin}); fresh || err != nil || len(s.w.recent.numbers) != 0 {
		t.Error(fresh, err, s.w.recent.numbers)
	}
	_ = s.Close()
	s = openFile(t, file)
	repeats(s, "in the index, after a start")

	var wg sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for i := range int64(40) {
		wg.Go(func() {
			x := row(200 + i)
			x.Idem = "T|same"
			ok, err := s.Insert(context.Background(), x)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				fresh++
			}
		})
	}
	wg.Wait()
	if fresh != 1 {
		t.Errorf("%d of forty at once were fresh", fresh)
	}
}

// A process beside the one that takes transactions leaves the indexes alone, follows how far they are, and takes none itself.
func TestAProcessBesideTheServerLeavesTheKeysAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.db")
	s := openFile(t, file)
	beside, err := Open(t.Context(), Options{DSN: file, Tool: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close() //nolint:errcheck // test
	begin := time.Now().Add(-time.Hour)
	x := row(1)
	x.ID = NumberAt(begin)
	insert(t, s, x)
	if fresh, err := beside.Insert(t.Context(), row(2)); fresh || err == nil {
		t.Error("it took a transaction")
	}
	// A mark before the row, as another row would leave it: the process beside follows it at its next tick, at which an indexer
	// of its own would have taken the row.
	follows := func(mark int64) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); beside.index.mark.Load() != mark; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it does not follow the mark to %d", mark)
			}
		}
	}
	for _, mark := range []int64{x.ID - 2, x.ID - 1} {
		if err := s.write(t.Context(), func(tx *Tx) error {
			_, err := tx.exec(`INSERT INTO SY_NO_SEQUENCE (SEQUENCE_NAME, LAST_NUMBER) VALUES (?, ?) ON CONFLICT (SEQUENCE_NAME) DO UPDATE SET LAST_NUMBER=excluded.LAST_NUMBER, UPDATE_TIME=excluded.UPDATE_TIME`, markName, mark)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		follows(mark)
	}
	var state int
	if err := s.row(t.Context(), `SELECT SEARCH_STATE FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER=?`, x.ID).Scan(&state); state != 0 || err != nil || len(s.w.recent.numbers) != 1 {
		t.Error("the indexes were touched", state, err)
	}
	if _, err := s.indexOnce(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	follows(x.ID)
}

// What was taken back with its commit may be written afterwards, and nothing that was written with it is lost.
func TestAKeyIsFreeAgainAfterItsCommitWasTakenBack(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "t.db"))
	x, y := row(1), row(2)
	errWrong := errors.New("wrong")
	if err := s.write(t.Context(), func(tx *Tx) error {
		if fresh, err := s.insertOnce(tx, x, argsOf(x)); !fresh || err != nil {
			t.Error(fresh, err)
		}
		return errWrong
	}); !errors.Is(err, errWrong) {
		t.Fatal(err)
	}
	if _, err := s.ByIdem(t.Context(), x.Idem); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	insert(t, s, x)
	insert(t, s, y)
	if fresh, err := s.Insert(t.Context(), x); fresh || err != nil {
		t.Error(fresh, err)
	}
}

// A row that is passed over for another reason than its key is an error, not a repeat.
func TestATakenNumberIsNoRepeat(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "t.db"))
	x := row(1)
	insert(t, s, x)
	y := row(2)
	y.ID = x.ID
	if fresh, err := s.Insert(t.Context(), y); fresh || err == nil {
		t.Error(fresh, err)
	}
	insert(t, s, row(2))
}

// A month that is put back beside a newer transaction with the same key leaves the key to that one.
func TestAKeyThatIsInUseAgainStaysWithTheNewTransaction(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "t.db"))
	insert(t, s, row(1))
	for _, indexed := range []bool{false, true} {
		if indexed {
			if _, err := s.indexOnce(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.write(t.Context(), func(tx *Tx) error {
			for key, want := range map[string]string{"T|1": "T|1|77", "T|9": "T|9"} {
				if got, err := tx.freeKey(key, 77); got != want || err != nil {
					t.Errorf("indexed %v: %s becomes %s, %v", indexed, key, got, err)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A file of the version before, whose unique index has all rows, is brought up to date and refuses its repeats, also
// those of a row that the mark of the indexes has passed without taking it in: the second of two processes
// had moved it.
func TestAFileWithTheOldIndexKeepsItsKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.db")
	s := openFile(t, file)
	x, passed := row(1), row(2)
	passed.ID = NumberAt(time.Now().Add(-time.Hour))
	insert(t, s, x)
	insert(t, s, passed)
	table := schema.TableOf("TX_ON_JOURNAL")
	if err := s.write(t.Context(), func(tx *Tx) error {
		for _, i := range table.Indexes {
			if i.Until != 7 {
				continue
			}
			if _, err := tx.exec("DROP INDEX " + i.Name(table)); err != nil {
				return err
			}
			if _, err := tx.exec(schema.CreateIndex(schema.SQLite, table, i)); err != nil {
				return err
			}
		}
		if _, err := tx.exec(`INSERT INTO SY_NO_SEQUENCE (SEQUENCE_NAME, LAST_NUMBER) VALUES (?, ?)`, markName, passed.ID+1); err != nil {
			return err
		}
		for _, t := range schema.Tables { // what that version and later ones brought to tables of before
			for _, c := range t.Columns {
				if c.Since < 7 || t.Since >= 7 {
					continue
				}
				if _, err := tx.exec("ALTER TABLE " + t.Name + " DROP COLUMN " + c.Name); err != nil {
					return err
				}
			}
		}
		n, err := tx.exec(`DELETE FROM SY_DB_VERSION WHERE version_id>=7`)
		if n == 0 {
			t.Error("no version 7")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	s = openFile(t, file)
	var text string
	if err := s.row(t.Context(), `SELECT sql FROM sqlite_master WHERE name='TX_ON_JOURNAL_IDEMPOTENCY_KEY_IDX'`).Scan(&text); err != nil || !strings.Contains(text, schema.Searchable) {
		t.Error(text, err)
	}
	for _, first := range []*Txn{x, passed} {
		again := row(77)
		again.Idem = first.Idem
		if fresh, err := s.Insert(t.Context(), again); fresh || err != nil {
			t.Error(first.Idem, fresh, err)
		}
	}
	if _, n, err := s.Search(t.Context(), Search{Terminal: passed.Terminal, Limit: 9}); n != 2 || err != nil {
		t.Errorf("%d found, %v", n, err)
	}
}

// The indexer says why it does not go on, once for each cause, and that it goes on.
func TestTheIndexerSaysOnceWhyItStandsStill(t *testing.T) {
	var out strings.Builder
	x := &indexer{log: slog.New(slog.NewTextHandler(&out, nil))}
	ctx := t.Context()
	for _, err := range []error{nil, errors.New("disk"), errors.New("disk"), errors.New("other"), nil, nil} {
		x.tell(ctx, err)
	}
	gone, stop := context.WithCancel(ctx)
	stop()
	x.tell(gone, context.Canceled)
	if n := strings.Count(out.String(), "\n"); n != 3 || strings.Count(out.String(), "error=disk") != 1 || strings.Count(out.String(), "was=other") != 1 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}
