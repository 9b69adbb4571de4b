package trade_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/messagelog"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
	"zhigui/sim/dbserver"
	"zhigui/sim/dbserver/dbtest"
)

// built is the folder of the program.
var built = filepath.Join(os.TempDir(), fmt.Sprintf("zhigui-server-%d", os.Getpid()))

// program builds the server with its failpoints, once.
var program = sync.OnceValues(func() (string, error) {
	file := filepath.Join(built, "server")
	out, err := exec.Command("go", "build", "-tags", "failpoint", "-o", file, "zhigui/server/cmd/server").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return file, nil
})

// member is one of the servers of a pair: a process, with its folder and its port.
type member struct {
	r      *rig
	dir    string
	addr   string
	mu     sync.Mutex
	out    bytes.Buffer
	cmd    *exec.Cmd
	ended  chan struct{}
	config string
}

// pair is a rig without a server of its own: two processes serve.
type pair struct {
	*rig
	a, b *member
}

func newPair(t *testing.T, engine string, hostTimeout time.Duration) *pair {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), dsn: dbtest.DSN(t, engine)}
	var err error
	fatal := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r.bank, err = bankhost.Start(bankhost.Options{Listen: "127.0.0.1:0", Control: "127.0.0.1:0", Ledger: filepath.Join(r.dir, "ledger"),
		Zone: bankhost.Zone{PIK: zonePIK, MAK: zoneMAK}, Late: 600 * time.Millisecond, Log: discard()})
	fatal()
	t.Cleanup(func() { _ = r.bank.Close() })
	r.st, err = store.Open(t.Context(), store.Options{DSN: r.dsn})
	fatal()
	t.Cleanup(func() { _ = r.st.Close() })
	mk, err := hsm.MasterKey(filepath.Join(r.dir, "master.key"))
	fatal()
	r.hsm, err = hsm.NewSoft(mk, r.st)
	fatal()
	p := &pair{rig: r}
	for _, m := range []**member{&p.a, &p.b} {
		x := &member{r: r, dir: t.TempDir(), addr: free(t)}
		key, err := os.ReadFile(filepath.Join(r.dir, "master.key"))
		if err == nil {
			err = os.WriteFile(filepath.Join(x.dir, "master.key"), key, 0o600)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(x.dir, "zone.keys"), fmt.Appendf(nil, "%x\n%x\n", zonePIK, zoneMAK), 0o600)
		}
		if err == nil {
			x.config = filepath.Join(x.dir, "server.yaml")
			err = os.WriteFile(x.config, fmt.Appendf(nil, `data: .
store: {dsn: %q, lease: 3s}
trade: {hostTimeout: %s, reversalDelay: 20ms}
messages: {folder: messages}
hosts:
  - {name: core, keys: zone.keys, link: {kind: long, address: %q, count: 2}}
channels:
  - {name: 3des, dialect: pos64, zone: 3des, link: {kind: short, listen: %q}}
`, r.dsn, hostTimeout, r.bank.Addr(), x.addr), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		*m = x
		x.start()
		t.Cleanup(x.kill)
	}
	return p
}

// Write implements io.Writer for the process's log.
func (m *member) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.Write(b)
}

func (m *member) log() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.String()
}

func (m *member) start() {
	t := m.r.t
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	m.cmd = exec.Command(file, "-config", m.config, "-roles", "trade")
	m.cmd.Stderr = m
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.ended = make(chan struct{})
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, ended := m.cmd, m.ended
	go func() { _ = c.Wait(); close(ended) }()
	until(t, "a server at "+m.addr, func() bool {
		c, err := net.Dial("tcp", m.addr)
		if err != nil {
			select {
			case <-ended:
				t.Fatal("the server has ended: ", m.log())
			default:
			}
			return false
		}
		return c.Close() == nil
	})
	until(t, "its link to the bank", func() bool { return strings.Count(m.log(), "signed on") > strings.Count(m.log(), "server is up")-1 })
}

func (m *member) kill() {
	_ = m.cmd.Process.Kill()
	<-m.ended
}

// strike makes the next transaction that comes to a state kill or stop its server.
func (m *member) strike(point string, sig syscall.Signal) {
	m.r.t.Helper()
	f := filepath.Join(m.dir, "failpoint")
	if err := os.WriteFile(f+".new", fmt.Appendf(nil, "%s %d self", point, sig), 0o600); err != nil {
		m.r.t.Fatal(err)
	}
	if err := os.Rename(f+".new", f); err != nil {
		m.r.t.Fatal(err)
	}
}

