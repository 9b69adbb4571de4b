package trade_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/host"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

const card1, card2, card5 = "6225880000000001", "6225880000000002", "6225880000000005"

// req: TX-10 TX-24 TX-27
func TestAWithdrawalIsBookedOnceInEveryPairOfZones(t *testing.T) {
	for _, hostSM4 := range []bool{false, true} {
		r := newRig(t, hostSM4, trade.Options{})
		for id, zone := range map[string]string{"00000001": trade.Zone3DES, "00000002": trade.ZoneSM4} {
			x := r.terminal(id, zone)
			before := r.balance(card5)
			q, a := x.withdraw(card5, 30000)
			if a.String(39) != "00" || a.String(4) != "000000030000" || !a.Has(38) || !a.Has(37) || !a.Has(54) {
				t.Fatalf("zone %s: %s", zone, a.Describe())
			}
			if got := before - r.balance(card5); got != 30000 {
				t.Fatalf("booked %d", got)
			}
			if a := x.do(x.about("0220", q, 30000), true); a.String(39) != "00" {
				t.Fatalf("confirmation: %s", a.Describe())
			}
			if s := r.txn(x, q).State; s != store.Confirmed {
				t.Fatalf("state %s", s)
			}
		}
		if v := r.bank.Check(); !v.OK {
			t.Fatal(v)
		}
	}
}

func TestOtherTransactionsAnswerWithTheirFields(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	if a := x.do(x.request("310000", card1, "123456", 0), true); a.String(39) != "00" || !strings.Contains(a.String(54), "156C000002000000") {
		t.Errorf("balance: %s", a.Describe())
	}
	if a := x.do(x.request("310000", card1, "111111", 0), true); a.String(39) != "55" {
		t.Errorf("wrong PIN: %s", a.String(39))
	}
	q := x.request("700000", card1, "123456", 0)
	_ = q.Set(62, x.pinBlock(card1, "654321"))
	if a := x.do(q, true); a.String(39) != "00" {
		t.Errorf("PIN change: %s", a.String(39))
	}
	if a := x.do(x.request("310000", card1, "654321", 0), true); a.String(39) != "00" {
		t.Errorf("new PIN: %s", a.String(39))
	}
	x.withdraw(card2, 1000)
	if a := x.do(x.request("380000", card2, "123456", 0), true); !strings.Contains(a.String(62), "|ATM|D|1000|4000") {
		t.Errorf("statement: %q", a.Get(62))
	}
	for card, want := range map[string]string{card2: "51", "6225880000000003": "62", "6225880000000004": "54", "6225889999999999": "14"} {
		if _, a := x.withdraw(card, 100000); a.String(39) != want {
			t.Errorf("%s: %s, want %s", card, a.String(39), want)
		}
	}
	if a := x.do(x.msg("0820", ""), false); a.String(39) != "00" || a.MTI() != "0830" {
		t.Errorf("echo: %s", a.Describe())
	}
}

// req: G-29
func TestARepeatGetsTheStoredAnswerAndIsBookedOnce(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, a := x.withdraw(card1, 10000)
	x.signIn() // other working keys: still the same request
	_ = q.Set(52, x.pinBlock(card1, "123456"))
	b := x.do(q, true)
	for _, n := range []int{4, 12, 13, 37, 38, 39, 54} {
		if !bytes.Equal(a.Get(n), b.Get(n)) {
			t.Errorf("field %d differs in the repeat", n)
		}
	}
	_ = q.SetNumber(4, 20000)
	if c := x.do(q, true); c.String(39) != "94" {
		t.Errorf("other content under the same key: %s", c.String(39))
	}
	if got := 2_000_000 - r.balance(card1); got != 10000 {
		t.Errorf("booked %d", got)
	}
}

// req: G-29
func TestRepeatsInFlightJoinTheFirst(t *testing.T) {
	r := newRig(t, false, trade.Options{HostTimeout: 5 * time.Second})
	x := r.terminal("00000001", trade.Zone3DES)
	r.bank.Arm(bankhost.Scenario{Kind: "delay", MS: 200, Count: 1})
	q := x.request("010000", card1, "123456", 10000)
	var wg sync.WaitGroup
	var mu sync.Mutex
	refs := map[string]int{}
	for range 8 {
		c := message.New(x.d)
		frame, _, _ := q.Pack(nil)
		if err := c.Unpack(x.d, frame[2:]); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			a, err := x.try(c, true)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				refs[a.String(39)+a.String(37)]++
			}
		})
	}
	wg.Wait()
	if len(refs) != 1 || 2_000_000-r.balance(card1) != 10000 {
		t.Fatalf("answers %v, booked %d", refs, 2_000_000-r.balance(card1))
	}
}

