package depositor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// End stacks what is in escrow and closes the deposit. The amount is then in the journal, to be
// told.
func (d *Depositor) End(txn string) api.Completion { return d.end(txn, false) }

// Rollback gives back what is in escrow and closes the deposit with what can not come out again.
func (d *Depositor) Rollback(txn string) api.Completion { return d.end(txn, true) }

func (d *Depositor) end(txn string, takeBack bool) api.Completion {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.led.Txn(txn)
	if !ok || !t.Deposit() || t.Cash == book.CashNone {
		return api.Fail(api.NotStarted, cash.ErrNoCashIn, "no deposit is open")
	}
	if t.Cash.Open() {
		d.finish(txn, takeBack || t.TakeBack)
		t, _ = d.led.Txn(txn)
	}
	done := api.Completion{Outcome: api.Done}
	switch {
	case t.Cash == book.CashInUnclear:
		done = api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "it is not certain what was put in: a person must count"}
	case t.Cash.Open():
		done = api.Completion{Outcome: api.Failed, Code: api.DeviceNotReady, Description: "the acceptor does not answer; it is asked until it does"}
	}
	return d.answer(txn, done)
}

// finish brings an open deposit to its end if the device can be asked now; otherwise it stays
// open and a later look goes on. d.mu is held.
func (d *Depositor) finish(txn string, takeBack bool) {
	if d.live == txn {
		d.live = ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*d.cfg.MoveTimeout)
	defer cancel()
	if !d.closeOut(ctx, txn, takeBack) {
		d.arrange()
		return
	}
	d.retry, d.alarmed = 0, false
	d.settle(txn)
}

// settle decides what the server must be told, writes it down and passes it on.
func (d *Depositor) settle(txn string) {
	decision, ok, err := d.led.Settle(txn, "acceptor")
	if err != nil {
		d.log.Error("journal refused", "kind", "settle", "txn", txn, "err", err)
	}
	if !ok {
		return
	}
	if decision.Settle == book.SettleSuspense {
		d.alarm("suspense", decision.Reason+": a person must count", txn)
	}
	if d.hooks.Settled != nil {
		d.hooks.Settled(txn)
	}
}

// closeOut writes down what the device has for good. It reports false when the device must be
// asked again later.
func (d *Depositor) closeOut(ctx context.Context, txn string, takeBack bool) bool {
	for range 3 { // a rollback may find that only an end is possible
		t, _ := d.led.Txn(txn)
		if !t.Cash.Open() {
			return true
		}
		if d.dev.Refresh(ctx) != nil || !d.speaks() {
			return false
		}
		at := d.status().CashIn
		if at.Status != cash.CashInActive {
			return d.closed(t, at)
		}
		name := cash.CmdCashInEnd
		if takeBack {
			name = cash.CmdCashInRollback
		}
		op := d.newOp(txn, "e")
		if d.record(ej.DepositClosing, t, op, book.CashData{TakeBack: takeBack}) != nil {
			return false
		}
		done := d.dev.RunOp(ctx, op, txn, name, nil, nil)
		switch {
		case done.Outcome == api.NotStarted && done.ErrorCode == cash.ErrNoItems && takeBack:
			takeBack = false // nothing is in escrow, and what is stacked stays
		case done.Outcome == api.NotStarted && done.ErrorCode == cash.ErrNoCashIn:
			// it has ended by itself: its status says how
		case done.Outcome == api.NotStarted, done.Outcome == api.Indeterminate:
			return false
		}
		// The status after it is asked for, not the completion: it is what a restart would see.
	}
	return false
}

// speaks: the device's own word can be had, even if that word is "jammed".
func (d *Depositor) speaks() bool {
	switch d.dev.State() {
	case api.Online, api.DeviceBusy, api.StateHardwareError:
		return true
	}
	return false
}

// closed books what a cash-in transaction that is over has taken for good.
func (d *Depositor) closed(t book.Txn, at cash.CashInStatus) bool {
	taken := at.Deposited
	switch {
	case t.Cash == book.CashBegun:
		taken = cash.Deposited{} // the mouth was never opened: the numbers are an earlier deposit's
	case taken.Unknown && d.unsettled():
		return false // the driver is still asking
	case taken.Unknown, at.Status == "", book.Credit(taken) < book.Credit(t.Taken):
		why := "the device does not know what it has taken"
		if !taken.Unknown {
			why = "the device knows of less than it has reported before"
		}
		return d.record(ej.DepositUnclear, t, "", book.CashData{Taken: &t.Taken, Why: why}) == nil
	}
	if taken.Uncounted || taken.Count(func(n cash.NoteMoved) int { return n.Escrow }) > 0 {
		// It is the customer's, and nobody can say yet where it will end.
		why := "a note lies inside the acceptor that was neither credited nor given back"
		d.alarm("noteInside", why, t.ID)
		return d.record(ej.DepositUnclear, t, "", book.CashData{Taken: &taken, Why: why}) == nil
	}
	return d.record(ej.DepositClosed, t, "", book.CashData{Taken: &taken, Paid: book.Credit(taken)}) == nil
}

