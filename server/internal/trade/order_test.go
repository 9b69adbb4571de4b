package trade_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/server/internal/lease"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
	"zhigui/sim/dbserver"
	"zhigui/sim/dbserver/dbtest"
)

// On a shared database an older reversal goes first: one that is stored after a newer one must not wait
// behind it, which waits for the older one.
func TestAnOlderReversalThatIsStoredLaterIsSentFirst(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir(), dsn: dbtest.DSN(t, dbserver.MariaDB)}
	st, err := store.Open(t.Context(), store.Options{DSN: r.dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if r.opt.Node, err = lease.Join(t.Context(), st, lease.Options{Name: "a", Log: discard()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.opt.Node.Close)
	newRigOf(r)
	x := r.terminal("00000001", trade.Zone3DES)
	older, _ := x.withdraw(card1, 10_000)
	newer, _ := x.withdraw(card1, 20_000)
	r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", MTI: "0420", Count: 1})
	x.do(x.about("0400", newer, 20_000), true)
	x.do(x.about("0400", older, 10_000), true)
	until(t, "both reversals", func() bool {
		return r.txn(x, older).State == store.Reversed && r.txn(x, newer).State == store.Reversed
	})
}

// Where the terminal has paid, the host that does not know the transaction says so of money that is gone.
func TestAPartThatWasPaidIsLeftToPeopleWhenTheHostForgotIt(t *testing.T) {
	r := newRig(t, false, trade.Options{HostTimeout: 200 * time.Millisecond})
	x := r.terminal("00000001", trade.Zone3DES)
	r.bank.Arm(bankhost.Scenario{Kind: "decline", Code: "00", Count: 1}) // approved, without field 38
	q, a := x.withdraw(card1, 10_000)
	if a.String(39) != "00" || r.txn(x, q).Auth != "" {
		t.Fatal(a.Describe())
	}
	r.bank.Arm(bankhost.Scenario{Kind: "decline", Code: "25", MTI: "0420"})
	x.do(x.about("0220", q, 5_000), true)
	until(t, "the end", func() bool {
		s := r.txn(x, q).State
		return s == store.ReversalStuck || s == store.ReversalAbsent
	})
	if s := r.txn(x, q).State; s != store.ReversalStuck {
		t.Error(s)
	}
}

// The answer to a confirmation may be lost, and the rest be given back before the repeat.
func TestARepeatedConfirmationIsRightWhateverBecameOfTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		paid int64
		code string
		end  store.State
	}{
		"nothing paid and the host took it back": {0, "", store.Reversed},
		"a part paid and the host refused":       {5_000, "14", store.ReversalStuck},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, false, trade.Options{})
			x := r.terminal("00000001", trade.Zone3DES)
			q, _ := x.withdraw(card1, 10_000)
			if c.code != "" {
				r.bank.Arm(bankhost.Scenario{Kind: "decline", Code: c.code, MTI: "0420", Count: 1})
			}
			if a := x.do(x.about("0220", q, c.paid), true); a.String(39) != "00" {
				t.Fatal(a.Describe())
			}
			until(t, "the end of the reversal", func() bool { return r.txn(x, q).State == c.end })
			if a := x.do(x.about("0220", q, c.paid), true); a.String(39) != "00" {
				t.Errorf("the repeat was answered %s", a.String(39))
			}
			if a := x.do(x.about("0220", q, 7_000), true); a.String(39) != "12" {
				t.Errorf("another amount was answered %s", a.String(39))
			}
		})
	}
}

// A reversal may end as not found when twice the host's time is over: nothing may be sent so late that it
// comes after that. (A clock that was set meanwhile is no reason: TestAHostThatMisbehavesHurtsOnlyItsOwn.)
func TestARequestThatTheJournalHeldUpForTooLongIsNotSent(t *testing.T) {
	o := trade.Options{HostTimeout: 200 * time.Millisecond}
	o.Failpoint = func(name string) {
		if name == "intent" {
			time.Sleep(300 * time.Millisecond)
		}
	}
	r := newRig(t, false, o)
	x := r.terminal("00000001", trade.Zone3DES)
	q, a := x.withdraw(card1, 10_000)
	if a.String(39) != "96" || r.txn(x, q).State != store.NotSent {
		t.Errorf("answered %s, %s", a.String(39), r.txn(x, q).State)
	}
	if got := r.balance(card1); got != 2_000_000 {
		t.Errorf("balance %d", got)
	}
}

// A terminal that has paid for what was declined is not told that all is well.
func TestAReversalThatSaysSomethingWasPaidForNothingIsNotTakenForARepeat(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.withdraw(card1, 10001) // declined
	if a := x.do(x.about("0400", q, 10001), true); a.String(39) != "00" {
		t.Error(a.Describe())
	}
	m := x.about("0400", q, 10001)
	_ = m.SetString(62, "PD000000005000")
	if a := x.do(m, true); a.String(39) != "12" {
		t.Errorf("answered %s", a.String(39))
	}
	never := x.about("0400", x.request("010000", card1, "123456", 10_000), 10_000)
	_ = never.SetString(62, "PD000000005000")
	for range 2 {
		if a := x.do(never, true); a.String(39) != "12" {
			t.Errorf("of what never arrived: answered %s", a.String(39))
		}
	}
}

// A product of a catalogue may ask by 0100 for what moves money: a host that goes by field 90 knows no 0200.
func TestAReversalNamesTheTypeOfItsOriginal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "products.yaml")
	if err := os.WriteFile(path, []byte(`products: [{name: reserve, title: {zh: 预留, en: Reserve}, type: "0100", code: "010000", moves: money, confirm: true, fields: [pinBlock, amount], steps: [pin]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	cat, err := product.Load(path, trade.StepNames())
	if err != nil {
		t.Fatal(err)
	}
	var right atomic.Bool
	r := newRig(t, false, trade.Options{Products: cat, Messages: func(_, way, text string) {
		if _, f90, ok := strings.Cut(text, "090 original "); ok && way == "host" {
			right.Store(strings.HasPrefix(strings.TrimSpace(f90), "0100"))
		}
	}})
	x := r.terminal("00000001", trade.Zone3DES)
	q := x.request("010000", card1, "123456", 10_000)
	_ = q.SetMTI("0100")
	r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", MTI: "0100", Count: 1})
	if a := x.do(q, true); a.String(39) != "98" {
		t.Fatal(a.Describe())
	}
	until(t, "the reversal", right.Load)
}