func TestMoneyWithAnUnknownOutcomeIsReversed(t *testing.T) {
	for name, amount := range map[string]int64{"no answer": 10011, "late answer": 10012, "bad MAC": 10014, "disconnect": 10015} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, false, trade.Options{})
			x := r.terminal("00000001", trade.Zone3DES)
			q, a := x.withdraw(card1, amount)
			if a.String(39) != "98" {
				t.Fatalf("answered %s", a.String(39))
			}
			until(t, "reversal", func() bool { return r.txn(x, q).State == store.Reversed })
			if got := r.balance(card1); got != 2_000_000 {
				t.Fatalf("balance %d", got)
			}
			if again := x.do(q, true); again.String(39) != "98" {
				t.Errorf("a repeat was answered %s", again.String(39))
			}
		})
	}
}

func TestTwoAnswersAndDeclinesAreHarmless(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	if _, a := x.withdraw(card1, 10013); a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	if _, a := x.withdraw(card1, 10001); a.String(39) != "51" {
		t.Fatal(a.Describe())
	}
	until(t, "the second answer being counted", func() bool { return r.mux.Stats().Late == 1 })
}

func TestReversalsAreRepeatedUntilAcknowledged(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	r.bank.Arm(bankhost.Scenario{Kind: "lost", MTI: "0420", Count: 2})
	r.bank.Arm(bankhost.Scenario{Kind: "decline", Code: "96", MTI: "0420", Count: 1})
	q, _ := x.withdraw(card1, 10011)
	until(t, "reversal", func() bool { return r.txn(x, q).State == store.Reversed })
	rev, err := r.st.ReversalOf(t.Context(), r.txn(x, q).ID)
	if err != nil || rev.Attempts < 4 {
		t.Fatalf("%d attempts, %v", rev.Attempts, err)
	}
	if got := r.balance(card1); got != 2_000_000 {
		t.Fatalf("balance %d", got)
	}
}

func TestAnOriginalTheHostNeverSawEndsAsNotFoundAndStaysRefused(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	r.bank.Arm(bankhost.Scenario{Kind: "lost", Count: 1})
	q, _ := x.withdraw(card1, 10000)
	until(t, "end", func() bool { return r.txn(x, q).State == store.ReversalAbsent })
	if rev, _ := r.st.ReversalOf(t.Context(), r.txn(x, q).ID); rev.NotFound < 3 {
		t.Errorf("%d answers 25", rev.NotFound)
	}
}

func TestTheTerminalReversesWhollyOrInPartAndMayRepeat(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	whole, _ := x.withdraw(card1, 50000)
	part, _ := x.withdraw(card1, 50000)
	for range 2 {
		if a := x.do(x.about("0400", whole, 50000), true); a.String(39) != "00" {
			t.Fatal(a.Describe())
		}
		m := x.about("0400", part, 50000)
		_ = m.SetString(62, "PD000000020000")
		if a := x.do(m, true); a.String(39) != "00" {
			t.Fatal(a.Describe())
		}
	}
	until(t, "reversals", func() bool { return r.balance(card1) == 2_000_000-20000 })
	until(t, "states", func() bool {
		return r.txn(x, whole).State == store.Reversed && r.txn(x, part).State == store.Confirmed
	})
	if p := r.txn(x, part).Paid; !p.Valid || p.Int64 != 20000 {
		t.Errorf("paid %v", p)
	}
	if a := x.do(x.about("0220", whole, 50000), true); a.String(39) == "00" {
		t.Error("a reversed withdrawal was confirmed")
	}
}

func TestAReversalThatComesBeforeItsOriginalKeepsItOut(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q := x.request("010000", card1, "123456", 10000)
	if a := x.do(x.about("0400", q, 10000), true); a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	if a := x.do(q, true); a.String(39) != "94" {
		t.Fatalf("the original was answered %s", a.String(39))
	}
	if got := r.balance(card1); got != 2_000_000 {
		t.Fatalf("balance %d", got)
	}
}

