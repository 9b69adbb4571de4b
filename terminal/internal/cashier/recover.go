package cashier

import (
	"context"
	"time"

	"zhigui/drivers/api"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// Recovered takes what a (re)started driver found. If a movement of this process waits
// for it, that movement goes on; otherwise what the journal left open is settled: this
// is what happens after a crash of the platform or a power cut.
func (c *Cashier) Recovered(rec api.Recovery) {
	c.waitMu.Lock()
	ch := c.recov
	c.recov = nil
	c.waitMu.Unlock()
	if ch != nil {
		ch <- rec // buffered; a movement that is over already never reads it
	}
	settle := func() {
		defer c.mu.Unlock()
		c.recoverLocked(rec)
	}
	if c.mu.TryLock() {
		settle()
		return
	}
	// Something moves or is looked at just now; its end does not settle what was open
	// before it.
	go func() { c.mu.Lock(); settle() }()
}

func (c *Cashier) recoverLocked(rec api.Recovery) {
	var open []book.Txn
	c.led.Read(func(b *book.Book) { open = b.OpenTxns() })
	for _, t := range open {
		if t.ID == c.Waiting() {
			continue // its notes lie at the exit and a timer runs
		}
		if t.Cash.Open() && c.mine(t) {
			c.recoverCash(t, rec)
		}
	}
}

// mine: a withdrawal whose notes this cashier moves.
func (c *Cashier) mine(t book.Txn) bool {
	return !t.Deposit() && !t.Hands() && t.At(c.cfg.Device)
}

// recoverCash settles one dispense that a crash interrupted, from evidence only.
func (c *Cashier) recoverCash(t book.Txn, rec api.Recovery) {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.MoveTimeout)
	defer cancel()
	if err := c.record(ej.Recovery, t.ID, map[string]any{"cash": t.Cash, "note": rec.Note, "media": rec.Media}); err != nil {
		return
	}
	switch t.Cash {
	case book.CashIntent, book.CashMotion:
		done, ok := c.find(ctx, api.OpID(t.Op), rec)
		if !ok {
			done = api.Completion{Outcome: api.Indeterminate, Description: "nothing proves what the dispense did"}
		}
		c.book(t.ID, c.doubt(ctx, t.ID, done))
	case book.CashStacked:
		// Not presented for certain: reject and reverse.
		done := c.dev.RunOp(ctx, api.OpID(t.ID+"-j1"), t.ID, "CashDispenser.Reject", nil, func(api.Event) {})
		if done.Outcome == api.Done {
			_ = c.record(ej.NotDispensed, t.ID, nil)
		} else {
			_ = c.record(ej.Unclear, t.ID, book.CashData{Why: "stacked notes could not be rejected"})
		}
		c.settle(t.ID)
	case book.CashPresented:
		c.recoverPresented(ctx, t)
	case book.CashPresentIntent:
		done, ok := c.find(ctx, api.OpID(t.ID+"-p1"), rec)
		switch {
		case ok && done.Outcome == api.NotStarted:
			_ = c.record(ej.NotDispensed, t.ID, nil)
			c.clearPath(t.ID)
		default:
			_ = c.record(ej.Unclear, t.ID, book.CashData{Why: "presenting was interrupted"})
		}
		c.settle(t.ID)
	case book.CashRetractIntent:
		done, ok := c.find(ctx, try(t), rec)
		switch {
		case !ok:
			done = api.Completion{Outcome: api.Indeterminate, Description: "retracting was interrupted"}
		case done.Outcome == api.NotStarted: // and so were all before it
			if c.exitEmpty() {
				_ = c.record(ej.Taken, t.ID, nil)
				c.settle(t.ID)
				return
			}
			done = c.drawBack(ctx, t.ID, "found at the exit after a restart")
		}
		c.bookRetract(t.ID, done)
	}
}

// recoverPresented: the notes were accessible when the platform died.
func (c *Cashier) recoverPresented(ctx context.Context, t book.Txn) {
	if err := c.dev.Refresh(ctx); err != nil {
		return // no evidence yet; the next recovery asks again
	}
	switch exitOf(c.status()) {
	case "empty":
		_ = c.record(ej.Taken, t.ID, nil)
		c.settle(t.ID)
	case "notEmpty":
		if c.cfg.Keeps {
			c.presented(t.ID) // the customer may stand there still
			return
		}
		c.retract(ctx, t.ID, "found at the exit after a restart")
	default:
		_ = c.record(ej.Unclear, t.ID, book.CashData{Why: "the exit sensor does not tell"})
		c.settle(t.ID)
	}
}

