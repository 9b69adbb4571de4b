package recon

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
	"zhigui/terminal/api/journal"
)

// said is what a terminal's own journal says about one transaction in the end.
type said struct {
	known  bool // it began it
	paid   int64
	clear  bool // it knows what it paid
	doubt  bool // a person must count
	credit bool
}

// read folds the records of one transaction.
func read(recs []store.Record) (s said, err error) {
	for _, r := range recs {
		var rec journal.Record
		if err := json.Unmarshal(r.Body, &rec); err != nil {
			return s, unreadable(r.Seq, err)
		}
		var v struct {
			Paid int64 `json:"paid"`
		}
		switch rec.Kind {
		case journal.HostIntent:
			s.known = true
		case journal.Commit, journal.Reverse, journal.Resolved:
			if err := json.Unmarshal(rec.Data, &v); err != nil {
				return s, unreadable(r.Seq, err)
			}
			s.known, s.paid, s.clear, s.doubt = true, v.Paid, true, false
		case journal.Suspense:
			s.known, s.clear, s.doubt = true, false, true
		}
	}
	return s, nil
}

// Terminals compares a day's journal of one host with what the terminals' journals say they paid or
// took in. Terminals without a journal here (partners) are left out.
func (b *Books) Terminals(ctx context.Context, host, day string) (*store.Run, []*store.Difference, error) {
	run := &store.Run{Day: day, Host: host, Book: "terminal", At: b.Now()}
	var out []*store.Difference
	keeps := map[string]bool{} // terminals that keep a journal
	err := b.each(ctx, host, day, func(t *store.Txn) error {
		p := b.Products.Named(t.Kind)
		if p == nil || !p.Confirm || p.Moves != product.Money && !p.Credit {
			return nil
		}
		has, seen := keeps[t.Terminal]
		if !seen {
			last, err := b.Store.LastRecord(ctx, t.Terminal)
			if err != nil {
				return fmt.Errorf("recon: journal of %s: %w", t.Terminal, err)
			}
			has = last.Seq > 0
			keeps[t.Terminal] = has
		}
		if !has {
			return nil
		}
		recs, err := b.Store.RecordsOf(ctx, t.Terminal, t.Batch+"/"+t.STAN)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("recon: journal of %s: %w", t.Terminal, err)
		}
		s, err := read(recs)
		if errors.Is(err, errRecord) { // of one transaction, which must not keep the bank from comparing all others
			s = said{}
		} else if err != nil {
			return err
		}
		ours, clear, _ := b.effect(t)
		if ours < 0 {
			ours = -ours
		}
		if ours == 0 && s.paid == 0 && !s.doubt {
			return nil
		}
		run.Ours++
		run.OurAmount += ours
		if s.known {
			run.Theirs++
			run.TheirAmount += s.paid
		}
		var c Class
		switch {
		case s.doubt:
			c = Uncounted
		case !s.known:
			c = Silent
		case !clear || !s.clear:
			c = Pending
		case s.paid != ours && ours == 0:
			c = State // we took it back, the terminal has paid
		case s.paid != ours:
			c = Amount
		default:
			run.Matched++
			return nil
		}
		out = append(out, &store.Difference{Day: day, Host: host, Book: run.Book, Key: host + "|" + t.Reference, Class: string(c), Txn: sql.NullInt64{Int64: t.ID, Valid: true},
			Terminal: t.Terminal, Branch: t.Branch, Reference: t.Reference, Ours: sql.NullInt64{Int64: ours, Valid: true}, Theirs: sql.NullInt64{Int64: s.paid, Valid: s.clear}, Owner: Owners[c]})
		return nil
	})
	return run, out, err
}
