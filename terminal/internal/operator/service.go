package operator

import (
	"context"
	"encoding/json"
	"errors"

	"zhigui/drivers/api"
	"zhigui/server/api/access"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// Refused is an error with the code of server/api/code that the page shows.
type Refused struct {
	Code string
	Err  error
}

func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap gives the cause.
func (r *Refused) Unwrap() error { return r.Err }

// Service is the desk for the pages: name "operator", interface X-Operator.
func (d *Desk) Service() *service.Service {
	return &service.Service{
		Name: "operator",
		Commands: map[string]service.Command{
			"X-Operator.SignIn": {Handle: d.signIn},
			"X-Operator.SignOut": {Handle: at(d, func(context.Context, access.Operator, struct{}) (any, error) {
				d.Close()
				return nil, nil
			})},
			"X-Operator.Overview": {Async: true, Handle: at(d, func(context.Context, access.Operator, struct{}) (any, error) { return d.Look(), nil })},
			"X-Operator.SelfTest": {Handle: at(d, func(ctx context.Context, _ access.Operator, q struct{ Device string }) (any, error) {
				steps, err := d.SelfTest(ctx, q.Device)
				return map[string]any{"steps": steps}, err
			})},
			"X-Operator.Rearm": {Handle: at(d, func(ctx context.Context, _ access.Operator, q struct{ Device string }) (any, error) {
				if d.Devices[q.Device] == nil {
					return nil, errors.New("there is no such device")
				}
				return nil, d.Driver(q.Device).Rearm(ctx)
			})},
			"X-Operator.Journal": {Async: true, Handle: at(d, func(_ context.Context, _ access.Operator, q struct {
				Before uint64
				Txn    string
			}) (any, error) {
				list, err := d.Journal(q.Before, q.Txn)
				return map[string]any{"records": list}, err
			})},
			"X-Operator.Exchange": {Handle: at(d, func(_ context.Context, who access.Operator, q struct{ Units map[string]Found }) (any, error) {
				list, err := d.Exchange(who.Name, q.Units)
				return map[string]any{"images": list}, err
			})},
			"X-Operator.EmptyBox": {Handle: at(d, func(_ context.Context, who access.Operator, q struct{ Counted int64 }) (any, error) {
				return d.EmptyBox(who.Name, q.Counted)
			})},
			"X-Operator.Passbook": {Handle: at(d, func(_ context.Context, who access.Operator, q struct {
				ID             uint64
				Complete, Used int
			}) (any, error) {
				return nil, d.Passbook(who.Name, q.ID, q.Complete, q.Used)
			})},
			"X-Operator.Stock": {Handle: at(d, func(_ context.Context, who access.Operator, q book.StockData) (any, error) {
				q.By = who.Name
				if q.Move == book.StockUse {
					return nil, errors.New("only the machine books a use")
				}
				return d.Move(q)
			})},
		},
	}
}

func (d *Desk) signIn(ctx context.Context, call *service.Call) api.Completion {
	var q access.OperatorSignIn
	if err := call.Decode(&q); err != nil {
		return api.Refuse(api.InvalidData, "name and password are wanted")
	}
	who, err := d.Open(ctx, call.Conn, q.Name, q.Password)
	if err != nil {
		return refuse(err)
	}
	return service.Done(map[string]any{"operator": who, "items": d.Items})
}

// refuse says why in a word that the page has a text for (X-reason).
func refuse(err error) api.Completion {
	why := "failed"
	var r *Refused
	switch {
	case errors.As(err, &r) && r.Code != "":
		why = r.Code
	case errors.Is(err, ErrNobody):
		why = "signInFirst"
	case errors.Is(err, ErrBusy):
		why = "customer"
	case errors.Is(err, ErrOther):
		why = "other"
	}
	c := api.Refuse(api.SequenceError, err.Error())
	if why == "signInFirst" {
		c.Code = api.AuthorizationRequired
	}
	c.Payload, _ = json.Marshal(map[string]string{"X-reason": why, "X-detail": err.Error()})
	return c
}

// at decodes a command and runs it for the person who is at work.
func at[Q any](d *Desk, f func(context.Context, access.Operator, Q) (any, error)) service.Handler {
	return func(ctx context.Context, call *service.Call) api.Completion {
		who, err := d.Who(call.Conn, call.Header.Name != "X-Operator.Overview") // which the page asks by itself
		if err != nil {
			return refuse(err)
		}
		var q Q
		if err := call.Decode(&q); err != nil {
			return api.Refuse(api.InvalidData, err.Error())
		}
		out, err := f(ctx, who, q)
		if err != nil {
			return refuse(err)
		}
		return service.Done(out)
	}
}