// Tidy sends notes that lie inside or at the exit, and that no transaction waits for, to
// the reject tray: what a failed movement left behind when the module was not there to
// clear it. It trusts what the sensors say now, whatever state the module reports beside
// it. Call it whenever the module's status has changed; it does nothing otherwise.
// A try that fails is repeated after a pause that doubles.
func (c *Cashier) Tidy() {
	if c.cfg.Keeps {
		return // notes of a deposit move through it, too: it is cleared after a payout only
	}
	if c.mu.TryLock() {
		defer c.mu.Unlock()
		c.tidyLocked()
		return
	}
	// Something moves just now; what it leaves behind is looked at when it has ended.
	if c.tidyWaits.CompareAndSwap(false, true) {
		go func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.tidyWaits.Store(false)
			c.tidyLocked()
		}()
	}
}

func (c *Cashier) tidyLocked() {
	if c.Waiting() != "" || c.tidying {
		return
	}
	var open bool
	var last string
	c.led.Read(func(b *book.Book) {
		last = b.Last(c.cfg.Device)
		for _, t := range b.OpenTxns() {
			open = open || t.Cash.Open() && c.mine(t)
		}
	})
	st := c.status()
	if open || (st.Transport != "notEmpty" && exitOf(st) != "notEmpty") {
		return
	}
	if exitOf(st) == "notEmpty" && c.tidy == 0 {
		// The books say that nothing lies there: a customer may miss it.
		c.alarm("cashPathBlocked", "notes that no transaction waits for lie at the exit; they go to the reject tray", last)
	}
	c.tidying = true // clearing itself changes the status
	clear := c.clearPath(last)
	c.tidying = !clear
	if clear {
		c.tidy = 0
		return
	}
	c.tidy = min(max(2*c.tidy, time.Second), time.Minute)
	c.timer(c.tidy, func() {
		c.mu.Lock()
		c.tidying = false
		c.mu.Unlock()
		c.Tidy()
	})
}

// CloseSession settles the transactions of a session that is over and whose cash part
// never began, and returns whether notes still lie at the exit.
func (c *Cashier) CloseSession(sessionID string) (waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var open []book.Txn
	c.led.Read(func(b *book.Book) { open = b.OpenTxns() })
	for _, t := range open {
		if (sessionID == "" || t.Session == sessionID) && !t.Cash.Open() && t.Host != book.HostIntent {
			c.settle(t.ID)
		}
	}
	return c.Waiting() != ""
}

// Settle applies the settlement rules to one transaction that needs no device (declined,
// unknown, not sent).
func (c *Cashier) Settle(txn string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(txn)
}

// Resolve closes a suspense: an operator counted and found that the customer got paid.
func (c *Cashier) Resolve(txn string, paid int64, by string) error {
	if err := c.record(ej.Resolved, txn, book.SettleData{Paid: paid, By: by}); err != nil {
		return err
	}
	if c.hooks.Settled != nil {
		c.hooks.Settled(txn)
	}
	return nil
}

// SetCounts sets cash units after an exchange.
func (c *Cashier) SetCounts(units map[string]book.Unit, by string) error {
	return c.led.Log(ej.Counts, ej.Record{Device: c.cfg.Device}, book.CountsData{Units: units, By: by})
}

// PresentState is GetPresentStatus: about the last dispense whose intent was recorded,
// also after a reboot, until the next one really starts.
func (c *Cashier) PresentState() (state string, t book.Txn) {
	c.led.Read(func(b *book.Book) {
		if last := b.Txns[b.Last(c.cfg.Device)]; last != nil {
			t = *last
		}
	})
	switch t.Cash {
	case book.CashPresented, book.CashTaken, book.CashRetractIntent, book.CashRetracted:
		return "presented", t
	case book.CashNone, book.CashStacked, book.CashNotDispensed:
		return "notPresented", t
	}
	return "unknown", t
}
