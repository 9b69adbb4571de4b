package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
)

// Passbooks, with the same real programs and faults. The invariants:
//
//	B1  no line of the account is in the book twice and no place is printed over; of printing that
//	    broke off somebody is told, and nothing more is printed before a person has looked
//	B2  what the stripe says is printed
//	B3  what the bank was told is printed
//	B4  the next update completes the book
var passbookStates = []string{"SESSION_BEGIN", "HOST_INTENT", "HOST_RESULT", "BOOK_PRINTING", "BOOK_PRINTED", "SESSION_END"}

func passbookMatrix(rng *rand.Rand) []fault {
	return shuffled(rng, each(passbookStates, syscall.SIGKILL, "platformd", "driver", "server", "bank", "page", "power"), each([]string{"received", "intent", "answered", "stored"}, syscall.SIGKILL, "server", "bank"), each([]string{"BOOK_PRINTING", "BOOK_PRINTED"}, syscall.SIGSTOP, "driver", "bank", "server"), lost())
}

var essentialPassbook = []fault{
	{"BOOK_PRINTING", "driver", syscall.SIGKILL}, {"BOOK_PRINTED", "platformd", syscall.SIGKILL}, {"BOOK_PRINTING", "platformd", syscall.SIGKILL}, {"noAnswer", "answer", 0},
}

// APassbookIsSafeWhateverDiesWherever has a fault at each record of a passbook's printing.
func APassbookIsSafeWhateverDiesWherever(t *testing.T) {
	if testing.Short() {
		t.Skip("the branch of the new cards runs the essential ones")
	}
	all := passbookMatrix(rand.New(rand.NewSource(20261124)))
	for k := range 2 {
		t.Run(fmt.Sprintf("branch %d", k+1), func(t *testing.T) {
			t.Parallel()
			b := newProducts(t, "sm4")
			var mine []fault
			for i := k; i < len(all); i += 2 {
				mine = append(mine, all[i])
			}
			b.passbooks(mine, rand.New(rand.NewSource(int64(k))))
		})
	}
}

// passbooks runs the faults one after the other.
func (b *branch) passbooks(all []fault, rng *rand.Rand) {
	t := b.t
	for i, f := range all {
		ok := t.Run(fmt.Sprintf("passbook %03d %s", i+1, f), func(t *testing.T) {
			b.t = t
			b.insist(func() { b.runPassbook(f, rng) })
			b.check()
			b.updates()
			b.check()
		})
		if !ok {
			return
		}
	}
	if len(b.missed) > 0 {
		t.Errorf("these faults did not strike, so they prove nothing: %s", strings.Join(b.missed, "; "))
	}
}

// The passbook, its account, and what is drawn for a line.
const (
	bookName    = "book-1"
	bookAccount = "6225880000000001"
	bookOpened  = 2_000_000
	bookAmount  = 5000
)

// draws makes lines for the book.
func (b *branch) draws(n int) {
	for range n {
		b.refill()
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
		v, err := b.desk.Withdraw(ctx, "demo-1", "123456", bookAmount, robot.Takes)
		cancel()
		if err != nil || !v.Approved {
			b.t.Fatalf("withdrawal: %+v, %v", v, err)
		}
		b.withdrawn++
	}
}

func (b *branch) runPassbook(f fault, rng *rand.Rand) {
	b.t.Helper()
	b.atPassbook()
	b.draws(1 + rng.Intn(2))
	var slot struct{ Page int }
	if err := b.state("passbook", "passbook.json", &slot); err != nil {
		b.t.Fatal(err)
	}
	c := b.customer(visit{Book: bookName, Page: max(1, slot.Page)})
	if f.target == "answer" {
		b.leaveOut(f.state, "")
		f = fault{}
	}
	b.visited(f, c, rng)
}

