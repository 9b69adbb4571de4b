package counter

import (
	"context"
	"fmt"
	"maps"

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
		c.box, c.stored = to, map[string]book.Unit{}
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

// setBox notes that the box is empty, as nothing else can be said of a box that notes only go into,
// and what the units of a recycler's store hold now: as many as the recycler itself counts.
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
	if err := call.Decode(&req); err != nil || len(req.Storage) == 0 {
		return api.Refuse(api.InvalidData, "storage is wanted: units with cash.status.initial")
	}
	units := map[string]book.Unit{}
	emptied := false
	for id, s := range req.Storage {
		if s.Cash == nil || s.Cash.Status == nil || s.Cash.Status.Initial == nil {
			return api.Refuse(api.InvalidData, id+": cash.status.initial is wanted")
		}
		if id == cash.BoxUnit {
			if !nothing(s.Cash.Status.Initial) {
				return api.Refuse(api.InvalidData, id+" with cash.status.initial of nothing is wanted")
			}
			emptied = true
			continue
		}
		var u book.Unit
		c.Ledger.Read(func(b *book.Book) {
			if own := b.Units[id]; own != nil && own.At(book.Acceptor) {
				u = book.Unit{Device: own.Device, Currency: own.Currency, Value: own.Value}
			}
		})
		n, err := total(u, s.Cash.Status.Initial)
		switch counts, known := c.level(id); {
		case u.Value == 0 || err != nil:
			return api.Refuse(api.InvalidData, fmt.Sprintf("%s: no recycle unit, or %v", id, err))
		case !known || counts != n:
			return api.Refuse(api.InvalidData, fmt.Sprintf("%s: %d notes, the recycler counts %d", id, n, counts))
		}
		u.Initial, u.Count = n, n
		units[id] = u
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.box == boxClosed || c.box == boxDepleting {
		return api.Refuse(api.SequenceError, "no exchange is active")
	}
	if emptied {
		c.box = boxEmptied
	}
	maps.Copy(c.stored, units)
	return api.Completion{Outcome: api.Done}
}

// level is what the recycler counts in a unit.
func (c *Counter) level(unit string) (int, bool) {
	if c.Recycler == nil {
		return 0, false
	}
	return c.Recycler.Level(unit)
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
	box, units := c.box, maps.Clone(c.stored)
	c.mu.Unlock()
	if box == boxClosed || box == boxDepleting {
		return api.Fail(api.NotStarted, "noExchangeActive", "no exchange is active")
	}
	if x := (book.CountsData{BoxEmptied: box == boxEmptied, Units: units, By: "XFS4IoT client", Exchange: c.lines(units)}); x.BoxEmptied || len(units) > 0 {
		if err := c.Ledger.Log(ej.Counts, ej.Record{Device: AcceptorID}, x); err != nil {
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
