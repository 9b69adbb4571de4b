package counter

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/drivers/api"
	"zhigui/drivers/api/idcard"
	"zhigui/server/api/access"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

// Cases is the server's business in steps (docs/switch.md): a large transfer passes several people first.
type Cases interface {
	// NeedsCase answers the kind of case that a transaction needs, "" when it needs none.
	NeedsCase(ctx context.Context, product string, amount int64) (string, error)
	OpenCase(ctx context.Context, q access.CaseRequest) (access.Case, error)
	// Case answers how it stands; while it is somebody else's turn it waits for a change, wait at most.
	Case(ctx context.Context, number string, wait time.Duration) (access.Case, error)
	CaseStep(ctx context.Context, number, step string, fields map[string]string) (access.Case, error)
	WithdrawCase(ctx context.Context, number string) (access.Case, error)
}

// transfer is what a session's transfer has come to. The account is known in full here only: pages and
// journal have it masked.
type transfer struct {
	payee, name string       // that the bank has named, and the customer has seen
	spent       bool         // a transfer has taken the naming: one naming, one transfer
	amount      int64        // that the case is about
	open        *access.Case // nil: none was needed, or it has ended
}

// transferOffer says whether a transfer can be had: the server is asked who must agree to it.
func (c *Counter) transferOffer() offered {
	if c.Cases == nil {
		return offered{Reason: "host"}
	}
	return offered{Available: true}
}

func (c *Counter) caseCommands() map[string]service.Command {
	if c.Cases == nil {
		return nil
	}
	return map[string]service.Command{"X-Case.Open": {Handle: c.openCase}, "X-Case.Wait": {Handle: c.waitCase}, "X-Case.Step": {Handle: c.caseStep}}
}

var accountForm = regexp.MustCompile(`^\d{8,32}$`)

// transferRequest fills what is particular to a transfer: money goes to nobody but whom the bank has named
// in this session.
func (c *Counter) transferRequest(r *hostlink.Request, payee string) error {
	c.mu.Lock()
	t := c.transfer
	c.mu.Unlock()
	switch {
	case !accountForm.MatchString(payee):
		return errors.New("payee: an account number is needed")
	case payee == r.Card.PAN:
		return errors.New("payee: the account is the payer's own")
	case r.Type == book.TypePayee:
		r.Amount, r.Sign = 0, nil
		r.PinBlock, r.Keys = nil, 0
	case payee != t.payee || t.spent:
		return errors.New("ask whose account it is first")
	case r.Amount <= 0:
		return errors.New("an amount is needed")
	case t.open != nil && (t.open.State != "ready" || t.amount != r.Amount):
		return errors.New("its case is not ready")
	}
	r.Private = []byte(payee)
	return nil
}

// spend takes the naming of the payee and the PIN for the one transfer that is about to be sent. Two that
// come at once, or one again, find nothing.
func (c *Counter) spend(payee string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.pins["current"]; !ok || c.transfer.spent || c.transfer.payee != payee {
		return false
	}
	c.transfer.spent = true
	delete(c.pins, "current")
	return true
}

// number of the transfer's case, "" when it has none.
func (t transfer) number() string {
	if t.open == nil {
		return ""
	}
	return t.open.Number
}