// repeat is a message of its own with the fields of q: packing one changes it.
func (x *term) repeat(q *message.Message) *message.Message {
	m := message.New(x.d)
	_ = m.SetMTI(q.MTI())
	for n := 2; n < 64; n++ {
		if q.Has(n) {
			_ = m.Set(n, q.Get(n))
		}
	}
	return m
}

// struck tells whether the process is dead or stands still.
func (m *member) struck() bool {
	select {
	case <-m.ended:
		return true
	default:
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.cmd.Process.Pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "T")
}

// ends waits until the process has ended by itself.
func (m *member) ends() {
	m.r.t.Helper()
	select {
	case <-m.ended:
	case <-time.After(30 * time.Second):
		m.r.t.Error("the server that was taken over from goes on: ", m.log())
		m.kill()
	}
}

// Two servers share a database; one is killed, or stands still for longer than its lease, at every
// state. The other serves on, takes over what was under way, and the books agree.
//
// req: G-29
func TestOneOfTwoServersDiesOrStandsStillAtAnyPoint(t *testing.T) {
	points := []string{"received", "intent", "answered", "stored", "confirmed", "reversal-stored", "reversal-attempt", "reversal-answered"}
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
			t.Run(engine+", "+name, func(t *testing.T) {
				t.Parallel()
				p := newPair(t, engine, 500*time.Millisecond)
				paid := int64(0)
				for i, point := range points {
					if testing.Short() && i%2 == 1 {
						continue
					}
					paid += p.takenOver(t, fmt.Sprintf("%08d", 2*i+1), point, sig)
				}
				if got := 2_000_000 - p.balance(card1); got != paid {
					t.Errorf("the host has booked %d, the terminals have paid %d", got, paid)
				}
				if v := p.bank.Check(); !v.OK {
					t.Error(v.Problems)
				}
				for _, m := range []*member{p.a, p.b} {
					m.kill() // its message log is a chain, however often it was killed
					n, err := messagelog.Verify(filepath.Join(m.dir, "messages", messagelog.Channels), nil)
					k, err2 := messagelog.Verify(filepath.Join(m.dir, "messages", messagelog.Hosts), nil)
					if err := errors.Join(err, err2); n == 0 || k == 0 || err != nil {
						t.Errorf("%d messages: %v", n, err)
					}
				}
			})
		}
	}
}

