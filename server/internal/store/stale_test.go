package store

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"zhigui/server/internal/cache"
	"zhigui/sim/dbserver/dbtest"
	"zhigui/sim/peer"
)

var nowhere = slog.New(slog.NewTextHandler(io.Discard, nil))

// cached gives a store a cache over an engine; the caller turns the follower.
func cached(t testing.TB, s *Store, e cache.Engine) *follower {
	t.Helper()
	s.UseCache(cache.New(e, cache.Options{Timeout: 2 * time.Second, Log: nowhere}))
	f := s.follower()
	if err := f.once(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return f
}

func overRedis(t testing.TB, address string) cache.Engine {
	t.Helper()
	e, err := cache.NewRedis(cache.RedisOptions{Addresses: []string{address}, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func terminal(branch string) *Terminal {
	return &Terminal{ID: "00000001", Merchant: "102290000000001", Branch: branch, Zone: "3des", Enabled: true, Created: time.Now()}
}

// Two servers on each database, each with copies of its own, and two that share a Redis.
// req: CA-04
func TestACopyGoesWithTheChangeOfItsRowAtEveryServer(t *testing.T) {
	engines := map[string]func(t *testing.T) func() cache.Engine{
		"memory": func(*testing.T) func() cache.Engine { return func() cache.Engine { return cache.NewMemory(0) } },
		"redis": func(t *testing.T) func() cache.Engine {
			n := peer.StartRedis(t)
			return func() cache.Engine { return overRedis(t, n.Address) }
		},
	}
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, dsn string) {
				ctx, e := t.Context(), engine(t)
				here, there := open(t, Options{DSN: dsn}), open(t, Options{DSN: dsn})
				fh, ft := cached(t, here, e()), cached(t, there, e())
				turn := func() {
					t.Helper()
					for _, f := range []*follower{fh, ft} {
						if err := f.once(ctx, time.Now()); err != nil {
							t.Fatal(err)
						}
					}
				}
				branch := func(s *Store) string {
					t.Helper()
					x, err := s.Terminal(ctx, "00000001")
					if err != nil {
						t.Fatal(err)
					}
					return x.Branch
				}
				check := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				check(here.AddTerminal(ctx, terminal("0001")))
				turn()
				_, _, _, _ = branch(here), branch(there), branch(here), branch(there)
				if st, _ := there.Cache(); st.Hits == 0 {
					t.Error("nothing was kept: ", st)
				}
				check(here.AddTerminal(ctx, terminal("0002")))
				if b := branch(here); b != "0002" {
					t.Error("whoever changed it reads ", b)
				}
				turn()
				if b := branch(there); b != "0002" {
					t.Error("the other server reads ", b)
				}

				// Releases: none, then one.
				if _, err := there.Assigned(ctx, "00000001"); !errors.Is(err, ErrNotFound) {
					t.Fatal(err)
				}
				check(here.AddBundle(ctx, &Bundle{Digest: "d1", Name: "flows", Version: "1", Manifest: []byte("m"), Signature: []byte("s"), Created: time.Now()}))
				check(here.Assign(ctx, Assignment{Terminal: "00000001", Digest: "d1", By: "root", Created: time.Now()}))
				turn()
				for range 2 {
					if b, err := there.Assigned(ctx, "00000001"); err != nil || b.Version != "1" || string(b.Manifest) != "m" {
						t.Fatal(b, err)
					}
				}
			})
		})
	}
}

