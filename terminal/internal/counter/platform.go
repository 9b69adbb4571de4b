package counter

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/api/idcard"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/api/scene"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/depositor"
	"zhigui/terminal/internal/emv"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
	"zhigui/terminal/internal/vendormode"
)

func (c *Counter) platformService() *service.Service {
	s := &service.Service{
		Name: "platform",
		Commands: map[string]service.Command{
			"X-Terminal.Info": {Async: true, Handle: func(context.Context, *service.Call) api.Completion {
				return service.Done(c.info())
			}},
			"X-Session.Begin": {Handle: c.beginSession},
			"X-Session.End":   {Async: true, Handle: c.endSession},
			"X-Session.Alive": {Async: true, Handle: func(context.Context, *service.Call) api.Completion {
				return ofError(c.Session.Alive())
			}},
			"X-Session.Card": {Async: true, Handle: c.sessionCard},
			"X-Pool.Set":     {Async: true, Handle: c.poolSet},
			"X-Pool.Get":     {Async: true, Handle: c.poolGet},
			"X-Pool.Clear": {Async: true, Handle: func(context.Context, *service.Call) api.Completion {
				return ofError(c.Session.Clear())
			}},
			"X-Operator.Order": {Async: true, Handle: c.operatorOrder},
			"X-Log.Write":      {Async: true, Handle: c.writeLog},
			"X-Host.Transact":  {Handle: c.transact},
			"X-Host.Confirm":   {Handle: c.confirmDeposit},
			"X-Pad.Request":    {Handle: c.askPad},
			"X-Queue.Take":     {Handle: c.takeTicket},
			"X-Signature.Take": {Async: true, Handle: c.takeSignature},
		},
	}
	maps.Copy(s.Commands, c.issueCommands())
	maps.Copy(s.Commands, c.caseCommands())
	maps.Copy(s.Commands, c.passbookCommands())
	return s
}

func ofError(err error) api.Completion {
	if err != nil {
		return api.Refuse(api.SequenceError, err.Error())
	}
	return api.Completion{Outcome: api.Done}
}

// offered is one service on the idle screen.
type offered struct {
	Available bool   `json:"available"`
	Reason    string `json:"reason,omitempty"`
}

// info is what the pages show of the terminal (UX-18: what is not available now).
func (c *Counter) info() map[string]any {
	c.mu.Lock()
	name, branch := c.Info.Name, c.Info.Branch
	c.mu.Unlock()
	return map[string]any{
		"terminal": c.Info.Terminal, "branch": branch, "name": name, "bundle": c.Bundle(),
		"scenes": c.scenes(), "notices": c.Info.Notices, "queues": c.Info.Queues,
		"services": c.offers(), "limits": c.Info.Limits, "tap": c.taps(),
		"timeouts": map[string]int{
			"idle": int(c.Info.Timeouts.Idle.Seconds()), "warn": int(c.Info.Timeouts.Warn.Seconds()),
			"card": int(c.Info.Timeouts.Card.Seconds()), "cash": int(c.Info.Timeouts.Cash.Seconds()),
		},
	}
}

// offers says which services can be had now, and why not.
func (c *Counter) offers() map[string]offered {
	c.mu.Lock()
	up, suspended := c.linkUp, len(c.suspended) > 0
	c.mu.Unlock()
	base := offered{Available: true}
	switch {
	case suspended:
		base = offered{Reason: "suspended"}
	}
	bank := base
	switch {
	case !bank.Available:
	case c.Card.Fitted() && !usable(c.Card.State()): // somebody's card may be in it
		bank = offered{Reason: "cardReader"}
	case !usable(c.PinPad.State()):
		bank = offered{Reason: "pinPad"}
	case !up:
		bank = offered{Reason: "host"}
	}
	printing := offered{Available: usable(c.Printer.State())}
	if !printing.Available {
		printing.Reason = "printer"
	}
	offers := map[string]func() offered{
		scene.Withdrawal: c.cashOffer, scene.Deposit: c.depositOffer, scene.CardIssue: c.issueOffer, scene.Passbook: c.passbookOffer,
		scene.Transfer: c.transferOffer,
		scene.Ticket:   func() offered { return printing }, scene.FormFill: c.formOffer,
	}
	out := map[string]offered{}
	for _, name := range scene.Started(c.scenes(), c.fitted) {
		o := base
		if scene.AsksBank(name) {
			o, out["receipt"] = bank, printing
		}
		if offer := offers[name]; offer != nil && o.Available {
			o = offer()
		}
		out[name] = o
	}
	return out
}

