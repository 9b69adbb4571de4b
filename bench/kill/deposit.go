package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
)

// Deposits, with the same real programs and faults. The invariants:
//
//	D1  notes are conserved: each that was put in is in the cash box or with the customer
//	D2  Σ credited by the journal = Σ put in for good, whatever died
//	D3  Σ credited by the bank = the same, each deposit once
//	D4  each deposit that the bank opened ends as told and acknowledged
var (
	depositStates       = []string{"HOST_INTENT", "HOST_RESULT", "DEPOSIT_BEGIN", "CASH_IN", "NOTES", "DEPOSIT_CLOSING", "DEPOSIT_CLOSED", "COMMIT", "SETTLE_ACK"}
	depositServerStates = []string{"intent", "answered", "stored", "credit-stored", "reversal-attempt", "reversal-answered"}
)

// depositMatrix lists every state with every target; SIGSTOP where a watchdog ends it soon.
func depositMatrix(rng *rand.Rand) []fault {
	return shuffled(rng, each(depositStates, syscall.SIGKILL, "platformd", "driver", "server", "bank", "page", "power"), each(depositServerStates, syscall.SIGKILL, "server", "bank"), each([]string{"CASH_IN", "DEPOSIT_CLOSING", "COMMIT"}, syscall.SIGSTOP, "driver", "bank", "server"))
}

// ADepositIsSafeWhateverDiesWherever has a fault at each record of a deposit.
func ADepositIsSafeWhateverDiesWherever(t *testing.T) {
	all := depositMatrix(rand.New(rand.NewSource(20261122)))
	if testing.Short() {
		all = all[:len(all)/10]
	}
	for k := range branches {
		t.Run(fmt.Sprintf("branch %d", k+1), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewSource(int64(k)))
			b := newBranch(t, "3des", "acceptor")
			for i := k; i < len(all); i += branches {
				ok := t.Run(fmt.Sprintf("%03d %s", i+1, all[i]), func(t *testing.T) {
					b.t = t
					b.insist(func() { b.runDeposit(all[i], rng) })
					b.check()
				})
				if !ok {
					return
				}
			}
			if len(b.missed) > 0 {
				t.Errorf("these faults did not strike, so they prove nothing: %s", strings.Join(b.missed, "; "))
			}
			b.t = t
			b.runDeposit(fault{}, rng) // the counter is whole
			b.check()
		})
	}
}

// runDeposit serves one customer while the fault strikes, then brings everything back.
func (b *branch) runDeposit(f fault, rng *rand.Rand) {
	t := b.t
	t.Helper()
	values := []int{100, 50, 20, 10}
	notes := make([]int, 1+rng.Intn(3))
	for i := range notes {
		notes[i] = values[rng.Intn(len(values))]
	}
	c := b.customer(visit{Notes: notes, TakeBack: f.state != "" && rng.Intn(4) == 0 && len(notes) > 1})
	t.Logf("notes: %v", notes)
	b.visited(f, c, rng)
}

// acceptor is the virtual acceptor's physical truth.
type acceptor struct {
	Notes []struct {
		Value   int
		Place   string
		PaidOut bool
	}
	Levels map[int]int
}

// out is the money that it has paid out again and that customers have, in fen.
func (a acceptor) out() (fen int64) {
	for _, n := range a.Notes {
		if n.PaidOut && n.Place == "customer" {
			fen += int64(n.Value) * 100
		}
	}
	return fen
}

func (b *branch) acceptor() (acceptor, error) {
	var s struct{ Physical acceptor }
	if b.module != "acceptor" {
		return acceptor{}, nil
	}
	return s.Physical, b.desk.Devices.State("acceptor", &s)
}

// inside: the two acceptors have a name each for the cash box; a recycler has a store beside it.
func inside(place string) bool { return place == "cashbox" || place == "cassette" || place == "store" }

// taken is the money that was put in for good, in fen; some may have been paid out again.
func (b *branch) taken() (fen int64, err error) {
	a, err := b.acceptor()
	for _, n := range a.Notes {
		if inside(n.Place) || n.PaidOut { // no store of these tests has a first filling
			fen += int64(n.Value) * 100
		}
	}
	return fen, err
}

