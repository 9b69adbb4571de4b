package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/sim/dbserver"
	"zhigui/sim/dbserver/dbtest"
)

// proxy stands between the store and its database and can lose a connection at the worst moment.
type proxy struct {
	l      net.Listener
	socket string
	armed  atomic.Int32 // what happens to the next bytes of the store
	away   atomic.Bool  // refuses new connections
	mu     sync.Mutex
	conns  []net.Conn
}

const (
	loseRequest = 1 // they do not arrive
	loseAnswer  = 2 // they arrive, the answer does not
)

func through(t *testing.T, engine string) (*proxy, string) {
	t.Helper()
	dsn := dbtest.DSN(t, engine)
	s := dbtest.Shared(t, engine)
	name := dsn[strings.LastIndex(dsn, "@/")+2 : strings.IndexByte(dsn, '?')]
	p := &proxy{socket: filepath.Join(s.Dir, "s")}
	var err error
	if p.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.l.Close(); p.cut() })
	defer func() { go p.run() }()
	if engine == dbserver.Postgres {
		p.socket = filepath.Join(s.Dir, ".s.PGSQL.5432")
		return p, fmt.Sprintf("postgres://zhigui@%s/%s?sslmode=disable", p.l.Addr(), name)
	}
	return p, fmt.Sprintf("root@tcp(%s)/%s", p.l.Addr(), name)
}

func (p *proxy) run() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		d, err := net.Dial("unix", p.socket)
		if err != nil || p.away.Load() {
			_ = c.Close()
			if err == nil {
				_ = d.Close()
			}
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, c, d)
		p.mu.Unlock()
		var losing atomic.Bool
		end := func() { _ = c.Close(); _ = d.Close() }
		go func() { // to the database
			defer end()
			b := make([]byte, 64<<10)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				switch p.armed.Swap(0) {
				case loseRequest:
					return
				case loseAnswer:
					losing.Store(true)
				}
				if _, err := d.Write(b[:n]); err != nil {
					return
				}
			}
		}()
		go func() { // to the store
			defer end()
			b := make([]byte, 64<<10)
			for {
				n, err := d.Read(b)
				if err != nil || losing.Load() {
					return
				}
				if _, err := c.Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// The connection is lost while the commit is under way. The database is asked what became of
// it: never twice, never lost, and unknown only when it cannot be asked.
//
// req: G-29
func TestACommitWithoutAnAnswerIsLookedUp(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		for _, c := range []struct {
			name       string
			lose       int32
			away       bool
			runs       int
			resolved   uint64
			wantErr    error
			wantStored bool
		}{
			{"the commit does not arrive", loseRequest, false, 2, 0, nil, true},
			{"the answer does not arrive", loseAnswer, false, 1, 1, nil, true},
			{"the commit does not arrive and the database stays away", loseRequest, true, 1, 0, ErrUnknown, false},
			{"the answer does not arrive and the database stays away", loseAnswer, true, 1, 0, ErrUnknown, true},
		} {
			t.Run(engine+", "+c.name, func(t *testing.T) {
				p, dsn := through(t, engine)
				o := Options{DSN: dsn, Writers: 1}
				if c.away {
					o.Patience = 100 * time.Millisecond
				}
				s := open(t, o)
				if _, err := s.Reserve(t.Context(), "before", 1); err != nil { // prepares the statements
					t.Fatal(err)
				}
				runs := 0
				err := s.write(context.Background(), func(tx *Tx) error {
					runs++
					_, err := tx.exec(`INSERT INTO SY_NO_SEQUENCE (SEQUENCE_NAME, LAST_NUMBER) VALUES (?, ?)`, "x", runs)
					if runs == 1 { // the next bytes are the commit
						p.away.Store(c.away)
						p.armed.Store(c.lose)
					}
					return err
				})
				if !errors.Is(err, c.wantErr) {
					t.Fatal(err)
				}
				p.away.Store(false)
				if runs != c.runs || s.Stats().Resolved != c.resolved {
					t.Errorf("%d runs, %d resolved", runs, s.Stats().Resolved)
				}
				var n int
				if err := s.row(t.Context(), `SELECT COUNT(*) FROM SY_NO_SEQUENCE WHERE SEQUENCE_NAME='x'`).Scan(&n); err != nil || (n == 1) != c.wantStored {
					t.Errorf("%d rows (%v)", n, err)
				}
				if _, err := s.Reserve(t.Context(), "after", 1); err != nil {
					t.Error("after it:", err)
				}
			})
		}
	}
}

func TestAWriteBeforeTheCommitIsRepeatedOnANewConnection(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		t.Run(engine, func(t *testing.T) {
			p, dsn := through(t, engine)
			s := open(t, Options{DSN: dsn, Writers: 1})
			p.cut() // between two writes
			insert(t, s, row(1))
			runs := 0
			if err := s.write(context.Background(), func(tx *Tx) error {
				if runs++; runs == 1 {
					p.cut()
				}
				_, err := tx.exec(`INSERT INTO SY_NO_SEQUENCE (SEQUENCE_NAME, LAST_NUMBER) VALUES (?, ?)`, "x", runs)
				return err
			}); err != nil || runs != 2 {
				t.Fatal(runs, err)
			}
		})
	}
}