// scenes are what this terminal is.
func (c *Counter) scenes() []string {
	if len(c.Info.Scenes) == 0 {
		return []string{scene.Default}
	}
	return c.Info.Scenes
}

// fitted reports whether the terminal has a device.
func (c *Counter) fitted(id string) bool {
	switch id {
	case "card":
		return c.Card.Fitted()
	case "cash":
		return c.Cash.Fitted()
	case "pinpad":
		return c.PinPad.Fitted()
	case "printer":
		return c.Printer.Fitted()
	case AcceptorID:
		return c.Acceptor != nil
	case CardsID:
		return c.Issuer != nil
	}
	return c.Others[id] != nil
}

func usable(s api.DeviceState) bool { return s == api.Online || s == api.DeviceBusy }

// announce tells the pages when what is offered has changed.
func (c *Counter) announce() {
	if c.Server == nil {
		return
	}
	b, err := json.Marshal(c.info())
	if err != nil {
		return
	}
	c.mu.Lock()
	same := c.lastInfo == string(b)
	c.lastInfo = string(b)
	c.mu.Unlock()
	if !same {
		c.Server.Broadcast("platform", api.Event{Name: "X-Terminal.ChangedEvent", Payload: b})
	}
}

// Announce tells the pages when something that Info says has changed.
func (c *Counter) Announce() { c.announce() }

// SetName takes the terminal's name and branch from the server.
func (c *Counter) SetName(name Text, branch string) {
	c.mu.Lock()
	c.Info.Name, c.Info.Branch = name, branch
	c.mu.Unlock()
	c.announce()
}

// SetLink notes whether the server answers.
func (c *Counter) SetLink(up bool, why string) {
	c.mu.Lock()
	c.linkUp, c.linkWhy = up, why
	c.mu.Unlock()
	c.announce()
}

// Suspend takes the counter out of service on somebody's behalf, or ends that. It is in
// service when nobody wants it out.
func (c *Counter) Suspend(by string, on bool) {
	c.mu.Lock()
	if on {
		c.suspended[by] = true
	} else {
		delete(c.suspended, by)
		go c.Recount() // staff have gone, or an exchange has ended
	}
	c.mu.Unlock()
	c.announce()
}

// Suspended says who wants the counter out of service, "" if nobody does.
func (c *Counter) Suspended() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(c.suspended)), " ")
}

func (c *Counter) beginSession(_ context.Context, call *service.Call) api.Completion {
	var req struct{ Flow, Lang string }
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if why := c.Suspended(); why != "" {
		return api.Refuse(api.DeviceNotReady, "out of service: "+why)
	}
	b := c.Bundle()
	id, err := c.Session.Begin(req.Flow, req.Lang, b.Digest)
	if err != nil {
		return ofError(err)
	}
	if c.vendor.State() != vendormode.Inactive { // it was asked for between the two
		_, _ = c.Session.End()
		c.vendor.Look()
		return api.Refuse(api.DeviceNotReady, "out of service: vendor mode")
	}
	c.mu.Lock() // an answer that came after the end of the session before
	c.pins, c.approved = map[string]pinBlock{}, map[string]Approval{}
	c.person, c.folio, c.signed, c.transfer = nil, folio{}, nil, transfer{}
	c.mu.Unlock()
	c.Activity(true)
	if err := c.Ledger.Log(ej.SessionBegin, ej.Record{Session: id}, map[string]string{"flow": req.Flow, "lang": req.Lang, "bundle": b.Digest}); err != nil {
		_, _ = c.Session.End()
		c.Activity(false)
		return api.Refuse(api.InternalError, "the journal cannot be written")
	}
	return service.Done(map[string]string{"session": id})
}

func (c *Counter) endSession(_ context.Context, call *service.Call) api.Completion {
	var req struct{ Reason string }
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	return service.Done(map[string]bool{"ended": c.EndSession(req.Reason)})
}

