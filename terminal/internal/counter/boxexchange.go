package counter

import (
	"context"

	"zhigui/drivers/api"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// boxExchanging is why the counter is out of service while an outside client empties the
// acceptor's cash box.
const boxExchanging = "exchange of the cash box"

// boxExchange is how far it is.
type boxExchange int

const (
	boxClosed boxExchange = iota
	boxOpen
	boxEmptied
)

// startBoxExchange takes the counter out of service for the emptying of the cash box.
func (c *Counter) startBoxExchange(context.Context, *service.Call) api.Completion {
	_, serving := c.Session.Current()
	var open bool
	c.Ledger.Read(func(b *book.Book) { open = len(b.OpenDeposits()) > 0 })
	c.mu.Lock()
	active := c.box != boxClosed
	if !serving && !open && !active {
		c.box = boxOpen
	}
	c.mu.Unlock()
	switch {
	case serving, open:
		return api.Fail(api.NotStarted, "transactionActive", "a customer is served, or a deposit is not closed")
	case active:
		return api.Fail(api.NotStarted, "exchangeActive", "an exchange is active")
	}
	c.Suspend(boxExchanging, true)
	if _, open := c.Session.Current(); open { // one began meanwhile
		c.closeBox()
		return api.Fail(api.NotStarted, "transactionActive", "a customer is being served")
	}
	return api.Completion{Outcome: api.Done}
}

// setBox notes that the box is empty; nothing else can be said of a box that notes only go
// into.
func (c *Counter) setBox(_ context.Context, call *service.Call) api.Completion {
	var req struct {
		Storage map[string]struct {
			Cash *struct {
				Status *struct {
					Initial map[string]any `json:"initial"`
				} `json:"status"`
			} `json:"cash"`
		} `json:"storage"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	s, ok := req.Storage["cashbox"]
	if !ok || len(req.Storage) != 1 || s.Cash == nil || s.Cash.Status == nil || !nothing(s.Cash.Status.Initial) {
		return api.Refuse(api.InvalidData, "cashbox with cash.status.initial of nothing is wanted")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.box == boxClosed {
		return api.Refuse(api.SequenceError, "no exchange is active")
	}
	c.box = boxEmptied
	return api.Completion{Outcome: api.Done}
}

// nothing: no number in it is above zero.
func nothing(initial map[string]any) bool {
	if initial == nil {
		return false
	}
	for _, v := range initial {
		switch n := v.(type) {
		case float64:
			if n != 0 {
				return false
			}
		case map[string]any:
			if !nothing(n) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// endBoxExchange books the emptying and goes back into service.
func (c *Counter) endBoxExchange(context.Context, *service.Call) api.Completion {
	c.mu.Lock()
	box := c.box
	c.mu.Unlock()
	switch box {
	case boxClosed:
		return api.Fail(api.NotStarted, "noExchangeActive", "no exchange is active")
	case boxEmptied:
		if err := c.Ledger.Log(ej.Counts, ej.Record{Device: AcceptorID}, book.CountsData{BoxEmptied: true, By: "XFS4IoT client"}); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
	}
	c.closeBox()
	return api.Completion{Outcome: api.Done}
}

// boxOut reports an exchange of the cash box.
func (c *Counter) boxOut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box != boxClosed
}

func (c *Counter) closeBox() {
	c.mu.Lock()
	c.box = boxClosed
	c.mu.Unlock()
	c.Suspend(boxExchanging, false)
	c.vendor.Look()
}
