package trade_test

import (
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// opens asks whether card may take a deposit: the 0100 before any note is taken.
func (x *term) opens(card string) (q, a *message.Message) {
	x.t.Helper()
	q = x.request("210000", card, "123456", 0)
	_ = q.SetMTI("0100")
	return q, x.do(q, true)
}

// took tells what the acceptor has for good.
func (x *term) took(q *message.Message, amount int64) string {
	x.t.Helper()
	m := x.about("0220", q, amount)
	_ = m.SetString(3, "210000")
	return x.do(m, true).String(39)
}

func deposits(t *testing.T, r *rig, n int, sum int64) {
	t.Helper()
	if v := r.bank.Check(); !v.OK || v.Deposits != n || v.Deposited != sum || v.Clearing != -sum {
		t.Errorf("the bank's books: %+v, want %d deposits of %d together", v, n, sum)
	}
}

func TestADepositIsCreditedOnceInEveryPairOfZones(t *testing.T) {
	for _, hostSM4 := range []bool{false, true} {
		r := newRig(t, hostSM4, trade.Options{})
		for id, zone := range map[string]string{"00000001": trade.Zone3DES, "00000002": trade.ZoneSM4} {
			x := r.terminal(id, zone)
			before := r.balance(card5)
			q, a := x.opens(card5)
			if a.String(39) != "00" || a.MTI() != "0110" || r.balance(card5) != before {
				t.Fatalf("zone %s: %s", zone, a.Describe())
			}
			for range 3 { // a repeat is answered, and books nothing
				if rc := x.took(q, 30000); rc != "00" {
					t.Fatalf("0220: %s", rc)
				}
			}
			if got := r.balance(card5) - before; got != 30000 {
				t.Fatalf("credited %d", got)
			}
			if s := r.txn(x, q); s.State != store.Confirmed || s.Amount != 30000 || s.Paid.Int64 != 30000 {
				t.Fatalf("%s %d %v", s.State, s.Amount, s.Paid)
			}
			if rc := x.took(q, 20000); rc != "12" {
				t.Errorf("another amount for the same deposit: %s", rc)
			}
		}
		deposits(t, r, 2, 60000)
	}
}

func TestASilentHostIsToldUntilItAnswersAndCreditsOnce(t *testing.T) {
	for _, kind := range []string{"noAnswer", "lost", "badMac", "disconnect", "late"} {
		r := newRig(t, false, trade.Options{})
		x := r.terminal("00000001", trade.Zone3DES)
		q, _ := x.opens(card1)
		r.bank.Arm(bankhost.Scenario{Kind: kind, Count: 1})
		r.bank.Arm(bankhost.Scenario{Kind: kind, MTI: "0220", Count: 2})
		if rc := x.took(q, 50000); rc != "98" && rc != "00" {
			t.Errorf("%s: %s", kind, rc)
		}
		until(t, kind+": credited", func() bool { return r.txn(x, q).State == store.Confirmed })
		if rc := x.took(q, 50000); rc != "00" {
			t.Errorf("%s: the repeat after the credit: %s", kind, rc)
		}
		deposits(t, r, 1, 50000)
	}
}

func TestARefusalAfterTheNotesAreInIsLeftToPeople(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.opens(card1)
	r.bank.Arm(bankhost.Scenario{Kind: "decline", Code: "62", Count: 1})
	for range 2 {
		if rc := x.took(q, 10000); rc != "62" {
			t.Errorf("%s", rc)
		}
	}
	if s := r.txn(x, q).State; s != store.Suspense {
		t.Errorf("%s", s)
	}
	deposits(t, r, 0, 0)
}

func TestADepositWithoutNotesIsVoidedAndABlockedCardTakesNone(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.opens(card1)
	if rc := x.took(q, 0); rc != "00" || r.txn(x, q).State != store.Voided {
		t.Errorf("nothing put in: %s %s", rc, r.txn(x, q).State)
	}
	if rc := x.took(q, 10000); rc != "12" {
		t.Errorf("notes for a void deposit: %s", rc)
	}
	q, a := x.opens("6225880000000003")
	if a.String(39) != "62" {
		t.Errorf("a blocked card: %s", a.String(39))
	}
	if rc := x.took(q, 10000); rc != "12" {
		t.Errorf("notes for a declined deposit: %s", rc)
	}
	never := x.request("210000", card1, "123456", 0)
	if rc := x.took(never, 0); rc != "00" {
		t.Errorf("nothing put in for an opening that never came: %s", rc)
	}
	if rc := x.took(x.request("210000", card1, "123456", 0), 10000); rc != "25" {
		t.Errorf("notes for an opening that never came: %s", rc)
	}
	deposits(t, r, 0, 0)
}

func TestAServerThatDiesWithACreditStoredTellsTheHostWhenItIsBack(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.opens(card1)
	r.bank.Arm(bankhost.Scenario{Kind: "lost", Count: 1})
	r.bank.Arm(bankhost.Scenario{Kind: "lost", MTI: "0220", Count: 0})
	if rc := x.took(q, 70000); rc != "98" {
		t.Fatal(rc)
	}
	r.stop()
	r.bank.Disarm()
	r.start()
	until(t, "credited after the restart", func() bool { return r.txn(x, q).State == store.Confirmed })
	deposits(t, r, 1, 70000)
}

func TestADepositWhoseTerminalIsSilentIsListedAndCanStillBeCredited(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.opens(card1)
	r.eng.Suspend(t.Context(), time.Now().Add(time.Minute))
	if s := r.txn(x, q).State; s != store.Suspense {
		t.Fatal(s)
	}
	if rc := x.took(q, 10000); rc != "00" || r.txn(x, q).State != store.Confirmed {
		t.Errorf("%s %s", rc, r.txn(x, q).State)
	}
	deposits(t, r, 1, 10000)
}
