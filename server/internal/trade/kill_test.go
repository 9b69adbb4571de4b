package trade_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/dbserver/dbtest"
)

// childTB lets the rig run outside of a test.
type childTB struct{ testing.TB }

func (childTB) Helper() {}
func (childTB) Fatal(a ...any) {
	fmt.Fprintln(os.Stderr, a...)
	os.Exit(3)
}

// TestMain runs the server instead of the tests when the kill test has started this binary.
func TestMain(m *testing.M) {
	v := os.Getenv("TRADE_KILL_CHILD")
	if v == "" {
		rc := dbtest.Main(m)
		_ = os.RemoveAll(built)
		os.Exit(rc)
	}
	f := strings.Split(v, "|") // folder, bank host, failpoint, store
	r := &rig{t: childTB{}, dir: f[0], addr: f[1], dsn: f[3]}
	r.opt.Cases = smallCases()
	r.opt.Failpoint = func(name string) {
		if name == f[2] {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	r.start()
	fmt.Println(r.lis[trade.Zone3DES].Addr().String())
	select {}
}

// child starts the server as a process of its own, to be killed at a failpoint ("" = never).
func (r *rig) child(x *term, failpoint string) *exec.Cmd {
	r.t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "TRADE_KILL_CHILD="+r.dir+"|"+r.addr+"|"+failpoint+"|"+r.dsn)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.t.Fatal("the server process did not come up: ", err)
	}
	x.addr = strings.TrimSpace(line)
	return c
}

// The server is killed at every named point; afterwards the host's books, the terminal's
// answers and the journal must agree, whatever the terminal does next.
//
// req: G-29
func TestKilledAtAnyPointNoMoneyIsLostOrDoubled(t *testing.T) {
	for _, point := range []string{"received", "intent", "answered", "stored", "confirmed", "reversal-stored", "reversal-attempt", "reversal-answered"} {
		for _, next := range []string{"repeats", "reverses"} {
			for _, amount := range []int64{10000, 10011} { // answered, not answered
				t.Run(fmt.Sprintf("%s, the terminal %s, amount %d", point, next, amount), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, false, trade.Options{})
					x := r.terminal("00000001", trade.Zone3DES)
					r.stop()
					killOnce(t, r, x, point, next, amount)
				})
			}
		}
	}
}

func killOnce(t *testing.T, r *rig, x *term, point, next string, amount int64) {
	c := r.child(x, point)
	q := x.request("010000", card1, "123456", amount)
	paid := int64(0)
	settle := func(m *message.Message) bool { // the terminal's side of the protocol
		a, err := x.try(m, true)
		if err != nil {
			return false
		}
		if m == q && a.String(39) == "00" && paid == 0 && point != "reversal-stored" {
			paid = amount
		}
		return m == q || a.String(39) == "00" || a.String(39) == "12"
	}
	ok := settle(q)
	if ok && paid > 0 {
		ok = settle(x.about("0220", q, paid))
	}
	if ok && paid == 0 {
		settle(x.about("0400", q, amount))
	}
	// Does this course reach the point? It must where it is expected to.
	expected := amount == 10000 && !strings.HasPrefix(point, "reversal-a") || amount == 10011 && point != "confirmed" && point != "reversal-stored"
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	if expected {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("the server was not killed at this point")
		}
	}
	_ = c.Process.Kill()
	<-ended

	r.start() // in this process, without failpoint
	x.addr = r.lis[trade.Zone3DES].Addr().String()
	if paid > 0 {
		until(t, "confirmation", func() bool { return settle(x.about("0220", q, paid)) })
	} else {
		if next == "repeats" {
			_, _ = x.try(q, true)
		}
		until(t, "reversal taken", func() bool { return settle(x.about("0400", q, amount)) })
	}
	var last *store.Txn
	until(t, "a final state", func() bool {
		last = r.txn(x, q)
		switch last.State {
		case store.Confirmed, store.Reversed, store.ReversalAbsent, store.NotSent, store.Voided, store.Declined:
			return true
		}
		return false
	})
	if got := 2_000_000 - r.balance(card1); got != paid {
		t.Fatalf("the host has booked %d, the terminal has paid %d (journal: %s)", got, paid, last.State)
	}
	if v := r.bank.Check(); !v.OK {
		t.Fatal(v.Problems)
	}
	if (paid > 0) != (last.State == store.Confirmed) {
		t.Fatalf("paid %d, journal says %s", paid, last.State)
	}
}
