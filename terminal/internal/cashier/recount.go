package cashier

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// Recount takes the word of a module that counts its units (a recycler's store) for them: what its
// books had in doubt is known again, and a difference is written down as one that a person found is,
// with an alarm. Nothing may be under way; quiet says so, and is asked again with the books as they
// are when the module has answered. It reports whether the books have changed.
func (c *Cashier) Recount(ctx context.Context, quiet func() bool) (changed bool) {
	if c.cfg.Device != book.Acceptor || !quiet() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RecoverTimeout)
	defer cancel()
	for range 3 { // something else may be written meanwhile
		at := c.led.Last()
		levels, types, ok := c.levels(ctx)
		if !ok || c.Waiting() != "" || !quiet() {
			return false
		}
		x := book.CountsData{By: "the device", Units: map[string]book.Unit{}, Exchange: map[string]book.ExchangeLine{}}
		var odd []string
		var moving bool
		c.led.Read(func(b *book.Book) {
			for _, t := range b.OpenTxns() {
				moving = moving || t.Cash.Open() && (t.Deposit() || c.mine(t))
			}
			for id, n := range levels {
				t, was := types[cash.NoteTypeOf(id)], b.Units[id]
				switch {
				case t.Value <= 0 || t.Currency != c.cfg.Currency || was == nil && n == 0:
				case was == nil: // the first time that it is seen
					x.Units[id] = book.Unit{Device: c.cfg.Device, Currency: t.Currency, Value: t.Value, Count: n, Initial: n}
					x.Exchange[id] = book.ExchangeLine{Counted: n}
				case was.Count != n || was.Inaccurate || was.Estimated:
					next := book.Unit{Device: c.cfg.Device, Currency: was.Currency, Value: was.Value, Count: n, Initial: n}
					x.Units[id], x.Exchange[id] = next, book.ExchangeLine{Booked: was.Count, Counted: n, Rejected: was.Rejected}
					x.BoxUnclear = x.BoxUnclear || n < was.Count // what is missed may be there
					if was.Count != n {
						odd = append(odd, fmt.Sprintf("%s: %+d notes against the book", id, n-was.Count))
					}
				}
			}
		})
		if moving || len(x.Units) == 0 {
			return false
		}
		if c.led.Last() != at {
			continue
		}
		if err := c.led.Log(ej.Counts, ej.Record{Device: c.cfg.Device}, x); err != nil {
			c.log.Error("journal refused", "kind", ej.Counts, "err", err)
			return false
		}
		if len(odd) > 0 {
			slices.Sort(odd)
			c.alarm("cashDifference", strings.Join(odd, "; ")+", as the device counts", "")
		}
		return true
	}
	return false
}

// levels are what the module says that its units hold; false when it cannot be trusted just now.
func (c *Cashier) levels(ctx context.Context) (map[string]int, map[string]cash.NoteType, bool) {
	if c.dev.Refresh(ctx) != nil || c.dev.State() != api.Online {
		return nil, nil, false
	}
	var st cash.AcceptorStatus
	var common struct {
		Unsettled bool `json:"X-unsettled"`
	}
	c.dev.Read("cashAcceptor", &st)
	c.dev.Read("common", &common)
	ok := st.Levels != nil && !common.Unsettled && st.CashIn.Status != cash.CashInActive && st.Transport == "empty"
	return maps.Clone(st.Levels), st.NoteTypes, ok
}

// Level is what the module itself says that one of its units holds.
func (c *Cashier) Level(unit string) (n int, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	levels, _, ok := c.levels(ctx)
	n, known = levels[unit]
	return n, ok && known
}