// A person who signs out, is changed or is disabled at one server is out at the others; so are their permissions.
// A copy of a session lives as long as the mark "seen" of its row holds, and an idle one ends with or without copies.
// req: AU-08 CA-05
func TestSessionsAndPermissionsAreSharedAndEndEverywhere(t *testing.T) {
	n := peer.StartRedis(t)
	if cache.Session.Expires > seenEvery || cache.User.Expires < cache.Session.Expires {
		t.Error("a session's copy outlives the mark of its row, or its person's")
	}
	for _, m := range cache.Modules() { // what nobody can change lives longest, what people change daily an hour at most
		if m != cache.Bundle && (m.Expires > time.Hour || m.Expires >= cache.Bundle.Expires) {
			t.Errorf("%s: %v", m.Name, m.Expires)
		}
	}
	if cache.User.Expires > 10*time.Minute {
		t.Error("a permission that was taken away could be used for ", cache.User.Expires)
	}
	dbtest.Each(t, func(t *testing.T, dsn string) {
		if _, err := n.Do("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
		ctx, now := t.Context(), time.Now()
		here, there := open(t, Options{DSN: dsn}), open(t, Options{DSN: dsn})
		_, ft := cached(t, here, overRedis(t, n.Address)), cached(t, there, overRedis(t, n.Address))
		anna := &User{Name: "anna", Role: "manager", Branch: "0001", Hash: "secret hash", Enabled: true, Created: now}
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		turn := func() { t.Helper(); check(ft.once(ctx, time.Now())) }
		check(here.AddUser(ctx, anna))
		for _, token := range []string{"token one", "token two"} {
			check(here.AddSession(ctx, []byte(token), "anna", now))
		}
		who := func(s *Store, token string, at time.Time) string {
			t.Helper()
			u, err := s.SessionUser(ctx, []byte(token), at, at.Add(-30*time.Minute))
			if errors.Is(err, ErrNotFound) {
				return "nobody"
			}
			check(err)
			if u.Hash != "" {
				t.Error("the password's hash is passed about")
			}
			return u.Name + " " + u.Role + " " + u.Branch
		}
		for _, s := range []*Store{here, there, there} {
			if got := who(s, "token one", now); got != "anna manager 0001" {
				t.Fatal(got)
			}
		}
		if st, _ := there.Cache(); st.Hits < 2 {
			t.Error("a server that was asked twice looked it up twice: ", st)
		}
		if keys, _ := n.Do("KEYS", "*"); keys == "" {
			t.Error("nothing is shared")
		}
		check(here.EndSession(ctx, []byte("token one")))
		if a, b := who(here, "token one", now), who(there, "token one", now); a != "nobody" || b != "nobody" {
			t.Error("after signing out: ", a, b)
		}
		if got := who(there, "token two", now); got != "anna manager 0001" {
			t.Error("the other session: ", got)
		}

		// Marked as seen by one server, and not too old for the other.
		at := now.Add(25 * time.Minute)
		who(here, "token two", at)
		if got := who(there, "token two", at.Add(20*time.Minute)); got != "anna manager 0001" {
			t.Error("a session that another server has just seen: ", got)
		}
		if got := who(there, "token two", at.Add(2*time.Hour)); got != "nobody" {
			t.Error("an idle session: ", got)
		}

		anna.Role = "operator"
		check(here.AddUser(ctx, anna)) // ends the sessions
		turn()
		if got := who(there, "token two", now); got != "nobody" {
			t.Error("a session from before the change: ", got)
		}
		check(there.AddSession(ctx, []byte("token three"), "anna", now))
		if a, b := who(here, "token three", now), who(there, "token three", now); a != "anna operator 0001" || b != a {
			t.Error(a, b)
		}
		anna.Enabled = false
		check(there.AddUser(ctx, anna))
		if a, b := who(here, "token three", now), who(there, "token three", now); a != "nobody" || b != "nobody" {
			t.Error("a person who was disabled: ", a, b)
		}
	})
}

const childDSN, childRedis = "ZHIGUI_STALE_DSN", "ZHIGUI_STALE_REDIS"

// TestHelperDiesBetweenCommitAndDeletion is the process that the next test starts.
func TestHelperDiesBetweenCommitAndDeletion(t *testing.T) {
	if os.Getenv(childDSN) == "" {
		t.Skip("it is started by another test")
	}
	s := open(t, Options{DSN: os.Getenv(childDSN)})
	cached(t, s, overRedis(t, os.Getenv(childRedis)))
	if _, err := s.Terminal(t.Context(), "00000001"); err != nil { // a copy is there
		t.Fatal(err)
	}
	s.committed = func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }
	_ = s.AddTerminal(context.Background(), terminal("0002"))
	t.Fatal("not reached")
}

