package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
)

// New cards, with the same real programs and faults. The invariants:
//
//	C1  each card that has left the stacker is with a customer, in the bin, or with the person who looked
//	C2  a card with a customer is active at the bank; no other is
//	C3  an approved issue ends as confirmed (the customer has the card) or taken back (void), in exactly one
//	C4  the stock's ledger has as many cards as lie in the stacker
//	C5  what the journal says was signed is at the server
var (
	issueStates       = []string{"SESSION_BEGIN", "SIGNED", "APPROVAL", "CARD_DRAWN", "HOST_INTENT", "HOST_RESULT", "HAND_INTENT", "HANDED_OVER", "CARD_TO_BIN", "HAND_KEPT", "STOCK", "COMMIT", "REVERSE", "SETTLE_ACK"}
	issueServerStates = []string{"received", "intent", "answered", "stored", "confirmed", "reversal-stored", "reversal-attempt", "reversal-answered", "signature-stored"}
)

// issueMatrix lists every state with every target; SIGSTOP where a watchdog ends it soon.
func issueMatrix(rng *rand.Rand) []fault {
	return shuffled(rng, each(issueStates, syscall.SIGKILL, "platformd", "driver", "server", "bank", "page", "power"), each(issueServerStates, syscall.SIGKILL, "server", "bank"), each([]string{"CARD_DRAWN", "HAND_INTENT", "COMMIT"}, syscall.SIGSTOP, "driver", "bank", "server"), lost())
}

// essential are those that -short runs: one of each kind, at the states where a card moves.
var essentialIssue = []fault{
	{"CARD_DRAWN", "driver", syscall.SIGKILL}, {"HAND_INTENT", "platformd", syscall.SIGKILL}, {"HANDED_OVER", "platformd", syscall.SIGKILL},
	{"HAND_INTENT", "power", 0}, {"answered", "server", syscall.SIGKILL}, {"signature-stored", "server", syscall.SIGKILL}, {"noAnswer", "answer", 0},
}

// ANewCardIsSafeWhateverDiesWherever has a fault at each record of a card issue.
func ANewCardIsSafeWhateverDiesWherever(t *testing.T) {
	all, side := issueMatrix(rand.New(rand.NewSource(20261123))), branches
	if testing.Short() {
		all, side = essentialIssue, 1
	}
	for k := range side {
		t.Run(fmt.Sprintf("branch %d", k+1), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewSource(int64(k)))
			b := newProducts(t, "3des")
			for i := k; i < len(all); i += side {
				ok := t.Run(fmt.Sprintf("%03d %s", i+1, all[i]), func(t *testing.T) {
					b.t = t
					b.insist(func() { b.runIssue(all[i], rng) })
					b.check()
					b.issues(rng, all[i].target == "power")
					b.check()
				})
				if !ok {
					return
				}
			}
			if len(b.missed) > 0 {
				t.Errorf("these faults did not strike, so they prove nothing: %s", strings.Join(b.missed, "; "))
			}
			if testing.Short() {
				b.t = t
				b.passbooks(essentialPassbook, rng)
			}
		})
	}
}

// somebody is a person who has not too many cards yet.
func somebody(rng *rand.Rand) string { return fmt.Sprintf("测试%02d", rng.Intn(60)) }

// runIssue serves one customer while the fault strikes, then brings everything back.
func (b *branch) runIssue(f fault, rng *rand.Rand) {
	b.t.Helper()
	b.service, b.module, b.model = "cardIssue", "cards", "creatorcrt591"
	b.restock()
	manner := robot.Takes
	switch f.state { // what makes the state come
	case "HAND_KEPT", "CARD_TO_BIN":
		manner = robot.LeavesThem
	case "REVERSE", "reversal-stored", "reversal-attempt", "reversal-answered":
		manner = []robot.Manner{robot.LeavesThem, robot.GoesBefore}[rng.Intn(2)]
	case "STOCK", "SETTLE_ACK":
		manner = []robot.Manner{robot.Takes, robot.LeavesThem}[rng.Intn(2)]
	}
	c := b.customer(visit{Person: somebody(rng), Manager: b.manager(), Manner: manner})
	if f.target == "answer" {
		b.leaveOut(f.state, "")
		f = fault{}
	}
	b.visited(f, c, rng)
}

// issues proves that the next customer gets a card. After a power cut the first may not.
func (b *branch) issues(rng *rand.Rand, power bool) {
	b.t.Helper()
	b.restock()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	err := robot.Until(45*time.Second, func() error {
		b.revive()
		v, err := b.desk.NewCard(ctx, b.manager(), somebody(rng), "246810", robot.Takes)
		if err == nil && v.Outcome == "approved" && v.Taken {
			return nil
		}
		b.t.Logf("next customer: %+v, %v", v, err)
		b.quiet()
		return errors.Join(fmt.Errorf("%+v", v), err)
	})
	if err != nil {
		b.t.Fatalf("the next customer gets no card: %v", err)
	}
	b.quiet()
}

// blanks is what the virtual card dispenser has: every card that it ever had, and where it is.
type blanks []struct {
	No     int
	Track2 string
	At     string
}