// EndSession closes the open session: what is not paid out is settled, a card that is
// still inside goes back to the customer (and to the retain bin if not taken), and
// everything the session knew is forgotten. It reports whether one was open.
func (c *Counter) EndSession(reason string) bool {
	s, open := c.Session.Current()
	if !open {
		return false
	}
	c.ending.Lock()
	defer c.ending.Unlock()
	if now, open := c.Session.Current(); !open || now.ID != s.ID {
		return false // somebody else has ended it
	}
	if c.Depositor != nil {
		c.Depositor.CloseSession(s.ID)
	}
	if c.Issuer != nil {
		c.Issuer.CloseSession(s.ID)
	}
	c.Cashier.CloseSession(s.ID)
	c.returnPassbook()
	// A card that could not be read, or came in the last moment, is in no vault: the reader
	// knows.
	held, _ := c.Session.Card()
	if s.HasCard = s.HasCard && !held.New; (s.HasCard && !s.CardGone && c.cardInside()) || (!s.HasCard && c.cardSeen()) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		done := runWhenFree(ctx, c.Card, card.CmdMove, card.Move{From: card.Transport, To: card.Exit}, nil)
		cancel()
		if done.Outcome == api.Done {
			c.record(ej.CardOut, nil)
			c.watchCard()
		} else {
			c.retainCard("could not be returned")
		}
	}
	c.record(ej.SessionEnd, map[string]string{"reason": reason})
	_, _ = c.Session.End()
	c.Cashier.CloseSession(s.ID) // what the host approved while the card was moved
	if c.Depositor != nil {
		c.Depositor.CloseSession(s.ID) // what a page began meanwhile
	}
	if c.Issuer != nil {
		c.Issuer.CloseSession(s.ID)
	}
	c.mu.Lock()
	c.pins, c.approved, c.chip = map[string]pinBlock{}, map[string]Approval{}, nil
	c.person, c.folio, c.signed, c.transfer = nil, folio{}, nil, transfer{}
	c.mu.Unlock()
	go c.DropCases() // the customer has gone: nobody is to decide about it any more
	if c.Others[PassbookID] != nil {
		go c.leftPassbook() // one that came while the session ended
	}
	c.Activity(false)
	c.announce()
	c.vendor.Look()
	go c.Recount()
	return true
}

func (c *Counter) sessionCard(context.Context, *service.Call) api.Completion {
	s, _ := c.Session.Current()
	held, ok := c.Session.Card()
	if !ok {
		return service.Done(map[string]any{"present": false})
	}
	return service.Done(map[string]any{"present": !s.CardGone, "pan": session.Mask(held.PAN)})
}

func (c *Counter) poolSet(_ context.Context, call *service.Call) api.Completion {
	var req struct {
		Key   string
		Value json.RawMessage
	}
	if err := call.Decode(&req); err != nil || req.Key == "" {
		return api.Refuse(api.InvalidData, "key and value are needed")
	}
	return ofError(c.Session.Set(req.Key, req.Value))
}

func (c *Counter) poolGet(_ context.Context, call *service.Call) api.Completion {
	var req struct{ Key string }
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	v, err := c.Session.Get(req.Key)
	if err != nil {
		return ofError(err)
	}
	return service.Done(map[string]json.RawMessage{"value": v})
}

