package cashier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/guard"
)

// Dispense pays out amount for an approved transaction. It returns when the customer has
// access (or certainly has none); taking and retracting go on by themselves. ctx is not
// listened to once notes may move.
func (c *Cashier) Dispense(ctx context.Context, txn string, amount int64, emit func(api.Event)) api.Completion {
	return c.Pay(ctx, Order{Txn: txn, Amount: amount}, emit)
}

// Order is what is asked of a dispense.
type Order struct {
	Txn    string
	Amount int64
	Counts map[string]int // the caller's own choice of notes; nil: the fewest
	// Token is of a host that trusts the module alone (end-to-end security). It is shown to the
	// module and never looked at here; a module that does not take it moves nothing, and the
	// transaction is reversed.
	Token string
}

// Pay is Dispense of an order.
func (c *Cashier) Pay(ctx context.Context, o Order, emit func(api.Event)) api.Completion {
	txn, amount := o.Txn, o.Amount
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.led.Txn(txn)
	if !ok {
		return api.Refuse(api.AuthorizationRequired, "no such transaction")
	}
	plan, err := c.Choose(amount, o.Counts)
	if err != nil {
		return c.notPlanned(txn, err)
	}
	if err := c.guard.Check(c.facts(t, amount, plan)); err != nil {
		return c.refused(txn, err)
	}
	op := api.OpID(txn + "-d1") // one dispense per transaction: the id says so
	if err := c.led.Log(ej.Intent, ej.Record{Txn: txn, Op: string(op), Device: c.cfg.Device, Session: t.Session}, book.CashData{Plan: plan, Amount: amount}); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written: no cash moves")
	}
	notes := time.Duration(0)
	for _, n := range plan {
		notes += time.Duration(n)
	}
	moveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.MoveTimeout+notes*c.cfg.NoteTimeout)
	defer cancel()
	recovered := c.expectRecovery()
	done := c.dev.RunOp(moveCtx, op, txn, cash.CmdDispense, cash.Dispense{Counts: plan, Token: o.Token}, func(ev api.Event) {
		if ev.Name == cash.EvStartDispense {
			_ = c.record(ej.Motion, txn, nil) // the intent is what counts; this only narrows it
		}
		emit(ev)
	})
	if done.Outcome == api.Indeterminate {
		done = c.doubt(moveCtx, txn, c.ask(txn, op, done, recovered))
	}
	c.book(txn, done)
	return c.answer(txn, done)
}

func (c *Cashier) notPlanned(txn string, err error) api.Completion {
	code := cash.ErrNotDispensable
	if errors.Is(err, ErrTooMany) {
		code = cash.ErrTooManyItems
	}
	c.alarm("notDispensable", err.Error(), txn)
	return api.Fail(api.NotStarted, code, err.Error())
}

func (c *Cashier) refused(txn string, err error) api.Completion {
	var r *guard.Refusal
	name := "guard"
	if errors.As(err, &r) {
		name = r.Rule.Name
	}
	_ = c.record(ej.GuardRefused, txn, map[string]string{"rule": name}) // the refusal stands either way
	c.alarm("guardRefused", err.Error(), txn)
	done := api.Refuse(api.SequenceError, err.Error())
	if name == "nothing-left" {
		done = api.Fail(api.NotStarted, cash.ErrItemsLeft, err.Error())
	}
	return done
}

// expectRecovery arms a channel that Recovered feeds if the driver restarts meanwhile.
func (c *Cashier) expectRecovery() <-chan api.Recovery {
	ch := make(chan api.Recovery, 1)
	c.waitMu.Lock()
	c.recov = ch
	c.waitMu.Unlock()
	return ch
}

// ask finds out what an indeterminate dispense did, without sending it again: from the
// restarted driver's recovery, or from its journal.
func (c *Cashier) ask(txn string, op api.OpID, done api.Completion, recovered <-chan api.Recovery) api.Completion {
	_ = c.record(ej.Recovery, txn, map[string]string{"why": done.Description})
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.RecoverTimeout)
	defer cancel()
	var rec api.Recovery
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for waiting := true; waiting; {
		select {
		case rec = <-recovered:
			waiting = false
		case <-ctx.Done():
			waiting = false
		case <-again.C:
			p, can := c.dev.(prover)
			if !can || c.cfg.Device != book.Acceptor {
				continue
			}
			if r, err := p.Recover(ctx); err == nil {
				if proved, ok := c.find(ctx, op, r); ok {
					return proved
				}
			}
		}
	}
	if r, ok := c.find(ctx, op, rec); ok {
		return r
	}
	return done
}

// find looks an operation up in a recovery, then in the driver's journal. It answers
// only what is certain.
func (c *Cashier) find(ctx context.Context, op api.OpID, rec api.Recovery) (api.Completion, bool) {
	for _, r := range rec.Ops {
		if r.Op == op {
			return certain(r)
		}
	}
	qctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.RecoverTimeout)
	defer cancel()
	r, err := c.dev.QueryOp(qctx, op)
	if err != nil {
		return api.Completion{}, false
	}
	return certain(r)
}

