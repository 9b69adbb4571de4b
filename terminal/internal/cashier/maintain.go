package cashier

import (
	"context"
	"encoding/json"
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// Choose is Plan for a caller who may have chosen the notes: the choice must make the amount
// from what the units have.
func (c *Cashier) Choose(amount int64, counts map[string]int) (map[string]int, error) {
	if len(counts) == 0 {
		return c.Plan(amount)
	}
	plan, sum, notes, ok := map[string]int{}, int64(0), 0, true
	c.led.Read(func(b *book.Book) {
		for id, n := range counts {
			u := b.Units[id]
			if u == nil || !u.At(c.cfg.Device) || n < 0 || n > u.Count || u.Inaccurate || u.Currency != c.cfg.Currency {
				ok = false
				return
			}
			if n > 0 {
				plan[id] = n
			}
			sum, notes = sum+int64(n)*u.Value, notes+n
		}
	})
	switch {
	case !ok || notes == 0 || sum != amount:
		return nil, ErrNotDispensable
	case c.cfg.MaxNotes > 0 && notes > c.cfg.MaxNotes:
		return nil, ErrTooMany
	}
	return plan, nil
}

// Maintain runs a command of the staff that moves notes inside the module (TestCashUnits,
// Reset) and books what left the units. Not while a customer is served or notes of a
// withdrawal may move.
func (c *Cashier) Maintain(ctx context.Context, name string, emit func(api.Event)) api.Completion {
	c.mu.Lock()
	defer c.mu.Unlock()
	var moving bool
	c.led.Read(func(b *book.Book) {
		for _, t := range b.OpenTxns() {
			moving = moving || t.Cash.Open() && !t.Deposit() && !t.Hands()
		}
	})
	if _, open := c.sess.Current(); open || moving || c.Waiting() != "" {
		return api.Refuse(api.SequenceError, "a customer is served, or notes of a withdrawal may move")
	}
	if err := c.record(ej.Recovery, "", map[string]string{"why": name}); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	doubted, err := c.beforeTest(name)
	if err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	c.clears++
	moveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.MoveTimeout)
	defer cancel()
	done := c.dev.RunOp(moveCtx, api.OpID(fmt.Sprintf("maintain-%s-%d", c.boot, c.clears)), "", name, nil, emit)
	var m cash.Moved
	unclear := done.Outcome == api.Indeterminate || len(done.Payload) > 0 && json.Unmarshal(done.Payload, &m) != nil
	units := map[string]book.Unit{}
	c.led.Read(func(b *book.Book) {
		for _, id := range b.UnitIDs(c.cfg.Device) {
			u := b.Units[id]
			next, left := *u, m.Units[id]
			next.Count = max(0, next.Count-left.Presented-left.Rejected-left.Retracted-left.Stacked)
			next.Rejected += left.Rejected
			next.Inaccurate = next.Inaccurate && !doubted[id] || name == cash.CmdTest && (unclear || m.Unknown)
			if next != *u {
				units[id] = next
			}
		}
	})
	if len(units) > 0 {
		if err := c.SetCounts(units, name); err != nil {
			c.log.Error("journal refused", "kind", ej.Counts, "err", err)
		}
	}
	if done.Outcome == api.NotStarted {
		return done
	}
	done.Payload = nil // ours; the standard's completion has none
	return done
}

// beforeTest marks the units before a test takes notes from them: should the platform stop in it,
// nobody knows how many are left. It says which units were not in doubt before.
func (c *Cashier) beforeTest(name string) (marked map[string]bool, err error) {
	if name != cash.CmdTest {
		return nil, nil
	}
	units := map[string]book.Unit{}
	marked = map[string]bool{}
	c.led.Read(func(b *book.Book) {
		for _, id := range b.UnitIDs(c.cfg.Device) {
			if u := b.Units[id]; !u.Inaccurate {
				next := *u
				next.Inaccurate, marked[id] = true, true
				units[id] = next
			}
		}
	})
	if len(units) == 0 {
		return marked, nil
	}
	return marked, c.SetCounts(units, name)
}
