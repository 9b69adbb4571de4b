package trade_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/dbserver"
)

// The database's disk is full in the middle of the traffic: none of its files may grow any more. New
// transactions are refused before anything is sent, an outcome that cannot be stored is not told as an
// approval, and what is there can be read. When there is room again all goes on by itself, and the bank
// has booked what terminals were told and nothing else. (SQLite: bench/load.)
func TestADatabaseWithoutRoomRefusesAndLosesNothing(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			more := []string{"--innodb-log-file-size=8M", "--innodb-autoextend-increment=1"} // so that MariaDB's own files stay small
			if engine == dbserver.Postgres {
				more = nil
			}
			db, err := dbserver.Start(engine, more...)
			if errors.Is(err, dbserver.ErrMissing) && os.Getenv("HOSTS") != "required" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(db.Close)
			dsn, err := db.Database("room")
			if err != nil {
				t.Fatal(err)
			}
			r := newRigOf(&rig{t: t, dir: t.TempDir(), dsn: dsn, opt: trade.Options{HostTimeout: 2 * time.Second}})
			fillJournal(t, r.st)
			var terms []*term
			for i := range 8 {
				terms = append(terms, r.terminal(fmt.Sprintf("%08d", i+1), trade.Zone3DES))
			}
			var mu sync.Mutex
			said := map[string]int{}
			var approved []*message.Message
			who := map[*message.Message]*term{}
			traffic := func(n int) {
				var wg sync.WaitGroup
				for _, x := range terms {
					wg.Go(func() {
						for range n {
							q := x.request("010000", card1, "123456", 100)
							a, err := x.try(q, true)
							mu.Lock()
							if err != nil {
								said[err.Error()]++
							} else if said[a.String(39)]++; a.String(39) == "00" {
								approved, who[q] = append(approved, q), x
							}
							mu.Unlock()
						}
					})
				}
				wg.Wait()
			}
			traffic(5)
			if said["00"] != 40 {
				t.Fatal(said)
			}
			if err := db.NoRoom(); err != nil {
				t.Fatal(err)
			}
			refused := func() int { return said["96"] + said["98"] }
			for range 60 {
				if traffic(20); refused() > 100 {
					break
				}
			}
			if refused() == 0 {
				t.Fatalf("the disk was never full: %v", said)
			}
			for rc := range said {
				if !slices.Contains([]string{"00", "91", "96", "98"}, rc) {
					t.Errorf("terminals were told %v", said)
				}
			}
			for _, q := range approved { // nothing was approved that is not booked
				if x := r.txn(who[q], q); x.State != store.Approved && x.State != store.Suspense {
					t.Errorf("approved to the terminal, and %s in the journal", x.State)
				}
			}
			if _, n, err := r.st.Search(t.Context(), store.Search{Terminal: terms[0].id, Limit: 5}); err != nil || n == 0 {
				t.Errorf("nobody can look: %d, %v", n, err)
			}
			t.Log("while it was full:", said)
			if err := db.Room(); err != nil {
				t.Fatal(err)
			}
			until(t, "service again", func() bool {
				q := terms[0].request("010000", card1, "123456", 100)
				a, err := terms[0].try(q, true)
				if err != nil || a.String(39) != "00" {
					return false
				}
				approved, who[q] = append(approved, q), terms[0]
				return true
			})
			for _, q := range approved {
				until(t, "a confirmation", func() bool {
					a, err := who[q].try(who[q].about("0220", q, 100), true)
					return err == nil && a.String(39) == "00"
				})
			}
			until(t, "every end", func() bool {
				open, err := r.st.InState(t.Context(), store.Intent, time.Now().Add(time.Hour), 9)
				return err == nil && len(open) == 0 && r.eng.Stats().ReversalsPending == 0
			})
			if got := 2_000_000 - r.balance(card1); got != int64(len(approved))*100 {
				t.Errorf("the bank has booked %d, terminals were told %d", got, len(approved)*100)
			}
			if v := r.bank.Check(); !v.OK {
				t.Error(v.Problems)
			}
			if _, n, err := r.st.Search(t.Context(), store.Search{State: store.Confirmed, Limit: 1}); n != len(approved) || err != nil {
				t.Errorf("%d confirmed in the journal, %d approved, %v", n, len(approved), err)
			}
			if t.Failed() {
				t.Log(db.Log())
			}
		})
	}
}

// fillJournal makes the journal the largest of the database's files, so that it is the first that cannot grow.
func fillJournal(t *testing.T, st *store.Store) {
	t.Helper()
	src := rand.NewChaCha8([32]byte{1})
	begin := store.NumberAt(time.Now()) - 20_000*store.Nodes
	var wg sync.WaitGroup
	for w := range 32 {
		body := make([]byte, 1500)
		_, _ = src.Read(body)
		wg.Go(func() {
			for i := range 500 {
				n := w*500 + i
				x := &store.Txn{ID: begin + int64(n)*store.Nodes, Idem: fmt.Sprintf("filler%d", n), Digest: []byte{0}, Terminal: "F0000001", Merchant: merchant, Kind: "balance", Batch: "000001",
					STAN: fmt.Sprintf("%06d", n), Request: body, State: store.Voided, Created: time.Now(), Updated: time.Now()}
				if fresh, err := st.Insert(t.Context(), x); err != nil || !fresh {
					t.Error(fresh, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
