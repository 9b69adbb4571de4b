package kill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// Commands of people at the server: each is carried out once, whatever dies between its receipt
// and its result.

// commandFaults are at the records of a command's life.
var commandFaults = []fault{
	{"ORDER", "platformd", syscall.SIGKILL}, {"COUNTS", "platformd", syscall.SIGKILL}, {"ORDER_DONE", "platformd", syscall.SIGKILL},
	{"ORDER", "server", syscall.SIGKILL}, {"COUNTS", "server", syscall.SIGKILL}, {"ORDER_DONE", "server", syscall.SIGKILL},
}

type command struct{ ID, State, Result string }

// manage does something as a user of the management API; a server that is away is asked again.
func (b *branch) manage(user string, f func(c *scene.Manage) error) {
	b.t.Helper()
	err := robot.Until(60*time.Second, func() error {
		b.revive()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if b.signed[user] == nil {
			c, err := b.SignIn(ctx, user)
			if err != nil {
				return err
			}
			b.signed[user] = c
		}
		return f(b.signed[user])
	})
	if err != nil {
		b.t.Fatalf("%s: %v", user, err)
	}
}

// commands is the path of the terminal's commands.
const commands = "/terminals/" + scene.Terminal + "/commands"

// give gives a command and has a second person agree where one is needed.
func (b *branch) give(kind string, args any) (c command) {
	b.t.Helper()
	b.manage("admin", func(m *scene.Manage) error {
		return m.Call(b.t.Context(), http.MethodPost, commands, map[string]any{"kind": kind, "note": "kill test", "args": args}, &c)
	})
	if c.State == "proposed" {
		b.manage("operator", func(m *scene.Manage) error {
			return m.Call(b.t.Context(), http.MethodPost, commands+"/"+c.ID+"/agree", nil, nil)
		})
	}
	return c
}

// ended waits for a command's end.
func (b *branch) ended(id string) (c command) {
	b.t.Helper()
	b.manage("admin", func(m *scene.Manage) error {
		var list []command
		if err := m.Call(b.t.Context(), http.MethodGet, commands, nil, &list); err != nil {
			return err
		}
		for _, c = range list {
			if c.ID == id && (c.State == "done" || c.State == "failed") {
				return nil
			}
		}
		return errors.New("no result yet")
	})
	return c
}

// ACommandOfTheServerIsCarriedOutOnceWhateverDies has orders of the console struck between the server's word and the terminal's report.
func ACommandOfTheServerIsCarriedOutOnceWhateverDies(t *testing.T) {
	b := newBranch(t, "3des")
	faults := append([]fault{{}}, commandFaults...)
	if testing.Short() {
		faults = commandFaults[1:2]
	}
	for i, f := range faults {
		ok := t.Run(fmt.Sprintf("%d %s", i, f), func(t *testing.T) {
			b.t = t
			<-b.arm(f, nil, nil)
			count := 400 + i
			units := map[string]any{"unit1": map[string]any{"currency": "CNY", "value": 10000, "count": count}}
			c := b.give("setCounts", map[string]any{"units": units})
			if c = b.ended(c.ID); c.State != "done" {
				t.Errorf("%+v", c)
			}
			if _, err := os.Stat(b.failpoint(f)); f.state != "" && err == nil {
				t.Error("the fault did not strike")
			}
			bk, err := b.book()
			if err != nil {
				t.Fatal(err)
			}
			if n := bk.Counts[fmt.Sprintf("admin, operator %d", count)]; n != 1 {
				t.Errorf("it was carried out %d times: %v", n, bk.Counts)
			}
		})
		if !ok {
			return
		}
	}
	b.t = t
	b.waitReady()
	if !testing.Short() {
		b.staysOut()
	}
	b.goesBack()
}

// staysOut: a counter that people have taken out of service stays so through a restart.
func (b *branch) staysOut() {
	b.t.Helper()
	out := func(want bool) {
		b.t.Helper()
		if err := robot.Until(60*time.Second, func() error {
			s, err := b.desk.Info(b.t.Context())
			if err == nil && (s["balance"].Reason == "suspended") != want {
				err = fmt.Errorf("%+v", s["balance"])
			}
			return err
		}); err != nil {
			b.t.Fatalf("out of service: want %v: %v", want, err)
		}
	}
	b.ended(b.give("suspend", nil).ID)
	out(true)
	old := b.platformPID()
	_ = syscall.Kill(old, syscall.SIGKILL)
	if err := robot.Until(60*time.Second, func() error {
		if pid := b.platformPID(); pid == 0 || pid == old {
			return errors.New("no new platform")
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	out(true)
	b.ended(b.give("resume", nil).ID)
	out(false)
}

// goesBack: the version before comes back by command, and the server's assignment does not undo it.
func (b *branch) goesBack() {
	t := b.t
	t.Helper()
	version := func() string {
		var list []struct{ Version, Bundle, Assigned string }
		b.manage("admin", func(m *scene.Manage) error { return m.Call(t.Context(), http.MethodGet, "/terminals", nil, &list) })
		return list[0].Version
	}
	runs := func(want string) {
		t.Helper()
		if err := robot.Until(60*time.Second, func() error {
			if v := version(); v != want {
				return errors.New("it runs " + v)
			}
			return nil
		}); err != nil {
			t.Fatalf("want %s: %v", want, err)
		}
	}
	first := version()
	flows := filepath.Join(b.dir, "flows2")
	if err := errors.Join(os.MkdirAll(flows, 0o700), os.WriteFile(filepath.Join(flows, "index.html"), []byte("<!doctype html><title>2</title>"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Publish(t.Context(), flows, "2.0.0"); err != nil {
		t.Fatal(err)
	}
	runs("2.0.0")
	<-b.arm(fault{"ORDER", "platformd", syscall.SIGKILL}, nil, nil)
	if c := b.ended(b.give("previousBundle", nil).ID); c.State != "done" {
		t.Errorf("%+v", c)
	}
	runs(first)
	b.ended(b.give("resume", nil).ID) // several beats later, each with the assignment
	if v := version(); v != first {
		t.Errorf("the server's assignment has brought %s back", v)
	}
	if testing.Short() {
		return
	}
	b.order("previousBundle", nil) // an operator at the terminal goes forward again
	runs("2.0.0")
	if c := b.ended(b.give("resolve", map[string]any{"txn": "000001/000001", "paid": 0}).ID); c.State != "failed" || !strings.Contains(c.Result, "000001/000001") {
		t.Errorf("%+v", c)
	}
}

// counts notes who has set which count of unit1, and how often.
func (p *products) counts(data json.RawMessage) {
	var d struct {
		By    string
		Units map[string]struct{ Count int }
	}
	if json.Unmarshal(data, &d) != nil {
		return
	}
	p.Counts = maps.Clone(p.Counts)
	if p.Counts == nil {
		p.Counts = map[string]int{}
	}
	p.Counts[fmt.Sprintf("%s %d", d.By, d.Units["unit1"].Count)]++
}
