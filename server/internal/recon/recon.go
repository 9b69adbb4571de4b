// Package recon compares the books of a settlement day: the switch's journal with the book that a host
// (core system, card network) sends, and with what the terminals' own journals say they paid; and these two with
// what people and devices have counted. Each difference has a class, an owner and a next action; two persons settle it. mgmt and serverctl use it.
//
// Source: transaction.md §4.5. The day is the host's own (field 15, cut-over), never the wall clock's.
package recon

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"zhigui/server/internal/lease"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

// Class of a difference.
type Class string

// Classes. Ours is the switch's journal.
const (
	OursOnly   Class = "oursOnly"   // the other book does not know it: paid without a debit (短款)
	TheirsOnly Class = "theirsOnly" // debited without our knowledge: the customer got nothing (长款)
	Amount     Class = "amount"     // both have it, with other amounts
	State      Class = "state"      // we took it back, they kept it
	Duplicate  Class = "duplicate"  // they have it twice
	Pending    Class = "pending"    // not decided here yet: a reversal is under way, or a person must decide
	Uncounted  Class = "uncounted"  // the terminal does not know what it paid before a count
	Silent     Class = "silent"     // the terminal's journal says nothing about it

	CashShort  Class = "short"      // fewer notes were counted than must be there (短款)
	CashOver   Class = "over"       // more (长款)
	NotCounted Class = "notCounted" // a cash box was emptied, or notes moved for long, and nobody has counted
	Strange    Class = "strange"    // the count is about other units or another book: another terminal's
	Moved      Class = "moved"      // the notes that a transaction moved are not what the switch has booked
)

// Owners act next on a difference.
var Owners = map[Class]string{OursOnly: "clearing", TheirsOnly: "clearing", Amount: "clearing", State: "clearing", Duplicate: "clearing",
	Pending: "operator", Uncounted: "branch", Silent: "operator",
	CashShort: "branch", CashOver: "branch", NotCounted: "branch", Strange: "operator", Moved: "clearing"}

// Row is one line of another book.
type Row struct {
	Reference, Terminal string
	Amount              int64 // what the card was debited in the end, minor units; a credit is negative
	Reversed            bool
}

// Books compares.
type Books struct {
	Store    *store.Store
	Products *product.Catalogue
	Now      func() time.Time
	// CountEvery is how long a terminal that moves notes may go without a count; 0 = CountEvery.
	CountEvery time.Duration
	// By is who compares, empty when a program does: what another book does not show any more is gone when somebody else has agreed.
	By string
}

// Run compares a day's journal of one host with the book it sent and with the terminals' journals, and the
// day's counts with both, and stores the comparisons. store.ErrHeld: another process is at it.
func (b *Books) Run(ctx context.Context, host, day, digest string, rows []Row) error {
	return lease.Do(ctx, b.Store, "recon."+day+"."+host, func() error {
		run, diffs, err := b.Host(ctx, host, day, digest, rows)
		if err == nil {
			err = b.Store.SaveRun(ctx, run, diffs)
		}
		if err == nil {
			run, diffs, err = b.Terminals(ctx, host, day)
		}
		if err == nil {
			err = b.Store.SaveRun(ctx, run, diffs)
		}
		if err == nil {
			err = b.RunCounts(ctx, day)
		}
		if errors.Is(err, store.ErrHeld) { // who has it does the same
			err = nil
		}
		return err
	})
}

// effect is what a transaction did in the end by our journal; clear is false while that is not decided.
// ok is false for what moves no money.
func (b *Books) effect(t *store.Txn) (amount int64, clear, ok bool) {
	p := b.Products.Named(t.Kind)
	if p != nil && p.Moves != product.Money && !p.Credit {
		return 0, true, false
	}
	amount = t.Amount
	if t.Paid.Valid {
		amount = t.Paid.Int64
	}
	switch t.State {
	case store.Declined, store.NotSent, store.Voided, store.Reversed, store.ReversalAbsent:
		return 0, true, true
	case store.Intent, store.Unknown, store.ReversalPending, store.ReversalStuck, store.CreditPending, store.Suspense:
		clear = false
	default:
		clear = true
	}
	if p != nil && p.Credit {
		if t.State != store.Confirmed && t.State != store.ClosedByHand && t.State != store.CreditPending {
			amount = 0 // approved, but no note was booked yet
		}
		amount = -amount
	}
	if p != nil && p.Pays == product.Customer {
		amount = -amount
	}
	return amount, clear, true
}

