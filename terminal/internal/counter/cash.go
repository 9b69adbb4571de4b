package counter

import (
	"context"
	"errors"
	"math"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/cashier"
	"zhigui/terminal/internal/service"
)

const currency = "CNY"

func (c *Counter) cashService() *service.Service {
	return &service.Service{
		Name:         "cash",
		Status:       deviceStatus(c.Cash),
		Capabilities: capabilities(c.Cash),
		Dynamic:      c.cashCommands,
		Commands: map[string]service.Command{
			"CashDispenser.GetMixTypes":      {Async: true, Handle: c.mixTypes},
			"CashDispenser.Denominate":       {Handle: c.at(c.dispenser(), c.denominate)},
			cash.CmdDispense:                 {Handle: c.at(c.dispenser(), c.dispense)},
			cash.CmdPresent:                  {Handle: c.present},
			"CashDispenser.GetPresentStatus": {Async: true, Handle: c.at(c.dispenser(), c.presentStatus)},
			cash.CmdRetract: {Handle: func(ctx context.Context, _ *service.Call) api.Completion {
				return c.Cashier.Retract(ctx, "asked by the flow")
			}},
			"CashManagement.GetBankNoteTypes": {Async: true, Handle: c.cashNoteTypes},
			"Storage.GetStorage":              {Async: true, Handle: c.getStorage},
			"Storage.StartExchange":           {Handle: outside(c.startExchange)},
			"Storage.SetStorage":              {Handle: outside(c.setStorage)},
			"Storage.EndExchange":             {Handle: outside(c.endExchange)},
		},
	}
}

func (c *Counter) mixTypes(context.Context, *service.Call) api.Completion {
	return service.Done(map[string]any{"mixes": map[string]any{theMix: map[string]any{"type": "algorithm", "algorithm": "minimumBills", "name": "fewest notes"}}})
}

// denomination is the request part of Denominate and Dispense (2024-3: app, service).
type denomination struct {
	Denomination struct {
		App     *mix `json:"app"`
		Service *mix `json:"service"`
	} `json:"denomination"`
}

// mix is a denomination by the application (counts) or by the service (mix, partial).
type mix struct {
	Currencies map[string]float64 `json:"currencies"`
	Counts     map[string]int     `json:"counts"`
	Partial    map[string]int     `json:"partial"`
	Mix        string             `json:"mix"`
}

// wanted reads what is asked: the amount of the one currency we pay, in minor units, and the
// caller's own choice of notes, if it has made one.
func (c *Counter) wanted(d denomination) (amount int64, counts map[string]int, refused *api.Completion) {
	no := func(code, why string) (int64, map[string]int, *api.Completion) {
		done := api.Fail(api.NotStarted, code, why)
		return 0, nil, &done
	}
	m := d.Denomination.App
	if m == nil {
		m = d.Denomination.Service
	}
	switch {
	case m == nil, len(m.Currencies) == 0 && len(m.Counts) == 0:
		return no("invalidDenomination", "an amount or counts are wanted")
	case m.Mix != "" && m.Mix != theMix:
		return no("invalidMixNumber", "the one mix is "+theMix)
	case len(m.Partial) > 0:
		return no("invalidDenomination", "a mix of a part is not made: give all counts, or none")
	}
	for name := range m.Currencies {
		if name != currency {
			return no("invalidCurrency", "only "+currency+" is paid")
		}
	}
	counts = m.Counts
	c.Ledger.Read(func(b *book.Book) {
		for id, n := range counts {
			if u := b.Units[id]; u != nil && n > 0 && n < 1e6 {
				amount += int64(n) * u.Value
			}
		}
	})
	if v, ok := m.Currencies[currency]; ok {
		minor := math.Round(v * 100)
		if minor <= 0 || minor > 1e11 || math.Abs(minor-v*100) > 1e-6 || len(counts) > 0 && amount != int64(minor) {
			return no("invalidDenomination", "the amount must be a positive number of "+currency+", and what the counts make")
		}
		amount = int64(minor)
	}
	return amount, counts, nil
}

const theMix = "mix1"

// denominate answers a page for the counter, as it is the counter that will choose who pays; another
// client for the module that it asks.
func (c *Counter) denominate(_ context.Context, t till, call *service.Call) api.Completion {
	var req struct {
		Request denomination `json:"request"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	amount, counts, refused := c.wanted(req.Request)
	if refused != nil {
		return *refused
	}
	if call.Role() == service.RoleFlow {
		t, _ = c.payer(amount, counts, t) // if nobody can, t says why
	}
	plan, err := t.Choose(amount, counts)
	switch {
	case errors.Is(err, cashier.ErrTooMany):
		return api.Fail(api.NotStarted, cash.ErrTooManyItems, err.Error())
	case err != nil:
		return api.Fail(api.NotStarted, cash.ErrNotDispensable, err.Error())
	}
	return service.Done(map[string]any{"result": map[string]any{"currencies": map[string]float64{currency: float64(amount) / 100}, "values": plan}})
}

// dispense pays out for the session's approved transaction; the guard decides.
func (c *Counter) dispense(ctx context.Context, t till, call *service.Call) api.Completion {
	var req struct {
		Denomination denomination `json:"denomination"`
		Position     string       `json:"position"`
		Token        string       `json:"token"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if done, ok := t.hasExit(req.Position); !ok {
		return done
	}
	amount, counts, refused := c.wanted(req.Denomination)
	if refused != nil {
		return *refused
	}
	s, open := c.Session.Current()
	if !open || s.Txn == "" {
		return api.Refuse(api.AuthorizationRequired, "no approved transaction")
	}
	return t.Pay(ctx, cashier.Order{Txn: s.Txn, Amount: amount, Counts: counts, Token: req.Token}, call.Emit)
}

// hasExit refuses an output position that the module does not have.
func (t till) hasExit(position string) (api.Completion, bool) {
	var st cash.Status
	t.dev.Read("cashDispenser", &st)
	if position == "" || position == "outDefault" || slices.ContainsFunc(st.Positions, func(p cash.Position) bool { return p.Position == position }) {
		return api.Completion{}, true
	}
	return api.Fail(api.NotStarted, cash.ErrPosition, "the module has no such exit"), false
}

func (c *Counter) present(ctx context.Context, call *service.Call) api.Completion {
	var req struct {
		Position string `json:"position"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if done, ok := c.dispenser().hasExit(req.Position); !ok {
		return done
	}
	return c.Cashier.Present(ctx, c.currentTxn(), call.Emit)
}

// presentStatus answers from the books; with a nonce, what the module itself signs is added.
func (c *Counter) presentStatus(ctx context.Context, at till, call *service.Call) api.Completion {
	var req cash.PresentStatus
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if done, ok := at.hasExit(req.Position); !ok {
		return done
	}
	state, t := at.PresentState()
	out := map[string]any{
		"presentState": state,
		"denomination": map[string]any{"currencies": map[string]float64{currency: float64(t.Paid) / 100}, "values": t.Plan},
	}
	if req.Nonce != "" {
		token, refused := signedStatus(ctx, at.dev, req)
		if refused != nil {
			return *refused
		}
		if token != "" {
			out["token"] = token
		}
	}
	return service.Done(out)
}
