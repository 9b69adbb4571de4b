package cashier

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// EvRetracted tells the page that untaken notes went back (extension).
const EvRetracted = "X-Cash.RetractedEvent"

// presented starts the wait for the customer; c.mu is held.
func (c *Cashier) presented(txn string) {
	if !c.cfg.SeesTaking {
		c.taken(txn)
		return
	}
	c.waitMu.Lock()
	c.onExit = txn
	c.stop = c.timer(c.cfg.TakeTimeout, func() { c.Retract(context.Background(), "not taken in time") })
	c.waitMu.Unlock()
	// The customer may have been quicker than the completion.
	if c.exitEmpty() {
		c.taken(txn)
	}
}

func (c *Cashier) exitEmpty() bool {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.RecoverTimeout)
	defer cancel()
	return c.dev.Refresh(ctx) == nil && exitOf(c.status()) == "empty"
}

// takeWaiting ends the wait and returns the transaction it was for.
func (c *Cashier) takeWaiting() string {
	c.waitMu.Lock()
	defer c.waitMu.Unlock()
	txn := c.onExit
	c.onExit = ""
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
	return txn
}

// Taken takes the device's word that the exit was emptied.
func (c *Cashier) Taken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waitMu.Lock()
	txn := c.onExit
	c.waitMu.Unlock()
	if txn != "" {
		c.taken(txn)
	}
}

func (c *Cashier) taken(txn string) {
	c.takeWaiting()
	if c.record(ej.Taken, txn, nil) == nil {
		c.settle(txn)
	}
	if c.cfg.Keeps {
		c.clearPath(txn) // after a jam that left a note inside; a dispenser is tidied when it says so
	}
}

// Waiting is the transaction whose notes lie at the exit, "" if none.
func (c *Cashier) Waiting() string {
	c.waitMu.Lock()
	defer c.waitMu.Unlock()
	return c.onExit
}

// Retract draws untaken notes back. The amount that came back is certain only if the
// device counted it; otherwise the transaction waits in suspense for a count.
func (c *Cashier) Retract(ctx context.Context, why string) api.Completion {
	c.mu.Lock()
	defer c.mu.Unlock()
	txn := c.takeWaiting()
	if txn == "" {
		return api.Fail(api.NotStarted, cash.ErrNoItems, "nothing lies at the exit")
	}
	if c.exitEmpty() { // taken in the last moment
		c.taken(txn)
		return api.Fail(api.NotStarted, cash.ErrItemsTaken, "the notes were taken")
	}
	if c.cfg.Keeps {
		return c.left(txn, why)
	}
	return c.retract(ctx, txn, why)
}

// left gives up the wait for a customer whose notes stay at the exit.
func (c *Cashier) left(txn, why string) api.Completion {
	done := api.Completion{Outcome: api.Failed, Code: api.UnsupportedCommand, Description: why + ": the module cannot draw them back"}
	c.alarm("cashLeft", "notes lie at the exit, and the module cannot draw them back: a person takes them out, or sees who has", txn)
	_ = c.record(ej.Unclear, txn, book.CashData{Why: done.Description})
	c.settle(txn)
	c.gaveUp(txn, true)
	return done
}

func (c *Cashier) retract(ctx context.Context, txn, why string) api.Completion {
	done := c.drawBack(ctx, txn, why)
	c.bookRetract(txn, done)
	return done
}

// try is the operation of the latest retract of a transaction.
func try(t book.Txn) api.OpID { return api.OpID(fmt.Sprintf("%s-r%d", t.ID, max(t.Tries, 1))) }