// Host compares a day's journal of one host with the book it sent.
func (b *Books) Host(ctx context.Context, host, day, digest string, rows []Row) (*store.Run, []*store.Difference, error) {
	return b.compare(&store.Run{Day: day, Host: host, Book: "host", Digest: digest, By: b.By}, rows, func(f func(*store.Txn) error) error { return b.each(ctx, host, day, f) })
}

// compare compares what each tells of our journal with the lines of another book. The differences' keys begin with
// the run's Host.
func (b *Books) compare(run *store.Run, rows []Row, each func(func(*store.Txn) error) error) (*store.Run, []*store.Difference, error) {
	run.Theirs, run.At = int64(len(rows)), b.Now()
	for i := range rows {
		run.TheirAmount += rows[i].Amount
	}
	type pair struct {
		t      *store.Txn
		amount int64
		clear  bool
		r      *Row
	}
	theirs := newLines(rows, run.Book == Partner)
	var others []pair           // that do not agree
	shared := map[string]bool{} // references of a partner's that we have; true: more than once
	var out []*store.Difference // with keys that stay the same whenever the books are compared
	add := func(c Class, reference string, t *store.Txn, r *Row) *store.Difference {
		d := &store.Difference{Day: run.Day, Host: run.Host, Book: run.Book, Key: run.Host + "|" + reference, Class: string(c), Reference: reference, Owner: Owners[c]}
		if t != nil {
			d.Txn, d.Terminal, d.Branch = sql.NullInt64{Int64: t.ID, Valid: true}, t.Terminal, t.Branch
			a, _, _ := b.effect(t)
			d.Ours = sql.NullInt64{Int64: a, Valid: true}
			if shared[reference] {
				d.Key = run.Host + "|" + strconv.FormatInt(t.ID, 10)
			}
		}
		if r != nil {
			d.Terminal = cmp.Or(d.Terminal, r.Terminal)
			d.Theirs = sql.NullInt64{Int64: r.Amount, Valid: true}
		}
		out = append(out, d)
		return d
	}
	err := each(func(t *store.Txn) error {
		amount, clear, ok := b.effect(t)
		if !ok {
			return nil
		}
		if theirs.partner {
			_, again := shared[t.Reference]
			shared[t.Reference] = again
		}
		if amount == 0 && len(theirs.of[t.Reference]) == 0 {
			return nil // nothing happened, in both
		}
		if r := theirs.agrees(t, amount); r == nil || !clear {
			others = append(others, pair{t, amount, clear, r})
			return nil
		}
		run.Ours++
		run.OurAmount += amount
		run.Matched++
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range others {
		if x := &others[i]; x.r == nil {
			x.r = theirs.take(x.t, func(r *Row) bool { return theirs.same(x.t, r) })
		}
	}
	for _, x := range others {
		r := x.r
		if r == nil {
			r = theirs.take(x.t, func(*Row) bool { return true })
		}
		if x.amount == 0 && r == nil {
			continue
		}
		run.Ours++
		run.OurAmount += x.amount
		switch {
		case !x.clear:
			add(Pending, x.t.Reference, x.t, r)
		case r != nil && r.Amount == x.amount: // under another name of its terminal
			run.Matched++
		case r == nil:
			add(OursOnly, x.t.Reference, x.t, nil)
		case x.amount == 0:
			add(State, x.t.Reference, x.t, r)
		default:
			add(Amount, x.t.Reference, x.t, r)
		}
	}
	for ref, left := range theirs.of {
		for i, r := range left {
			if n := i + theirs.taken[ref]; n > 0 {
				add(Duplicate, ref, nil, r).Key += fmt.Sprintf("|%d", n+1) // the second, the third, …
			} else if r.Amount != 0 {
				add(TheirsOnly, ref, nil, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b *store.Difference) int { return cmp.Compare(a.Key, b.Key) })
	return run, out, nil
}

// each calls f for every transaction of a host's day.
func (b *Books) each(ctx context.Context, host, day string, f func(*store.Txn) error) error {
	var after int64
	for {
		ts, err := b.Store.Settled(ctx, host, day, after, 2000)
		if err != nil {
			return fmt.Errorf("recon: journal: %w", err)
		}
		for _, t := range ts {
			if err := f(t); err != nil {
				return err
			}
			after = t.ID
		}
		if len(ts) < 2000 {
			return nil
		}
	}
}
