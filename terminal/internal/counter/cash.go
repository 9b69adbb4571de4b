package counter

import (
	"context"
	"fmt"
	"math"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/service"
)

const currency = "CNY"

func (c *Counter) cashService() *service.Service {
	return &service.Service{
		Name:         "cash",
		Status:       deviceStatus(c.Cash),
		Capabilities: capabilities(c.Cash),
		Dynamic:      c.tokenCommands,
		Commands: map[string]service.Command{
			"CashDispenser.GetMixTypes":      {Async: true, Handle: c.mixTypes},
			"CashDispenser.Denominate":       {Handle: c.denominate},
			cash.CmdDispense:                 {Handle: c.dispense},
			cash.CmdPresent:                  {Handle: c.present},
			"CashDispenser.GetPresentStatus": {Async: true, Handle: c.presentStatus},
			cash.CmdRetract: {Handle: func(ctx context.Context, _ *service.Call) api.Completion {
				return c.Cashier.Retract(ctx, "asked by the flow")
			}},
			"Storage.GetStorage":    {Async: true, Handle: c.getStorage},
			"Storage.StartExchange": {Handle: outside(c.startExchange)},
			"Storage.SetStorage":    {Handle: outside(c.setStorage)},
			"Storage.EndExchange":   {Handle: outside(c.endExchange)},
		},
	}
}

func (c *Counter) mixTypes(context.Context, *service.Call) api.Completion {
	return service.Done(map[string]any{"mixes": map[string]any{"mix1": map[string]any{"type": "algorithm", "algorithm": "minimumBills", "name": "fewest notes"}}})
}

// denomination is the request part of Denominate and Dispense (2024-3: app, service).
type denomination struct {
	Denomination struct {
		App     *mix `json:"app"`
		Service *mix `json:"service"`
	} `json:"denomination"`
}

type mix struct {
	Currencies map[string]float64 `json:"currencies"`
	Counts     map[string]int     `json:"counts"`
	Values     map[string]int     `json:"values"`
}

// amount reads the one currency we pay, in minor units.
func (d denomination) amount() (int64, error) {
	m := d.Denomination.App
	if m == nil {
		m = d.Denomination.Service
	}
	if m == nil || len(m.Currencies) != 1 {
		return 0, fmt.Errorf("denomination needs exactly one currency")
	}
	v, ok := m.Currencies[currency]
	minor := math.Round(v * 100)
	if !ok || minor <= 0 || minor > 1e11 || math.Abs(minor-v*100) > 1e-6 {
		return 0, fmt.Errorf("the amount must be a positive number of %s", currency)
	}
	return int64(minor), nil
}

func (c *Counter) denominate(_ context.Context, call *service.Call) api.Completion {
	var req struct {
		Request denomination `json:"request"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	amount, err := req.Request.amount()
	if err != nil {
		return api.Fail(api.NotStarted, "invalidDenomination", err.Error())
	}
	plan, err := c.Cashier.Plan(amount)
	if err != nil {
		return api.Fail(api.NotStarted, cash.ErrNotDispensable, err.Error())
	}
	return service.Done(map[string]any{"result": map[string]any{"currencies": map[string]float64{currency: float64(amount) / 100}, "values": plan}})
}

// dispense pays out for the session's approved transaction; the guard decides.
func (c *Counter) dispense(ctx context.Context, call *service.Call) api.Completion {
	var req struct {
		Denomination denomination `json:"denomination"`
		Token        string       `json:"token"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	amount, err := req.Denomination.amount()
	if err != nil {
		return api.Fail(api.NotStarted, "invalidDenomination", err.Error())
	}
	s, open := c.Session.Current()
	if !open || s.Txn == "" {
		return api.Refuse(api.AuthorizationRequired, "no approved transaction")
	}
	return c.Cashier.DispenseUnder(ctx, s.Txn, amount, req.Token, call.Emit)
}

func (c *Counter) present(ctx context.Context, call *service.Call) api.Completion {
	return c.Cashier.Present(ctx, c.currentTxn(), call.Emit)
}

// presentStatus answers from the books; with a nonce, what the module itself signs is added.
func (c *Counter) presentStatus(ctx context.Context, call *service.Call) api.Completion {
	var req cash.PresentStatus
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	state, t := c.Cashier.PresentState()
	out := map[string]any{
		"presentState": state,
		"denomination": map[string]any{"currencies": map[string]float64{currency: float64(t.Paid) / 100}, "values": t.Plan},
	}
	if req.Nonce != "" {
		token, refused := c.signedStatus(ctx, req)
		if refused != nil {
			return *refused
		}
		if token != "" {
			out["token"] = token
		}
	}
	return service.Done(out)
}
