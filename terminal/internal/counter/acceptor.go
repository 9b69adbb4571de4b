package counter

import (
	"context"
	"maps"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/depositor"
	"zhigui/terminal/internal/service"
)

// AcceptorID is the device id, and the service, of the module that takes notes in.
const AcceptorID = "acceptor"

// acceptorService takes cash in for the session's approved deposit; the guard decides.
func (c *Counter) acceptorService() *service.Service {
	return &service.Service{
		Name:         AcceptorID,
		Status:       deviceStatus(c.Acceptor),
		Capabilities: capabilities(c.Acceptor),
		Dynamic:      c.recyclerCommands,
		Commands: map[string]service.Command{
			cash.CmdCashInStart: {Handle: func(ctx context.Context, _ *service.Call) api.Completion {
				return c.Depositor.Begin(ctx, c.currentTxn())
			}},
			cash.CmdCashIn: {Handle: func(ctx context.Context, call *service.Call) api.Completion {
				return c.Depositor.CashIn(ctx, call.Emit)
			}},
			cash.CmdCashInEnd: {Handle: func(context.Context, *service.Call) api.Completion {
				return c.Depositor.End(c.currentTxn())
			}},
			cash.CmdCashInRollback: {Handle: func(context.Context, *service.Call) api.Completion {
				return c.Depositor.Rollback(c.currentTxn())
			}},
			cash.CmdReset:                     {Handle: outside(c.resetAcceptor)},
			cash.CmdConfigureNoteTypes:        {Handle: outside(pass(c.Acceptor))},
			"CashAcceptor.GetCashInStatus":    {Async: true, Handle: c.cashInStatus},
			"CashAcceptor.GetPresentStatus":   {Async: true, Handle: c.returnStatus},
			"CashManagement.GetBankNoteTypes": {Async: true, Handle: c.noteTypes},
			"Storage.GetStorage":              {Async: true, Handle: c.acceptorStorage},
			"Storage.StartExchange":           {Handle: outside(c.startBoxExchange)},
			"Storage.SetStorage":              {Handle: outside(c.setBox)},
			"Storage.EndExchange":             {Handle: outside(c.endBoxExchange)},
		},
	}
}

// resetAcceptor clears the path of an acceptor that no deposit is open at: what it would push
// into the cash box then is nobody's.
func (c *Counter) resetAcceptor(ctx context.Context, call *service.Call) api.Completion {
	var open bool
	c.Ledger.Read(func(b *book.Book) { open = len(b.OpenDeposits()) > 0 })
	if open {
		return api.Refuse(api.SequenceError, "a deposit is open: it must be closed first")
	}
	return pass(c.Acceptor)(ctx, call)
}

func (c *Counter) acceptorStatus() cash.AcceptorStatus {
	var st cash.AcceptorStatus
	c.Acceptor.Read("cashAcceptor", &st)
	return st
}

func (c *Counter) cashInStatus(context.Context, *service.Call) api.Completion {
	status, t := c.Depositor.LastStatus()
	notes := map[string]any{}
	for id, n := range t.Taken.Types {
		notes[id] = map[string]int{"fit": n.Credited + n.Escrow}
	}
	return service.Done(map[string]any{"status": status, "numOfRefused": t.Taken.Refused, "noteNumberList": notes, "X-deposit": depositor.Totals(t)})
}

// returnStatus says what the last deposit gave back.
func (c *Counter) returnStatus(context.Context, *service.Call) api.Completion {
	status, t := c.Depositor.LastStatus()
	back := map[string]any{}
	for id, n := range t.Taken.Types {
		if n.Returned > 0 {
			back[id] = map[string]int{"fit": n.Returned}
		}
	}
	state := "notPresented"
	switch {
	case status == cash.CashInUnknown:
		state = "unknown"
	case len(back) > 0:
		state = "presented"
	}
	return service.Done(map[string]any{"position": "outDefault", "presentState": state, "additionalBunches": "none", "bunchesRemaining": 0, "returnedItems": back, "totalReturnedItems": back})
}

// cashNoteTypes are the notes that the cash units are booked with.
func (c *Counter) cashNoteTypes(context.Context, *service.Call) api.Completion {
	items := map[string]any{}
	c.Ledger.Read(func(b *book.Book) {
		for i, id := range b.UnitIDs(book.Dispenser) {
			u := b.Units[id]
			if _, known := items[item(*u)]; !known {
				items[item(*u)] = map[string]any{"enabled": true, "cashItem": map[string]any{"noteID": i + 1, "currency": u.Currency, "value": float64(u.Value) / 100, "release": 0}}
			}
		}
	})
	return service.Done(map[string]any{"items": items})
}

func (c *Counter) noteTypes(context.Context, *service.Call) api.Completion {
	items := map[string]any{}
	types := c.acceptorStatus().NoteTypes
	for i, id := range slices.Sorted(maps.Keys(types)) {
		n := types[id]
		items[id] = map[string]any{"enabled": n.Enabled, "cashItem": map[string]any{"noteID": i + 1, "currency": n.Currency, "value": float64(n.Value) / 100, "release": 1}}
	}
	return service.Done(map[string]any{"items": items})
}

// confirmDeposit tells the bank what was put in, now, and answers how it stands: credited,
// pending (it is told again until it is), refused (a person settles it), unclear (a person
// counts), nothing.
func (c *Counter) confirmDeposit(ctx context.Context, _ *service.Call) api.Completion {
	txn := c.currentTxn()
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer cancel()
	t, ok := c.Ledger.Txn(txn)
	if !ok || !t.Deposit() {
		return api.Refuse(api.SequenceError, "no deposit")
	}
	for t.Cash.Open() && wait.Err() == nil { // the device does not answer; it may be back in a moment
		select {
		case <-wait.Done():
		case <-time.After(100 * time.Millisecond):
		}
		t, _ = c.Ledger.Txn(txn)
	}
	t = c.Link.Confirm(context.WithoutCancel(ctx), txn)
	outcome := "pending"
	switch {
	case t.Cash == book.CashInUnclear:
		outcome = "unclear"
	case t.Refused != "":
		outcome = "refused"
	case t.Cash.Open():
		outcome = "open"
	case t.Paid == 0:
		outcome = "nothing"
	case t.Acked:
		outcome = "credited"
	}
	return service.Done(map[string]any{"txn": txn, "outcome": outcome, "amount": t.Paid, "reference": t.RRN, "text": c.Texts(t.Refused), "deposit": depositor.Totals(t)})
}

// closeWait is how long a customer is kept at the counter while the acceptor does not answer.
const closeWait = 15 * time.Second

// depositOffer says whether notes can be taken now.
func (c *Counter) depositOffer() offered {
	st := c.acceptorStatus()
	switch {
	case !usable(c.Acceptor.State()) || st.Units[cash.BoxUnit].State == "missing":
		return offered{Reason: "acceptor"}
	case st.Units[cash.BoxUnit].State == "full":
		return offered{Reason: "acceptorFull"}
	case slices.ContainsFunc(st.Positions, func(p cash.Position) bool {
		return p.Position == "outDefault" && p.PositionStatus == "notEmpty"
	}):
		return offered{Reason: "acceptor"} // a paid note waits for its customer, and none goes in past it
	case c.Depositor.Blocked():
		return offered{Reason: "depositCheck"}
	}
	return offered{Available: true}
}