// takenOver strikes server a at a point of one transaction and brings it to its end at b; it answers
// what was paid.
func (p *pair) takenOver(t *testing.T, id, point string, sig syscall.Signal) (paid int64) {
	x := p.enrol(id, trade.Zone3DES, p.a.addr)
	y := p.enrol(id[:7]+string(id[7]+1), trade.Zone3DES, p.b.addr)
	amount := int64(10_000)
	if strings.HasPrefix(point, "reversal-a") {
		amount += 11 // no answer: the server reverses by itself
	}
	p.a.strike(point, sig)
	q := x.request("010000", card1, "123456", amount)
	late := make(chan string, 2) // what a says in the end
	ask := func(m *message.Message) {
		if a, err := x.try(m, true); err == nil {
			late <- a.String(39)
			return
		}
		late <- ""
	}
	first := q
	go ask(x.repeat(q))
	if point == "confirmed" || point == "reversal-stored" {
		if rc := <-late; rc != "00" {
			t.Fatalf("%s: %q, %s", point, rc, p.a.log())
		}
		if point == "confirmed" {
			first = x.about("0220", q, amount)
		} else {
			first = x.about("0400", q, amount)
		}
		go ask(x.repeat(first))
	}
	until(t, "the strike at "+point, p.a.struck)

	other := *x // the same terminal, at the other server
	other.addr = p.b.addr
	rc := ""
	switch point {
	case "confirmed", "reversal-stored":
	default:
		until(t, "an answer", func() bool {
			if a, err := other.try(q, true); err == nil {
				rc = a.String(39)
			}
			return rc != ""
		})
	}
	if rc == "00" || point == "confirmed" {
		paid = amount
		until(t, "confirmation at the other server", func() bool {
			a, err := other.try(other.about("0220", q, paid), true)
			return err == nil && a.String(39) == "00"
		})
	} else {
		until(t, "reversal at the other server", func() bool {
			a, err := other.try(other.about("0400", q, amount), true)
			return err == nil && a.String(39) == "00"
		})
	}
	for range 3 { // the others' customers notice nothing
		w, a := y.withdraw(card1, 100)
		if a.String(39) != "00" {
			t.Fatalf("%s: a customer at the other server got %s: %s", point, a.String(39), p.b.log())
		}
		if a := y.do(y.about("0220", w, 100), true); a.String(39) != "00" {
			t.Fatal(a.String(39))
		}
		paid += 100
	}
	final := map[store.State]bool{store.Confirmed: true, store.Reversed: true, store.ReversalAbsent: true, store.NotSent: true, store.Voided: true, store.Declined: true}
	var last *store.Txn
	until(t, "a final state after "+point, func() bool {
		last = p.txn(x, q)
		return final[last.State]
	})
	until(t, "all told to the host", func() bool {
		rs, err := p.st.PendingReversals(context.Background())
		return err == nil && len(rs) == 0
	})
	if sig == syscall.SIGSTOP {
		until(t, "the takeover", func() bool { return strings.Contains(p.b.log(), "taken over") })
		_ = p.a.cmd.Process.Signal(syscall.SIGCONT)
		p.a.ends()
		if rc := <-late; rc == "00" && first == q && last.State != store.Confirmed {
			t.Errorf("%s: the server that was taken over from said 00 of what is %s", point, last.State)
		}
		if !strings.Contains(p.a.log(), "taken over") {
			t.Errorf("%s: it does not say why it has ended: %s", point, p.a.log())
		}
		if now := p.txn(x, q); now.State != last.State {
			t.Errorf("%s: %s has become %s", point, last.State, now.State)
		}
	}
	p.a.kill()
	p.a.mu.Lock()
	p.a.out.Reset()
	p.a.mu.Unlock()
	p.b.mu.Lock()
	p.b.out.Reset()
	p.b.mu.Unlock()
	if (paid > 300) != (last.State == store.Confirmed) {
		t.Errorf("%s: paid %d, journal says %s", point, paid, last.State)
	}
	if got := p.bank.Check(); !got.OK {
		t.Fatal(point, got.Problems)
	}
	p.a.start()
	return paid
}

// A repeat that reaches the other server waits for the first, as it would at the same one, and gets its
// answer; other content under the same number is refused.
func TestTheSameRequestAtTheOtherServerWaitsForTheFirst(t *testing.T) {
	for _, engine := range []string{dbserver.MariaDB, dbserver.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, engine, 8*time.Second)
			x := p.enrol("00000001", trade.Zone3DES, p.a.addr)
			other := *x
			other.addr, other.stan = p.b.addr, 500
			q := x.request("010000", card1, "123456", 10_016) // answered after three seconds
			first := make(chan string, 1)
			sent := x.repeat(q)
			go func() {
				a, err := x.try(sent, true)
				if err != nil {
					first <- err.Error()
					return
				}
				first <- a.String(39) + a.String(37)
			}()
			until(t, "the first one's row", func() bool {
				_, err := p.st.ByOriginal(t.Context(), x.id, "000001", q.String(11))
				return err == nil
			})
			a := other.do(q, true)
			if got, want := a.String(39)+a.String(37), <-first; got != want || a.String(39) != "00" {
				t.Errorf("the repeat got %s, the first %s", got, want)
			}
			if got := 2_000_000 - p.balance(card1); got != 10_016 {
				t.Errorf("booked %d", got)
			}
			changed := other.request("010000", card1, "123456", 10_000)
			_ = changed.Set(11, q.Get(11))
			if a := other.do(changed, true); a.String(39) != "94" {
				t.Errorf("other content got %s", a.String(39))
			}
			// The day that the host tells one of them is the other's, too.
			tomorrow := time.Now().In(time.FixedZone("CST", 8*3600)).AddDate(0, 0, 1).Format("20060102")
			if n := p.bank.CutOver(tomorrow[4:]); n != 1 {
				t.Fatal(n, "links were told")
			}
			for _, y := range []*term{x, &other} {
				until(t, "the new day at "+y.addr, func() bool {
					q := y.request("010000", card5, "123456", 10_016)
					sent := y.repeat(q)
					go func() { _, _ = y.try(sent, true) }()
					var at *store.Txn
					until(t, "its row", func() bool {
						var err error
						at, err = p.st.ByOriginal(t.Context(), y.id, "000001", q.String(11))
						return err == nil
					})
					return at.Day == tomorrow && at.State == store.Intent
				})
			}
		})
	}
}