// transferred notes what the host has said: whose account it is, or that the case has served. After a refusal
// the naming holds on: the customer types a PIN anew.
func (c *Counter) transferred(sessionID string, r hostlink.Request, res hostlink.Result, out map[string]any) {
	if r.Type != book.TypePayee && r.Type != book.TypeTransfer {
		return
	}
	if now, open := c.Session.Current(); !open || now.ID != sessionID {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Type == book.TypePayee {
		if c.transfer.open != nil {
			go c.DropCases() // it is about another payee
		}
		c.transfer = transfer{}
		delete(c.signed, transferPaper)
		if name, err := simplifiedchinese.GB18030.NewDecoder().Bytes(res.Private); res.Host == book.HostApproved && err == nil && len(name) > 0 {
			c.transfer = transfer{payee: string(r.Private), name: string(name)}
			out["name"] = string(name)
		}
		return
	}
	if res.Host == book.HostDeclined || res.Host == book.HostNotSent {
		c.transfer.spent = false
	}
	if res.Host == book.HostApproved && c.transfer.open != nil {
		c.transfer.open = nil
		go c.DropCases() // the server says that it is used
	}
}

// caseView is a case as the customer sees it.
type caseView struct {
	Needed  bool       `json:"needed"`
	Title   Text       `json:"title,omitzero"`
	State   string     `json:"state,omitempty"`
	Expires time.Time  `json:"expires,omitzero"`
	Steps   []caseStep `json:"steps,omitempty"`
}

// caseStep: Wants is what the terminal has to bring in it, identity or signature.
type caseStep struct {
	Name   string `json:"name"`
	Title  Text   `json:"title"`
	By     string `json:"by"`
	State  string `json:"state"`
	Wants  string `json:"wants,omitempty"`
	Reason *Text  `json:"reason,omitempty"`
}

// What a terminal can tell in a step.
var wants = map[string]string{"name": "identity", "document": "identity", "signature": "signature"}

func viewOf(x access.Case) caseView {
	v := caseView{Needed: true, Title: Text(x.Title), State: x.State, Expires: x.Expires}
	for _, p := range x.Steps {
		y := caseStep{Name: p.Name, Title: Text(p.Title), By: p.By, State: p.State}
		if len(p.Fields) > 0 {
			y.Wants = wants[p.Fields[0]]
		}
		if p.Reason != nil {
			y.Reason = &Text{ZH: p.Reason.ZH, EN: p.Reason.EN}
		}
		v.Steps = append(v.Steps, y)
	}
	return v
}

// served is whether this counter can take all of a case's terminal steps.
func (c *Counter) served(x access.Case) bool {
	return !slices.ContainsFunc(x.Steps, func(p access.CaseStep) bool {
		return slices.ContainsFunc(p.Fields, func(f string) bool {
			r := c.Others[IDReaderID]
			return wants[f] == "" || wants[f] == "identity" && (r == nil || !usable(r.State()))
		})
	})
}

// openCase asks the server whether the transfer needs people, and lets them begin if so.
func (c *Counter) openCase(ctx context.Context, call *service.Call) api.Completion {
	var req struct{ Amount int64 }
	if err := call.Decode(&req); err != nil || req.Amount <= 0 {
		return api.Refuse(api.InvalidData, "an amount is needed")
	}
	s, open := c.Session.Current()
	held, ok := c.Session.Card()
	c.mu.Lock()
	t := c.transfer
	c.mu.Unlock()
	if !open || !ok || t.payee == "" || t.spent || t.open != nil {
		return api.Refuse(api.SequenceError, "read a card and ask whose account it is first; one case at a time")
	}
	kind, err := c.Cases.NeedsCase(ctx, book.TypeTransfer, req.Amount)
	if err != nil {
		return c.noServer(err)
	}
	if kind == "" {
		return service.Done(caseView{})
	}
	x, err := c.Cases.OpenCase(ctx, access.CaseRequest{Request: s.ID + "-" + rand.Text()[:8], Kind: kind, Amount: req.Amount, PAN: session.Mask(held.PAN), Private: t.payee, Fields: map[string]string{"receiver": t.name}})
	if err != nil {
		return c.noServer(err)
	}
	now, still := c.Session.Current()
	c.mu.Lock() // DropCases sees it in the book and in the session, or in neither
	same := still && now.ID == s.ID && c.transfer == t
	err = c.Ledger.Log(ej.Case, ej.Record{Session: s.ID}, book.CaseData{Number: x.Number, Case: x.Kind, Amount: x.Amount})
	if same && err == nil {
		c.transfer.open, c.transfer.amount = &x, req.Amount
		delete(c.signed, transferPaper) // what was signed before was about another
	}
	c.mu.Unlock()
	switch {
	case err != nil:
		_, _ = c.Cases.WithdrawCase(context.WithoutCancel(ctx), x.Number) // it expires by itself
		return api.Refuse(api.InternalError, "the journal cannot be written")
	case !same:
		go c.DropCases()
		return api.Refuse(api.SequenceError, "the session has ended, or the payee is another one now")
	case !c.served(x):
		c.forget()
		return api.Refuse(api.UnsupportedCommand, "this counter cannot do every step of it")
	}
	return service.Done(viewOf(x))
}

// forget withdraws the case of a session that goes on without it.
func (c *Counter) forget() {
	c.mu.Lock()
	c.transfer.open = nil
	c.mu.Unlock()
	go c.DropCases()
}

func (c *Counter) noServer(err error) api.Completion {
	if errors.Is(err, context.Canceled) {
		return api.Refuse(api.CodeCanceled, "canceled")
	}
	c.Log.Warn("business in steps", "err", err)
	return api.Refuse(api.DeviceNotReady, "the server cannot be asked")
}

// current is the session's case.
func (c *Counter) current() (*access.Case, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.transfer.open, c.transfer.open != nil
}

// caseWait of one question to the server.
const caseWait = 20 * time.Second

// waitCase answers when somebody has taken a step, or after a while.
func (c *Counter) waitCase(ctx context.Context, _ *service.Call) api.Completion {
	was, ok := c.current()
	if !ok {
		return api.Refuse(api.SequenceError, "no case is open")
	}
	x, err := c.Cases.Case(ctx, was.Number, caseWait)
	return c.took(was, x, err)
}

// caseStep takes the terminal's step that is due: what it tells comes from the devices, not from a page.
func (c *Counter) caseStep(ctx context.Context, _ *service.Call) api.Completion {
	was, ok := c.current()
	if !ok {
		return api.Refuse(api.SequenceError, "no case is open")
	}
	i := slices.IndexFunc(was.Steps, func(p access.CaseStep) bool { return p.State == "current" && p.By == "terminal" })
	if i < 0 {
		return api.Refuse(api.SequenceError, "it is not the terminal's turn")
	}
	c.mu.Lock()
	who, digest := c.person, c.signed[transferPaper]
	c.mu.Unlock()
	fields := map[string]string{}
	for _, f := range was.Steps[i].Fields {
		switch {
		case f == "name" && who != nil:
			fields[f] = who.Name
		case f == "document" && who != nil:
			fields[f] = idcard.Mask(who.Number)
		case f == "signature" && digest != "":
			fields[f] = digest
		default:
			return api.Refuse(api.SequenceError, "read the identity card, or let the customer sign, first")
		}
	}
	x, err := c.Cases.CaseStep(ctx, was.Number, was.Steps[i].Name, fields)
	return c.took(was, x, err)
}

// transferPaper is the document that the customer signs to accept a transfer.
const transferPaper = "transfer/1"

// gone is the state of a case that the server does not have for this terminal (any more).
const gone = "gone"

// took keeps how the case stands now.
func (c *Counter) took(was *access.Case, x access.Case, err error) api.Completion {
	switch {
	case errors.Is(err, access.ErrNoCase):
		x = *was
		x.State = gone
	case err != nil:
		return c.noServer(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transfer.open == nil || c.transfer.open.Number != x.Number {
		return api.Refuse(api.SequenceError, "the session has ended")
	}
	c.transfer.open = &x
	if x.State != "open" && x.State != "ready" {
		c.endCase(x.Number, x.State)
		c.transfer.open = nil
	}
	return service.Done(viewOf(x))
}

// endCase notes that nothing waits for a case any more.
func (c *Counter) endCase(number, why string) {
	if err := c.Ledger.Log(ej.Case, ej.Record{}, book.CaseData{Number: number, Ended: why}); err != nil {
		c.Log.Error("journal", "kind", ej.Case, "err", err)
	}
}

// DropCases withdraws what no session wants any more: after its end, and after a restart. A server that does
// not answer is asked again; the case expires by itself.
func (c *Counter) DropCases() {
	if c.Cases == nil || c.drops.Add(1) > 1 {
		return // the one that is at it looks once more
	}
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		calls := c.drops.Load()
		left := c.unwanted()
		if len(left) == 0 {
			if c.drops.CompareAndSwap(calls, 0) {
				return
			}
			continue
		}
		for _, number := range left { // one that the server refuses does not keep the others
			c.drop(number)
		}
		select {
		case <-c.done:
			return
		case <-time.After(pause):
		}
	}
}

// unwanted lists the cases that are no session's.
func (c *Counter) unwanted() (left []string) {
	c.Ledger.Read(func(b *book.Book) { left = slices.Clone(b.Cases) })
	if x, ok := c.current(); ok {
		left = slices.DeleteFunc(left, func(n string) bool { return n == x.Number })
	}
	return left
}

func (c *Counter) drop(number string) {
	ctx, cancel := context.WithTimeout(context.Background(), caseWait)
	defer cancel()
	x, err := c.Cases.WithdrawCase(ctx, number)
	if err == nil || errors.Is(err, access.ErrNoCase) {
		c.endCase(number, cmp.Or(x.State, gone))
		return
	}
	c.Log.Warn("a case cannot be withdrawn", "case", number, "err", err)
}