// updates proves that the next update completes the book.
func (b *branch) updates() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	err := robot.Until(45*time.Second, func() error {
		b.revive()
		var slot struct{ Page int }
		if err := b.state("passbook", "passbook.json", &slot); err != nil {
			return err
		}
		v, err := b.desk.Passbook(ctx, bookName, max(1, slot.Page))
		b.t.Logf("next customer: %+v, %v", v, err)
		if err == nil && v.Outcome == "unclear" {
			b.quiet()
			b.looksAtPassbook()
			return errors.New("a person has looked")
		}
		if err != nil || (v.Outcome != "updated" && v.Outcome != "nothing") {
			b.quiet()
			return errors.Join(errors.New(v.Outcome), err)
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("the next customer's passbook is not updated: %v", err)
	}
	b.quiet()
	p := b.passbook()
	for n := 1; n <= b.withdrawn; n++ {
		if len(p.at[n]) == 0 {
			b.t.Errorf("B4: line %d is not in the book", n)
		}
	}
}

// looksAtPassbook does what the staff does with a passbook whose printing broke off.
func (b *branch) looksAtPassbook() {
	b.t.Helper()
	err := robot.Until(60*time.Second, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		return b.desk.Staff(ctx, "operator", "Operator#2026", func(call func(string, any, any) error) error {
			var seen struct {
				Books []struct{ ID, From, To, Line int }
			}
			if err := call("X-Operator.Overview", nil, &seen); err != nil || len(seen.Books) == 0 {
				return err
			}
			x, p := seen.Books[len(seen.Books)-1], b.passbook()
			complete, used := 0, 0
			for n := x.From; n <= x.To; n++ {
				if len(p.at[n]) > 0 {
					complete++
				}
				if p.used[100*p.page+x.Line+n-x.From] {
					used++
				}
			}
			b.t.Logf("looked: lines %d to %d: %d are whole, %d places are used", x.From, x.To, complete, used)
			return call("X-Operator.Passbook", map[string]any{"id": x.ID, "complete": complete, "used": used}, nil)
		})
	})
	if err != nil {
		b.t.Fatalf("the staff cannot say how far it was printed: %v", err)
	}
	b.waitReady()
}

// passbook is the book as it lies there.
type passbook struct {
	page      int           // at which it lies open
	used      map[int]bool  // places with any print
	line, seq int           // of the stripe
	at        map[int][]int // places (page × 100 + line) of each line of the account that is there whole
	over      []int         // places where something is printed over something
}

func (b *branch) passbook() (p passbook) {
	b.t.Helper()
	var s struct {
		Page  int
		Books map[string]struct {
			Stripe string
			Pages  [][]struct {
				Line, Column int
				Text         string
			}
		}
	}
	if err := b.state("passbook", "passbook.json", &s); err != nil {
		b.t.Fatal(err)
	}
	book := s.Books[bookName]
	f := strings.Split(book.Stripe, "=")
	if len(f) != 3 {
		b.t.Fatalf("B2: the stripe is damaged: %q", book.Stripe)
	}
	p.line, _ = strconv.Atoi(f[1])
	p.seq, _ = strconv.Atoi(f[2])
	p.at, p.used, p.page = map[int][]int{}, map[int]bool{}, max(0, s.Page-1)
	for page, marks := range book.Pages {
		seen := map[[2]int]bool{}
		for _, m := range marks {
			place := 100*page + m.Line + 1
			p.used[place] = true
			if key := [2]int{m.Line, m.Column}; seen[key] {
				p.over = append(p.over, place)
			} else {
				seen[key] = true
			}
			yuan, fen, _ := strings.Cut(m.Text, ".")
			if v, err := strconv.Atoi(yuan + fen); err == nil && len(fen) == 2 && v > 0 { // the balance is what is printed last
				if n := (bookOpened - v) / bookAmount; n > 0 && (bookOpened-v)%bookAmount == 0 {
					p.at[n] = append(p.at[n], place)
				}
			}
		}
	}
	return p
}

func (b *branch) checkPassbook() {
	b.t.Helper()
	b.eventually(func() (wrong []string) {
		bad := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
		bk, err := b.book()
		at, err2 := b.accounts()
		if err := errors.Join(err, err2); err != nil {
			return []string{err.Error()}
		}
		p := b.passbook()
		broken := false
		for _, x := range bk.Prints {
			broken = broken || !x.Done
		}
		if broken && bk.Alarms["passbookUnclear"]+bk.Alarms["passbookStripe"] == 0 {
			bad("B1: nobody was told of lines that may be printed in part")
		}
		for n, places := range p.at {
			if len(places) > 1 {
				bad("B1: line %d is in the book %d times", n, len(places))
			}
		}
		if len(p.over) > 0 {
			bad("B1: printed over at %v", p.over)
		}
		a := at[bookAccount]
		for n := 1; n <= max(p.seq, a.Printed); n++ {
			if len(p.at[n]) == 0 {
				bad("B2, B3: line %d is not in the book (stripe %d, bank %d)", n, p.seq, a.Printed)
			}
		}
		if a.Seq != b.withdrawn {
			bad("the account has %d lines, %d were made", a.Seq, b.withdrawn)
		}
		return wrong
	})
}