// acceptorQuiet takes what sticks out of the mouth and fails while a note is inside.
func (b *branch) acceptorQuiet() error {
	if b.module != "acceptor" {
		return nil
	}
	_ = b.desk.Devices.Do("acceptor", "takeNotes", nil) // only if one sticks out
	a, err := b.acceptor()
	for _, n := range a.Notes {
		if !inside(n.Place) && n.Place != "customer" {
			err = errors.New("a note is at " + n.Place)
		}
	}
	return err
}

// resolveDeposits does what a person does with a deposit in suspense: counts the cash box.
func (b *branch) resolveDeposits() {
	bk, err := b.book()
	if err != nil {
		b.t.Fatal(err)
	}
	var open []*txn
	known := int64(0)
	for _, x := range bk.Txns {
		switch {
		case x.Type == "deposit" && x.Settle == "suspense":
			open = append(open, x)
		case x.Type == "deposit":
			known += x.Paid
		}
	}
	if len(open) == 0 {
		return
	}
	in, err := b.taken()
	if err != nil || len(open) > 1 {
		b.t.Fatalf("%d deposits in suspense at once: %v", len(open), err)
	}
	b.t.Logf("counted: %s put in %d fen", open[0].ID, in-known)
	b.order("resolve", map[string]any{"txn": open[0].ID, "paid": in - known, "by": "kill test"})
	if err := robot.Until(time.Minute, func() error { b.revive(); return b.settledAll() }); err != nil {
		b.t.Fatalf("suspense stays: %v", err)
	}
}

// checkDeposits proves the invariants of deposits.
func (b *branch) checkDeposits(bk ledger) {
	t := b.t
	if b.module != "acceptor" {
		return
	}
	a, err := b.acceptor()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range a.Notes { // D1; the device itself refuses to lose or make one
		if !inside(n.Place) && n.Place != "customer" {
			t.Errorf("D1: a note of %d is at %s", n.Value, n.Place)
		}
	}
	var credited int64
	booked := 0
	for _, x := range bk.Txns {
		if x.Type != "deposit" {
			continue
		}
		credited += x.Paid
		if x.Paid > 0 {
			booked++
		}
		if x.Host == "approved" && (x.Settle != "commit" || !x.Acked) { // D4
			t.Errorf("D4: %s is open: %+v", x.ID, *x)
		}
		if x.Host != "approved" && x.Paid > 0 {
			t.Errorf("D4: %s took %d fen and was %s", x.ID, x.Paid, x.Host)
		}
	}
	in, err := b.taken()
	if err != nil {
		t.Fatal(err)
	}
	if credited != in {
		t.Errorf("D2: the journal credits %d fen, %d were put in", credited, in)
	}
	var inv struct {
		Deposits  int
		Deposited int64
	}
	if err := robot.GetJSON(fmt.Sprintf("http://127.0.0.1:%d/api/invariants", b.Ports.HostControl), &inv); err != nil {
		t.Fatal(err)
	}
	if inv.Deposited != in || inv.Deposits != booked { // D3
		t.Errorf("D3: the bank credited %d fen in %d deposits, the terminal %d in %d", inv.Deposited, inv.Deposits, in, booked)
	}
}

// TheNextCustomersDepositIsCredited has deposits on both acceptors, with the last note kept and taken back.
func TheNextCustomersDepositIsCredited(t *testing.T) {
	for _, model := range []string{"itlnv200", "cashcodeccnet"} {
		t.Run(model, func(t *testing.T) { next(newBranch(t, "sm4", "acceptor", model)) })
	}
}

func next(b *branch) {
	t := b.t
	for _, takeBack := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		v, err := b.desk.Put(ctx, "demo-1", "123456", []int{100, 100, 50}, takeBack)
		cancel()
		want := robot.Deposit{Txn: v.Txn, Opened: "approved", Inserted: 3, Outcome: "credited", Amount: 25000}
		if takeBack {
			want.Amount = 20000 // the last note was in escrow
		}
		if err != nil || v != want {
			t.Errorf("%+v, %v; want %+v", v, err, want)
		}
		b.quiet()
		b.check()
	}
}