// drawBack retracts, and again when certainly nothing has moved. Each try is an operation of
// its own that the journal has before it begins: after a crash the latest decides.
func (c *Cashier) drawBack(ctx context.Context, txn, why string) (done api.Completion) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.MoveTimeout)
	defer cancel()
	for range 3 {
		if err := c.record(ej.RetractIntent, txn, book.CashData{Why: why}); err != nil {
			return api.Refuse(api.DeviceNotReady, "the journal cannot be written") // it stays as it is
		}
		t, _ := c.led.Txn(txn)
		op := try(t)
		recovered := c.expectRecovery()
		done = c.dev.RunOp(ctx, op, txn, cash.CmdRetract, cash.Retract{Area: "reject"}, func(api.Event) {})
		switch {
		case done.Outcome == api.Indeterminate:
			done = c.ask(txn, op, done, recovered)
		case offline(done):
			wait, cancel := context.WithTimeout(ctx, c.cfg.RecoverTimeout)
			select {
			case <-recovered:
			case <-wait.Done():
			}
			cancel()
		}
		if done.Outcome != api.NotStarted || gone(done) {
			return done
		}
		if c.exitEmpty() {
			return api.Fail(api.NotStarted, cash.ErrItemsTaken, "the notes were taken")
		}
	}
	return done
}

// offline: the module was not there to be asked. gone: no notes were there.
func offline(done api.Completion) bool {
	return done.Outcome == api.NotStarted && done.Code == api.DeviceNotReady
}

func gone(done api.Completion) bool {
	return done.ErrorCode == cash.ErrItemsTaken || done.ErrorCode == cash.ErrNoItems
}

// bookRetract writes down how a retract ended. One that the module was not there for stays
// open and is looked at again, by its recovery or after a while.
func (c *Cashier) bookRetract(txn string, done api.Completion) {
	if offline(done) {
		c.timer(time.Minute, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if t, ok := c.led.Txn(txn); ok && t.Cash == book.CashRetractIntent {
				c.recoverCash(t, api.Recovery{})
			}
		})
		return
	}
	var m cash.Moved
	if len(done.Payload) == 0 || json.Unmarshal(done.Payload, &m) != nil {
		m = cash.Moved{Unknown: true}
	}
	switch {
	case done.Outcome == api.Done:
		_ = c.record(ej.Retracted, txn, book.CashData{Moved: m})
		c.alarm("cashRetracted", "notes that were not taken are in the reject tray", txn)
	case gone(done):
		_ = c.record(ej.Taken, txn, nil)
	default:
		_ = c.record(ej.Unclear, txn, book.CashData{Moved: m, Why: done.Description})
	}
	c.settle(txn)
	c.gaveUp(txn, false)
}

// gaveUp tells the page that nobody waits for the customer any more; left: the notes lie at the
// exit still, within the customer's reach.
func (c *Cashier) gaveUp(txn string, left bool) {
	if c.hooks.Event != nil {
		t, _ := c.led.Txn(txn)
		p, _ := json.Marshal(map[string]any{"txn": txn, "cash": t.Cash, "settle": t.Settle, "left": left})
		c.hooks.Event(api.Event{Name: EvRetracted, Payload: p})
	}
}

// Present gives access to stacked notes (devices with an intermediate stacker).
func (c *Cashier) Present(ctx context.Context, txn string, emit func(api.Event)) api.Completion {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.led.Txn(txn)
	if !ok || t.Cash != book.CashStacked {
		return api.Fail(api.NotStarted, cash.ErrNoItems, "no notes are on the stacker")
	}
	if err := c.record(ej.PresentIntent, txn, nil); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written")
	}
	moveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.MoveTimeout)
	defer cancel()
	op := api.OpID(txn + "-p1")
	recovered := c.expectRecovery()
	done := c.dev.RunOp(moveCtx, op, txn, cash.CmdPresent, nil, emit)
	if done.Outcome == api.Indeterminate {
		done = c.ask(txn, op, done, recovered)
	}
	var m cash.Moved
	if len(done.Payload) > 0 && json.Unmarshal(done.Payload, &m) != nil {
		m.Unknown = true
	}
	if done.Outcome == api.Done {
		if len(m.Units) == 0 { // all that was stacked
			m.Units = map[string]cash.UnitMoved{}
			for id, n := range t.Plan {
				m.Units[id] = cash.UnitMoved{Presented: n, Stacked: -n}
			}
		}
		if c.record(ej.Presented, txn, book.CashData{Moved: m, Paid: c.value(m)}) == nil {
			c.presented(txn)
		}
		return done
	}
	if done.Outcome == api.NotStarted {
		return done // still on the stacker
	}
	_ = c.record(ej.Unclear, txn, book.CashData{Moved: m, Why: done.Description})
	c.settle(txn)
	return done
}
