package counter

import (
	"context"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// boxExchanging is why the counter is out of service while an outside client empties the
// acceptor's cash box.
const boxExchanging = "exchange of the cash box"

// boxDepletingWhy is why it is while one lets the recycler move its store into the box.
const boxDepletingWhy = "emptying of the recycler's store"

// boxExchange is how far it is.
type boxExchange int

const (
	boxClosed boxExchange = iota
	boxOpen
	boxEmptied
	boxDepleting // no exchange: notes move from the store into the box
)

// startBoxExchange takes the counter out of service for the emptying of the cash box.
func (c *Counter) startBoxExchange(context.Context, *service.Call) api.Completion {
	if no := c.openBox(boxOpen, boxExchanging); no != nil {
		return *no
	}
	return api.Completion{Outcome: api.Done}
}

// openBox takes the counter out of service for work at the cash box, when nobody is served.
func (c *Counter) openBox(to boxExchange, why string) *api.Completion {
	no := func(code, text string) *api.Completion {
		done := api.Fail(api.NotStarted, code, text)
		return &done
	}
	_, serving := c.Session.Current()
	var open bool
	c.Ledger.Read(func(b *book.Book) { open = len(b.OpenDeposits()) > 0 })
	c.mu.Lock()
	active := c.box != boxClosed
	if !serving && !open && !active {
		c.box = to
	}
	c.mu.Unlock()
	switch {
	case serving, open:
		return no("transactionActive", "a customer is served, or a deposit is not closed")
	case active:
		return no("exchangeActive", "an exchange is active")
	}
	c.Suspend(why, true)
	if _, open := c.Session.Current(); open { // one began meanwhile
		c.closeBox(why)
		return no("transactionActive", "a customer is being served")
	}
	return nil
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
	s, ok := req.Storage[cash.BoxUnit]
	if !ok || len(req.Storage) != 1 || s.Cash == nil || s.Cash.Status == nil || !nothing(s.Cash.Status.Initial) {
		return api.Refuse(api.InvalidData, cash.BoxUnit+" with cash.status.initial of nothing is wanted")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.box == boxClosed || c.box == boxDepleting {
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
	case boxClosed, boxDepleting:
		return api.Fail(api.NotStarted, "noExchangeActive", "no exchange is active")
	case boxEmptied:
		if err := c.Ledger.Log(ej.Counts, ej.Record{Device: AcceptorID}, book.CountsData{BoxEmptied: true, By: "XFS4IoT client"}); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
	}
	c.closeBox(boxExchanging)
	return api.Completion{Outcome: api.Done}
}

// boxOut reports an exchange of the cash box.
func (c *Counter) boxOut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box != boxClosed
}

func (c *Counter) closeBox(why string) {
	c.mu.Lock()
	c.box = boxClosed
	c.mu.Unlock()
	c.Suspend(why, false)
	c.vendor.Look()
	c.announce()
}