func TestADatabaseThatIsAwayFailsWritesAndTakesThemAgain(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		t.Run(engine, func(t *testing.T) {
			p, dsn := through(t, engine)
			s := open(t, Options{DSN: dsn, Writers: 1, Patience: 100 * time.Millisecond})
			p.away.Store(true)
			p.cut()
			for range 3 {
				if _, err := s.Insert(t.Context(), row(1)); !errors.Is(err, ErrAway) {
					t.Fatal(err)
				}
			}
			p.away.Store(false)
			insert(t, s, row(1))
		})
	}
}

// The database is killed while many write. What was acknowledged is there; what failed as
// "away" is not.
//
// req: G-29
func TestAKilledDatabaseLosesNothingThatWasAcknowledged(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		for _, c := range []struct {
			name     string
			patience time.Duration
		}{{"writers wait for it", time.Minute}, {"writers give up at once", time.Millisecond}} {
			t.Run(engine+", "+c.name, func(t *testing.T) {
				dsn := dbtest.DSN(t, engine)
				db := dbtest.Shared(t, engine)
				s := open(t, Options{DSN: dsn, Patience: c.patience})
				var mu sync.Mutex
				got := map[string]error{}
				var wg sync.WaitGroup
				stop := make(chan struct{})
				var acked atomic.Int64
				for g := range int64(30) {
					wg.Go(func() {
						for i := int64(1); ; i++ {
							select {
							case <-stop:
								return
							default:
							}
							r := row(g<<16 + i)
							fresh, err := s.Insert(context.Background(), r)
							if err == nil && !fresh {
								err = errors.New("not fresh")
							}
							if err == nil {
								acked.Add(1)
							}
							mu.Lock()
							got[r.Idem] = err
							mu.Unlock()
						}
					})
				}
				more := func(n int64) {
					for from := acked.Load(); acked.Load() < from+n; {
						time.Sleep(time.Millisecond)
					}
				}
				more(300)
				db.Kill()
				if err := db.Restart(); err != nil {
					t.Fatal(err)
				}
				more(300)
				close(stop)
				wg.Wait()
				there := map[string]int{}
				idems, err := list(t.Context(), s, func(r scanner) (v string, err error) { return v, r.Scan(&v) }, `SELECT IDEMPOTENCY_KEY FROM TX_ON_JOURNAL`)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range idems {
					there[v]++
				}
				count := map[string]int{}
				for idem, err := range got {
					switch n := there[idem]; {
					case n > 1 || err == nil && n != 1:
						t.Errorf("%s was acknowledged and is there %d times", idem, n)
					case errors.Is(err, ErrAway) && n != 0:
						t.Errorf("%s is there: %v", idem, err)
					case err != nil && !errors.Is(err, ErrAway) && !errors.Is(err, ErrUnknown):
						t.Errorf("%s: %v", idem, err)
					}
					count[fmt.Sprint(err == nil, errors.Is(err, ErrUnknown))]++
				}
				if c.patience > time.Second && count["true false"] != len(got) {
					t.Error("writes failed although they had time:", count)
				}
				t.Log(count, s.Stats())
			})
		}
	}
}