func TestUnconfirmedApprovalsBecomeSuspenseUntilTheTerminalSpeaks(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.withdraw(card1, 10000)
	r.eng.Suspend(t.Context(), time.Now().Add(time.Hour))
	if s := r.txn(x, q).State; s != store.Suspense {
		t.Fatal(s)
	}
	x.do(x.about("0220", q, 10000), true)
	if s := r.txn(x, q).State; s != store.Confirmed {
		t.Fatal(s)
	}
}

func TestAnApprovalTheHostForgotIsLeftToPeople(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.withdraw(card1, 10000)
	r.bank.Arm(bankhost.Scenario{Kind: "decline", Code: "25", MTI: "0420"})
	x.do(x.about("0400", q, 10000), true)
	until(t, "stuck", func() bool { return r.txn(x, q).State == store.ReversalStuck })
	for i, user := range []string{"olga", "otto"} {
		if closed, err := r.st.CloseByHand(t.Context(), r.txn(x, q).ID, user, "checked", time.Now()); err != nil || closed != (i == 1) {
			t.Fatal(closed, err)
		}
	}
}

func TestASilentHostOpensTheBreakerAndAnEchoClosesIt(t *testing.T) {
	r := newRigOf(&rig{t: t, dir: t.TempDir(), limits: host.Limits{BreakAfter: 3, Rest: 100 * time.Millisecond}, opt: trade.Options{HostTimeout: 100 * time.Millisecond}})
	x := r.terminal("00000001", trade.Zone3DES)
	r.bank.Arm(bankhost.Scenario{Kind: "lost"})
	r.bank.Arm(bankhost.Scenario{Kind: "lost", MTI: "0420"})
	r.bank.Arm(bankhost.Scenario{Kind: "lost", MTI: "0820"})
	until(t, "the breaker", func() bool {
		_, a := x.withdraw(card1, 10000)
		return a.String(39) == "91"
	})
	r.bank.Disarm()
	until(t, "service again", func() bool {
		_, a := x.withdraw(card1, 10000)
		return a.String(39) == "00"
	})
	until(t, "reversals of what was unknown", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	if v := r.bank.Check(); !v.OK || v.Withdrawals != 1 || r.balance(card1) != 2_000_000-10000 {
		t.Fatal(v, r.balance(card1))
	}
}

func TestABadMACIsRefusedAndNothingIsSent(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q := x.request("010000", card1, "123456", 10000)
	good := x.mak
	x.mak = x.pik
	a, err := x.try(q, true)
	x.mak = good
	if err != nil || a.String(39) != "A0" || a.Has(64) {
		t.Fatal(a, err)
	}
	if r.balance(card1) != 2_000_000 {
		t.Fatal("booked")
	}
}

func TestAHostThatIsAwayIsAnsweredAtOnceWithoutReversal(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	_ = r.bank.Close()
	until(t, "links down", func() bool { return !r.mux.Up() })
	if _, a := x.withdraw(card1, 10000); a.String(39) != "91" {
		t.Fatal(a.Describe())
	}
	if n := r.eng.Stats().ReversalsPending; n != 0 {
		t.Fatalf("%d reversals", n)
	}
}

func TestGarbageNeverStopsTheServer(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	for _, junk := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00\x05hello", "\xff\xff\xff\xff", "\x00\x00", "\x00\x20" + strings.Repeat("\x60", 32), strings.Repeat("\xaa", 70000)} {
		c, err := net.Dial("tcp", x.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte(junk))
		_ = c.(*net.TCPConn).CloseWrite()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = c.Read(make([]byte, 100))
		_ = c.Close()
	}
	if _, a := x.withdraw(card1, 10000); a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	until(t, "counting", func() bool { return r.lis[trade.Zone3DES].Stats().Garbage >= 3 })
}

func TestLogsShowNoCardNumberAndNoPIN(t *testing.T) {
	var mu sync.Mutex
	var buf bytes.Buffer
	log := slog.New(slog.NewTextHandler(lockedWriter{&mu, &buf}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := newRig(t, false, trade.Options{Log: log})
	x := r.terminal("00000001", trade.Zone3DES)
	x.withdraw(card1, 10014)
	q, _ := x.withdraw(card1, 10000)
	d := r.eng.Describe(r.txn(x, q), x.d)
	mu.Lock()
	defer mu.Unlock()
	for _, s := range []string{buf.String(), d.FromTerminal, d.FromHost, d.ToHost, d.ToTerminal} {
		if s == "" || strings.Contains(s, card1) || strings.Contains(s, "123456789") {
			t.Errorf("empty or leaking: %q", s)
		}
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}