// operatorOrder takes an order from the operator's own tools; a page's token is refused.
func (c *Counter) operatorOrder(_ context.Context, call *service.Call) api.Completion {
	if call.Role() != service.RoleOperator {
		return api.Refuse(api.AuthorizationRequired, "only the operator's token may give orders")
	}
	var req struct {
		Kind string
		Args json.RawMessage
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	return ofError(c.Order(req.Kind, req.Args))
}

func (c *Counter) writeLog(_ context.Context, call *service.Call) api.Completion {
	var req struct {
		Level, Message string
		Fields         map[string]any
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if len(req.Message) > 2000 {
		req.Message = req.Message[:2000]
	}
	args := []any{"fields", req.Fields}
	switch req.Level {
	case "error":
		c.Log.Error("page: "+req.Message, args...)
	case "warn":
		c.Log.Warn("page: "+req.Message, args...)
	default:
		c.Log.Info("page: "+req.Message, args...)
	}
	return api.Completion{Outcome: api.Done}
}

// outcomes names the host states for the pages.
var outcomes = map[book.Host]string{
	book.HostApproved: "approved", book.HostDeclined: "declined", book.HostUnknown: "unknown", book.HostNotSent: "notSent",
}

// transact runs an online transaction with the session's card and PIN.
func (c *Counter) transact(ctx context.Context, call *service.Call) api.Completion {
	return c.trade(ctx, call, call.Emit)
}

func (c *Counter) trade(ctx context.Context, call *service.Call, emit func(api.Event)) api.Completion {
	var req struct {
		Type     string
		Amount   int64
		Approval string
		Phone    string // of a new card's holder
		Payee    string // the account that gets a transfer, or that is asked about
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if strings.HasPrefix(req.Type, "passbook") {
		return api.Refuse(api.InvalidData, "a passbook is asked about by X-Passbook.Update")
	}
	issues, asksPayee := req.Type == book.TypeCardIssue, req.Type == book.TypePayee
	s, open := c.Session.Current()
	held, hasCard := c.Session.Card()
	c.mu.Lock()
	pin, hasPin := c.pins["current"]
	next, match := c.pins["new"], c.pins["confirm"]
	approval, app := c.approved[req.Approval], c.chip
	c.mu.Unlock()
	switch {
	case !open || !hasCard || s.CardGone:
		return api.Refuse(api.SequenceError, "read a card first")
	case held.New && !issues:
		return api.Refuse(api.SequenceError, "only its issue can be asked for with a new card")
	case !hasPin && !issues && !asksPayee:
		return api.Refuse(api.SequenceError, "enter the PIN first")
	}
	if done, ok := c.mayTransact(req.Type, req.Amount, req.Approval, approval); !ok {
		return done
	}
	r := hostlink.Request{Type: req.Type, Amount: req.Amount, Card: held, PinBlock: pin.block, Keys: pin.keys, Session: s.ID, Approval: req.Approval,
		Sign: c.signer(context.WithoutCancel(ctx), app, req.Amount)}
	if req.Type == "pinChange" {
		if len(next.block) == 0 || string(next.block) != string(match.block) || next.keys != pin.keys {
			return api.Refuse(api.SequenceError, "the new PIN was not entered twice alike")
		}
		r.NewPin = next.block
	}
	if issues {
		if err := c.issueRequest(&r, req.Phone, approval); err != nil {
			return api.Refuse(api.SequenceError, err.Error())
		}
		app = nil // a chip that is not active yet signs nothing
	}
	if req.Type == book.TypeTransfer || asksPayee {
		if err := c.transferRequest(&r, req.Payee); err != nil {
			return api.Refuse(api.SequenceError, err.Error())
		}
	}
	if asksPayee {
		app = nil // a name is no business of the chip's
	}
	if app != nil && app.Air() {
		if done, ok := c.tapAgain(ctx, emit); !ok {
			return done
		}
	}
	if req.Type == book.TypeTransfer && !c.spend(req.Payee) {
		return api.Refuse(api.SequenceError, "one naming and one PIN serve one transfer")
	}
	res := c.Link.Transact(context.WithoutCancel(ctx), r)
	c.tellChip(context.WithoutCancel(ctx), app, &res)
	if now, open := c.Session.Current(); !open || now.ID != s.ID {
		// The customer went while the host was asked: nobody will be paid any more.
		c.Cashier.CloseSession(s.ID)
	} else if res.Txn != "" && !errors.Is(res.Err, emv.ErrDeclined) {
		c.Session.SetTxn(res.Txn)
	}
	if res.Host == book.HostUnknown {
		c.Cashier.Settle(res.Txn)
	}
	if res.Host == book.HostApproved || res.Host == book.HostUnknown { // one approval, one withdrawal
		c.mu.Lock()
		delete(c.approved, req.Approval)
		c.mu.Unlock()
	}
	if res.Err != nil {
		c.Log.Warn("transaction without a result", "txn", res.Txn, "type", req.Type, "outcome", res.Host, "err", res.Err)
	}
	if res.Host != book.HostApproved && !asksPayee { // a wrong PIN is typed anew, never sent again
		c.mu.Lock()
		delete(c.pins, "current")
		c.mu.Unlock()
	}
	out := c.reply(res)
	c.transferred(s.ID, r, res, out)
	if req.Type == "withdrawal" && res.Host == book.HostApproved {
		t, _ := c.payer(req.Amount, nil, c.dispenser()) // if nobody can any more, the dispenser says why
		out["service"] = t.service
	}
	return service.Done(out)
}

// mayTransact checks what the platform itself demands of a withdrawal before asking the
// host, so that nothing is approved that could not be paid.
func (c *Counter) mayTransact(kind string, amount int64, id string, approval Approval) (api.Completion, bool) {
	if kind == book.TypeDeposit {
		return c.mayDeposit(amount)
	}
	if kind != "withdrawal" {
		return api.Completion{}, true
	}
	lim := c.Info.Limits
	if amount <= 0 || (lim.Multiple > 0 && amount%lim.Multiple != 0) || (lim.PerTxn > 0 && amount > lim.PerTxn) {
		return api.Fail(api.NotStarted, "invalidDenomination", "the amount is not allowed"), false
	}
	if lim.PadOver > 0 && amount > lim.PadOver && (approval.State != "approved" || approval.Kind != kind || approval.Amount != amount || id == "") {
		return api.Refuse(api.AuthorizationRequired, "the lobby manager has not approved this amount"), false
	}
	if _, err := c.payer(amount, nil, c.dispenser()); err != nil {
		return api.Fail(api.NotStarted, cash.ErrNotDispensable, err.Error()), false
	}
	return api.Completion{}, true
}

// mayDeposit: the bank is asked only when notes can be taken. The amount is what the device will
// have taken, so that none is asked for here.
func (c *Counter) mayDeposit(amount int64) (api.Completion, bool) {
	if c.Acceptor == nil || amount != 0 {
		return api.Refuse(api.InvalidData, "a deposit needs an acceptor and names no amount"), false
	}
	if o := c.depositOffer(); !o.Available {
		return api.Refuse(api.DeviceNotReady, "no notes can be taken: "+o.Reason), false
	}
	return api.Completion{}, true
}

func (c *Counter) reply(res hostlink.Result) map[string]any {
	out := map[string]any{
		"txn": res.Txn, "outcome": outcomes[res.Host], "responseCode": res.Code, "reference": res.Reference,
		"text": c.Texts(res.Code), "captureCard": c.Capture(res.Code),
	}
	if held, _ := c.Session.Card(); held.Air {
		out["captureCard"] = false // the customer holds it
	}
	if res.Available != nil || res.Ledger != nil {
		out["balance"] = map[string]*int64{"available": res.Available, "ledger": res.Ledger}
	}
	if res.Statement != nil {
		out["statement"] = res.Statement
	}
	return out
}

// askPad asks the lobby manager and waits for the decision.
func (c *Counter) askPad(ctx context.Context, call *service.Call) api.Completion {
	var req struct {
		Kind   string
		Amount int64
	}
	if err := call.Decode(&req); err != nil || (req.Amount <= 0) != (req.Kind == book.TypeCardIssue) {
		return api.Refuse(api.InvalidData, "kind and amount are needed")
	}
	s, open := c.Session.Current()
	held, ok := c.Session.Card()
	about := session.Mask(held.PAN)
	var who *idcard.Card
	if req.Kind == book.TypeCardIssue { // before a card is drawn: whom it is for
		c.mu.Lock()
		if who = c.person; who != nil {
			about = idcard.Mask(who.Number)
		}
		ok = who != nil
		c.mu.Unlock()
	}
	if !open || !ok {
		return api.Refuse(api.SequenceError, "read a card first")
	}
	if req.Kind == book.TypeDeposit { // about what is in, not about what a page says
		t, _ := c.Ledger.Txn(s.Txn)
		if in := depositor.Totals(t); t.Deposit() && t.Cash.Open() && in.Credited+in.Escrow > 0 {
			req.Amount = in.Credited + in.Escrow
		} else {
			return api.Refuse(api.SequenceError, "no deposit with notes is open")
		}
	}
	a, err := c.Desk.Ask(ctx, Approval{Kind: req.Kind, Amount: req.Amount, PAN: about, Session: s.ID}, func(a Approval) {
		p, _ := json.Marshal(a)
		call.Emit(api.Event{Name: "X-Pad.StateEvent", Payload: p})
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return api.Refuse(api.CodeTimeOut, "no decision in time")
	case errors.Is(err, context.Canceled):
		return api.Refuse(api.CodeCanceled, "canceled")
	case err != nil:
		c.Log.Warn("lobby approval", "err", err)
		return api.Refuse(api.DeviceNotReady, "the lobby manager cannot be reached")
	}
	a.Kind, a.Amount = req.Kind, req.Amount
	c.record(ej.Approval, map[string]any{"id": a.ID, "kind": req.Kind, "state": a.State, "manager": a.Manager, "amount": req.Amount})
	if a.State == "approved" {
		c.mu.Lock()
		same := who == nil || who == c.person
		if same {
			c.approved[a.ID] = a
		}
		c.mu.Unlock()
		if !same {
			return api.Refuse(api.SequenceError, "another identity card was read meanwhile")
		}
		c.Session.SetApproval(a.ID)
	}
	return service.Done(map[string]any{"approval": a.ID, "decision": a.State, "manager": a.Manager, "reason": a.Reason, "note": a.Note})
}