// req: CA-04
func TestAServerKilledBetweenCommitAndDeletionLeavesNoStaleCopy(t *testing.T) {
	for name, restart := range map[string]bool{"another server does it": false, "it does it itself when it comes again": true} {
		t.Run(name, func(t *testing.T) {
			n := peer.StartRedis(t)
			dsn := dbtest.DSN(t, "sqlite")
			other := open(t, Options{DSN: dsn})
			f := cached(t, other, overRedis(t, n.Address))
			if err := other.AddTerminal(t.Context(), terminal("0001")); err != nil {
				t.Fatal(err)
			}
			if x, err := other.Terminal(t.Context(), "00000001"); err != nil || x.Branch != "0001" {
				t.Fatal(x, err)
			}
			child := exec.Command(os.Args[0], "-test.run=^TestHelperDiesBetweenCommitAndDeletion$")
			child.Env = append(os.Environ(), childDSN+"="+dsn, childRedis+"="+n.Address)
			if out, err := child.CombinedOutput(); err == nil || child.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("%v\n%s", err, out)
			}
			if v, err := n.Do("EXISTS", "terminal:00000001"); err != nil || v != ":1\r\n" {
				t.Fatalf("the copy went before its time: %q %v", v, err)
			}
			if restart {
				_ = other.Close()
				other = open(t, Options{DSN: dsn})
				f = cached(t, other, overRedis(t, n.Address))
			} else if err := f.once(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			if x, err := other.Terminal(t.Context(), "00000001"); err != nil || x.Branch != "0002" {
				t.Fatal("the stale copy is still served: ", x, err)
			}
		})
	}
}

// A master of the cache that died took the deletion with it: it is done once more, and only then forgotten.
func TestADeletionIsRepeatedAndThenForgotten(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, e := t.Context(), cache.NewMemory(0)
		f := cached(t, s, e)
		if err := s.AddTerminal(ctx, terminal("0001")); err != nil {
			t.Fatal(err)
		}
		if err := s.AddTerminal(ctx, terminal("0002")); err != nil {
			t.Fatal(err)
		}
		key := cache.Key(cache.Terminal, "00000001")
		_, lease, _ := e.Get(ctx, key)
		if err := e.Put(ctx, key, lease, []byte("what a replica still had"), time.Hour); err != nil {
			t.Fatal(err)
		}
		left := func() int {
			t.Helper()
			es, err := s.staleAfter(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			return len(es)
		}
		if err := s.ForgetChanges(ctx, time.Now().Add(time.Hour)); err != nil || left() != 2 {
			t.Error("the pages' relay has forgotten deletions", err)
		}
		if err := f.forget(ctx, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if v, _, _ := e.Get(ctx, key); v != nil {
			t.Error("it was not deleted again")
		}
		if n := left(); n != 1 { // the newest of the table stays
			t.Errorf("%d rows are left", n)
		}
		if es, err := s.Changes(ctx, 0, 10); err != nil || len(es) != 0 {
			t.Error("pages hear of copies: ", es, err)
		}
	})
}

// BenchmarkSession is what a console's request asks first, by where the answer comes from.
func BenchmarkSession(b *testing.B) {
	for _, engine := range []string{"none", "memory", "redis"} {
		for _, db := range dbtest.Engines() {
			b.Run(engine+"/"+db, func(b *testing.B) {
				s := open(b, Options{DSN: dbtest.DSN(b, db)})
				switch engine {
				case "memory":
					cached(b, s, cache.NewMemory(0))
				case "redis":
					cached(b, s, overRedis(b, peer.StartRedis(b).Address))
				}
				now := time.Now()
				if err := s.AddUser(b.Context(), &User{Name: "anna", Role: "manager", Enabled: true, Created: now}); err != nil {
					b.Fatal(err)
				}
				if err := s.AddSession(b.Context(), []byte("t"), "anna", now); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if s.cache != nil {
						s.cache.Heard()
					}
					if _, err := s.SessionUser(b.Context(), []byte("t"), now, now.Add(-time.Hour)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