func (b *branch) blanks() (blanks, error) {
	var s struct{ Cards blanks }
	return s.Cards, b.state("cards", "dispenser.json", &s)
}

func (bs blanks) count(at string) (n int) {
	for _, k := range bs {
		if k.At == at {
			n++
		}
	}
	return n
}

// stockUp books cards into the stock, as the staff does that fills the stacker.
func (b *branch) stockUp(n int) {
	err := robot.Until(60*time.Second, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		return b.desk.Staff(ctx, "operator", "Operator#2026", func(call func(string, any, any) error) error {
			return call("X-Operator.Stock", map[string]any{"item": "cards", "move": "draw", "quantity": n}, nil)
		})
	})
	if err != nil {
		b.t.Fatalf("stock: %v", err)
	}
	b.waitReady()
}

// restock fills the stacker and empties the bin before the one is short and the other full.
func (b *branch) restock() {
	k, err := b.blanks()
	if err != nil {
		b.t.Fatal(err)
	}
	if k.count("bin") > 30 {
		if err := b.desk.Devices.Do("cards", "emptyBin", nil); err != nil {
			b.t.Fatal(err)
		}
	}
	if k.count("stacker") < 25 {
		if err := b.desk.Devices.Do("cards", "loadCards", map[string]any{"count": 40, "first": fmt.Sprintf("622588%010d", 2001+len(k))}); err != nil {
			b.t.Fatal(err)
		}
		b.stockUp(40)
	}
}

// resolveCards does what a person does with a hand-over in suspense: looks where the card is.
func (b *branch) resolveCards() {
	bk, err := b.book()
	if err != nil {
		b.t.Fatal(err)
	}
	k, err := b.blanks()
	if err != nil {
		return // no card dispenser
	}
	for _, x := range bk.Txns {
		if x.Type != "cardIssue" || x.Settle != "suspense" {
			continue
		}
		if bk.Alarms["newCardStuck"] == 0 {
			b.t.Errorf("C3: nobody was told of %s", x.ID)
		}
		at := k.of(x)
		b.t.Logf("looked: the card of %s is %s", x.ID, at)
		b.order("resolve", map[string]any{"txn": x.ID, "handed": at == "customer", "by": "kill test"})
	}
	if err := robot.Until(time.Minute, func() error { b.revive(); return b.settledAll() }); err != nil {
		b.t.Fatalf("suspense stays: %v", err)
	}
}

// of is where the card of a transaction is; the journal has its number masked.
func (bs blanks) of(x *txn) string {
	for _, k := range bs {
		if pan, _, _ := strings.Cut(k.Track2, "="); len(x.PAN) >= 4 && strings.HasSuffix(pan, x.PAN[len(x.PAN)-4:]) {
			return k.At
		}
	}
	return "nowhere"
}

// checkCards proves the invariants of new cards.
func (b *branch) checkCards() {
	b.t.Helper()
	b.eventually(func() (wrong []string) {
		bad := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
		bk, err := b.book()
		ks, err2 := b.blanks()
		at, err3 := b.accounts()
		if err := errors.Join(err, err2, err3); err != nil {
			return []string{err.Error()}
		}
		active := 0
		for _, k := range ks {
			pan, _, _ := strings.Cut(k.Track2, "=")
			bank := at[pan].Status
			switch k.At {
			case "stacker":
				if bank != "blank" {
					bad("C2: card %d lies in the stacker and is %s at the bank", k.No, bank)
				}
			case "customer":
				if active++; bank != "ok" {
					bad("C2: card %d is with a customer and %s at the bank", k.No, bank)
				}
			case "bin", "operator":
				if bank == "ok" {
					bad("C2: card %d is in the %s and active at the bank", k.No, k.At)
				}
			default:
				bad("C1: card %d is at %s", k.No, k.At)
			}
		}
		handed := 0
		for _, x := range bk.Txns {
			if x.Type != "cardIssue" {
				continue
			}
			switch place := ks.of(x); {
			case x.Settle == "commit":
				if handed++; place != "customer" {
					bad("C3: %s is confirmed and its card is in the %s", x.ID, place)
				}
			case place == "customer":
				bad("C3: %s ended as %q and its card is with a customer", x.ID, x.Settle)
			case x.Host == "approved" && x.Settle != "reverse":
				bad("C3: %s was approved and ended as %q", x.ID, x.Settle)
			}
			if x.Pending() {
				bad("C3: %s is open: %+v", x.ID, *x)
			}
		}
		if handed != active {
			bad("C3: %d hand-overs are confirmed, customers have %d cards", handed, active)
		}
		for _, digest := range bk.Signed {
			if _, err := os.Stat(filepath.Join(b.dir, "server", "blobs", digest[:2], digest)); err != nil {
				bad("C5: a signature is not at the server: %v", err)
			}
		}
		if n := ks.count("stacker"); bk.Stock != n || bk.CardOut {
			bad("C4: the stock has %d cards (one on its way: %v), %d lie in the stacker", bk.Stock, bk.CardOut, n)
		}
		return wrong
	})
}