func (d *Depositor) unsettled() bool {
	var c struct {
		Unsettled bool `json:"X-unsettled"`
	}
	d.dev.Read("common", &c)
	return c.Unsettled
}

// Look closes the deposits whose customer is not at the counter any more, as soon as the device
// can be asked: after a crash, a power cut, a driver that was away. Call it when the device's
// status has changed; it does nothing otherwise.
func (d *Depositor) Look() {
	if !d.due() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look()
}

// due reports whether a look is worth waiting for the device.
func (d *Depositor) due() (open bool) {
	d.waitMu.Lock()
	busy := d.stop != nil || d.looking
	d.waitMu.Unlock()
	d.led.Read(func(b *book.Book) { open = len(b.OpenDeposits()) > 0 })
	return (open || d.stray()) && !busy
}

// stray reports whether the acceptor has a cash-in transaction open that the journal has not:
// a person has settled the deposit while the device was away, or another program began it.
func (d *Depositor) stray() bool {
	stray := d.status().CashIn.Status == cash.CashInActive
	d.led.Read(func(b *book.Book) { stray = stray && len(b.OpenDeposits()) == 0 })
	return stray
}

// clearStray ends such a transaction. What it holds is stacked, never handed out, and credited
// to nobody: a person compares the box with the books. d.mu is held.
func (d *Depositor) clearStray() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*d.cfg.MoveTimeout)
	defer cancel()
	if d.dev.Refresh(ctx) != nil || !d.stray() {
		return
	}
	done := d.dev.RunOp(ctx, d.newOp("stray", "e"), "", cash.CmdCashInEnd, nil, nil)
	if d.dev.Refresh(ctx) != nil || d.stray() {
		d.log.Warn("a cash-in that the journal does not know stays open", "outcome", done.Outcome, "code", done.ErrorCode)
		d.arrange()
		return
	}
	d.retry = 0
	in := d.status().CashIn
	d.alarm("acceptorActive", fmt.Sprintf("the acceptor had a cash-in transaction open that the journal does not know; it was ended. It says it has taken %s in it: a person compares the cash box with the books",
		minor(book.Credit(in.Deposited))), "")
}

// minor is an amount for a person.
func minor(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }

func (d *Depositor) look() {
	var open []book.Txn
	d.led.Read(func(b *book.Book) { open = b.OpenDeposits() })
	for _, t := range open {
		if t.ID != d.live {
			d.finish(t.ID, t.TakeBack)
		}
	}
	if d.stray() {
		d.clearStray()
	}
}

// longest is the longest pause between two looks.
const longest = 5 * time.Second

// Resolve takes a person's count for a deposit that nothing else can settle: one in suspense, or
// one whose acceptor does not answer any more.
func (d *Depositor) Resolve(txn string, paid int64, by string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, _ := d.led.Txn(txn)
	if t.Cash.Open() {
		if txn == d.live {
			return errLive
		}
		if err := d.record(ej.DepositUnclear, t, "", book.CashData{Taken: &t.Taken, Why: "counted by a person before the device answered"}); err != nil {
			return err
		}
		d.settle(txn)
	}
	if err := d.record(ej.Resolved, t, "", book.SettleData{Paid: paid, By: by}); err != nil {
		return err
	}
	if d.hooks.Settled != nil {
		d.hooks.Settled(txn)
	}
	return nil
}

var errLive = errors.New("the customer is at the counter: the deposit is not over")

// arrange looks again after a pause that doubles; d.mu is held.
func (d *Depositor) arrange() {
	d.waitMu.Lock()
	arranged := d.looking
	d.looking = true
	d.waitMu.Unlock()
	if arranged {
		return
	}
	if d.retry = max(2*d.retry, 250*time.Millisecond); d.retry >= longest && !d.alarmed {
		d.alarmed = true
		d.alarm("depositOpen", "the acceptor does not say what it has taken; it is asked until it does, or a person counts", "")
	}
	d.retry = min(d.retry, longest)
	d.timer(d.retry, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waitMu.Lock()
		d.looking = false
		d.waitMu.Unlock()
		d.look()
	})
}

// Recovered: a driver was (re)started and has answered.
func (d *Depositor) Recovered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look()
}

// CloseSession ends the deposit of a session that is over: a note in escrow is stacked and
// credited to the card that was checked, rather than handed to whoever stands there now.
func (d *Depositor) CloseSession(sessionID string) {
	d.waitMu.Lock()
	d.over = sessionID
	if d.stop != nil {
		d.stop()
	}
	d.waitMu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.led.Txn(d.live); ok && t.Session == sessionID {
		d.live = ""
		d.look()
	}
}

// LastStatus is GetCashInStatus: about the last deposit that was begun.
func (d *Depositor) LastStatus() (status string, t book.Txn) {
	d.led.Read(func(b *book.Book) {
		if last := b.Txns[b.LastDeposit]; last != nil {
			t = *last
		}
	})
	switch {
	case t.Cash == book.CashDeposited && t.TakeBack:
		return cash.CashInRollback, t
	case t.Cash == book.CashDeposited, t.Cash == book.CashNone:
		return cash.CashInOK, t
	case t.Cash.Open():
		return cash.CashInActive, t
	}
	return cash.CashInUnknown, t
}