// doubt takes "nothing was dispensed" only from a driver that nothing contradicts: its
// journal may have been lost. Our own record of the motion, or notes where there were none
// before the intent, say otherwise.
func (c *Cashier) doubt(ctx context.Context, txn string, done api.Completion) api.Completion {
	if done.Outcome != api.NotStarted {
		return done
	}
	t, _ := c.led.Txn(txn)
	_ = c.dev.Refresh(ctx) // without it the status is what was last known
	st := c.status()
	if t.Cash == book.CashMotion || st.Transport == "notEmpty" || exitOf(st) == "notEmpty" {
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the driver knows of no motion, but there was one"}
	}
	return done
}

// certain turns a driver's record into a completion if it proves one.
func certain(r api.OpRecord) (api.Completion, bool) {
	switch r.State {
	case api.OpUnknown, api.OpIntent: // the driver never sent a byte
		return api.Completion{Outcome: api.NotStarted, Code: api.HardwareError, Description: "the driver died before the first byte"}, true
	case api.OpCompleted, api.OpUnresolved:
		if r.Completion != nil && r.Completion.Outcome != api.Indeterminate {
			return *r.Completion, true
		}
	}
	return api.Completion{}, false
}

// book writes down how a dispense ended and what follows from it.
func (c *Cashier) book(txn string, done api.Completion) {
	var m cash.Moved
	if len(done.Payload) > 0 {
		if err := json.Unmarshal(done.Payload, &m); err != nil {
			m.Unknown = true
		}
	}
	paid := c.value(m)
	switch {
	case done.Outcome == api.NotStarted:
		_ = c.record(ej.NotDispensed, txn, book.CashData{Why: done.Description})
	case done.Outcome == api.Indeterminate || m.Unknown:
		_ = c.record(ej.Unclear, txn, book.CashData{Moved: m, Paid: paid, Why: done.Description})
	case done.Outcome == api.Done && c.cfg.HasStacker:
		_ = c.record(ej.Stacked, txn, book.CashData{Moved: m})
		return
	case paid > 0:
		if c.record(ej.Presented, txn, book.CashData{Moved: m, Paid: paid, Why: done.Description}) == nil {
			c.presented(txn)
		}
		return
	case done.Outcome == api.Done: // done, and nothing presented: the driver contradicts itself
		_ = c.record(ej.Unclear, txn, book.CashData{Moved: m, Why: "done without notes"})
	default:
		_ = c.record(ej.NotDispensed, txn, book.CashData{Moved: m, Why: done.Description})
	}
	c.settle(txn)
	if done.Outcome != api.NotStarted {
		c.clearPath(txn)
	}
}

// clearPath sends notes that a failed dispense left inside to the reject tray, so that
// the next customer cannot get them. What lies there is in the journal already. It
// reports whether the path is clear.
func (c *Cashier) clearPath(txn string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.MoveTimeout)
	defer cancel()
	if err := c.dev.Refresh(ctx); err != nil {
		return false // the module does not answer: the guard keeps it closed
	}
	st := c.status()
	if c.clear(st) {
		return true
	}
	if err := c.record(ej.Recovery, txn, map[string]string{"why": "clear the note path", "exit": exitOf(st), "transport": st.Transport}); err != nil {
		return false
	}
	c.clears++ // each try is an operation of its own: clearing may be repeated
	done := c.dev.RunOp(ctx, api.OpID(fmt.Sprintf("%s-clear-%s-%d", txn, c.boot, c.clears)), txn, cash.CmdReset, nil, func(api.Event) {})
	if done.Outcome != api.Done {
		c.alarm("cashPathBlocked", "notes are left inside the cash module: "+done.Description, txn)
	}
	_ = c.dev.Refresh(ctx) // the status below is then what was last known
	return c.clear(c.status())
}

// clear: nothing is left that the module could clear away.
func (c *Cashier) clear(st cash.Status) bool {
	return st.Transport == "empty" && (c.cfg.Keeps || exitOf(st) == "empty")
}

// answer is the completion for the client: as the books have it, not as the driver said.
func (c *Cashier) answer(txn string, done api.Completion) api.Completion {
	t, _ := c.led.Txn(txn)
	payload, _ := json.Marshal(map[string]any{
		"denomination": map[string]any{"currencies": map[string]float64{c.cfg.Currency: float64(t.Paid) / 100}, "values": t.Plan},
		"X-paid":       t.Paid, "X-cash": t.Cash,
	})
	done.Payload = payload
	if t.Cash == book.CashPresented || t.Cash == book.CashTaken {
		if t.Paid == t.Amount {
			done.Outcome, done.Code, done.ErrorCode = api.Done, api.Success, ""
		}
	}
	return done
}

// settle decides what the server must be told, writes it down and passes it on.
func (c *Cashier) settle(txn string) {
	d, ok, err := c.led.Settle(txn, c.cfg.Device)
	if err != nil {
		c.log.Error("journal refused", "kind", "settle", "txn", txn, "err", err)
	}
	if !ok {
		return
	}
	if d.Settle == book.SettleSuspense {
		c.alarm("suspense", d.Reason+": a person must count", txn)
	}
	if c.hooks.Settled != nil {
		c.hooks.Settled(txn)
	}
}
