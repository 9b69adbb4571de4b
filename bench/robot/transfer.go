package robot

import (
	"context"
	"errors"
)

// Transfer is one customer's transfer, as far as it came.
type Transfer struct {
	Payee   string // as the bank has named them
	Case    string // how the case stood last, "" when none was needed
	Txn     string
	Outcome string
}

// caseView is what the platform tells of business in steps.
type caseView struct {
	Needed bool
	State  string
	Steps  []struct{ By, State, Wants string }
}

// due is who has the turn: identity or signature (the customer), people, or "" at the end.
func (c caseView) due() string {
	for _, p := range c.Steps {
		if p.State == "current" && c.State == "open" {
			if p.By != "terminal" {
				return "people"
			}
			return p.Wants
		}
	}
	return ""
}

// Transfer moves money from a card to an account. people agree to an amount that needs it; person is whose
// identity card is shown then.
func (d Desk) Transfer(ctx context.Context, card, pin, payee string, amount int64, people []Manager, person string) (v Transfer, err error) {
	s, live, end, err := d.begin(ctx, "transfer")
	if err != nil {
		return v, err
	}
	defer end()
	if err := d.identify(ctx, s, card, pin); err != nil {
		return v, err
	}
	var named struct{ Outcome, Name string }
	if err := s.platform.Call(ctx, "X-Host.Transact", obj{"type": "payee", "payee": payee}, &named); err != nil {
		return v, err
	}
	if v.Payee = named.Name; v.Payee == "" {
		return v, errors.Join(errors.New("payee "+named.Outcome), d.returnCard(ctx, s), s.platform.Call(ctx, "X-Session.End", obj{"reason": "done"}, nil))
	}
	if err := d.agree(live, s, amount, people, person, &v); err != nil {
		return v, err
	}
	if v.Case != "" {
		if v.Case != "ready" {
			return v, errors.New("the case is " + v.Case)
		}
		if err := d.typePIN(ctx, s, pin, "current"); err != nil {
			return v, err
		}
	}
	var res struct{ Txn, Outcome string }
	if err := s.platform.Call(ctx, "X-Host.Transact", obj{"type": "transfer", "amount": amount, "payee": payee}, &res); err != nil {
		return v, err
	}
	v.Txn, v.Outcome = res.Txn, res.Outcome
	if err := d.returnCard(ctx, s); err != nil {
		return v, err
	}
	return v, s.platform.Call(ctx, "X-Session.End", obj{"reason": "done"}, nil)
}

// agree takes a case through its steps, if the amount needs one.
func (d Desk) agree(ctx context.Context, s services, amount int64, people []Manager, person string, v *Transfer) error {
	var c caseView
	if err := s.platform.Call(ctx, "X-Case.Open", obj{"amount": amount}, &c); err != nil || !c.Needed {
		return err
	}
	for _, m := range people {
		go func() { _ = m.approves(ctx) }() // the case waits for it, or ends
	}
	for v.Case = c.State; ; v.Case = c.State {
		command := "X-Case.Step"
		switch c.due() {
		case "":
			return nil
		case "people":
			command = "X-Case.Wait"
		case "identity":
			if err := d.showIdentity(ctx, s, person); err != nil {
				return err
			}
		case "signature":
			if err := s.sign(ctx, "transfer/1"); err != nil {
				return err
			}
		}
		if err := s.platform.Call(ctx, command, nil, &c); err != nil {
			return err
		}
	}
}

// sign writes on the glass.
func (s services) sign(ctx context.Context, document string) error {
	return s.platform.Call(ctx, "X-Signature.Take", obj{"document": document, "text": "协议", "strokes": strokes()}, nil)
}
