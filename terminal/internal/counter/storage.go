package counter

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"zhigui/drivers/api"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// counts is a number of notes as Storage spells it: by cash item, then by level.
type counts map[string]map[string]int

// item names the one cash item of a unit, after currency and value in the major unit.
func item(u book.Unit) string {
	return fmt.Sprintf("type%s%d", strings.ToUpper(u.Currency), u.Value/100)
}

func fit(u book.Unit, n int) counts { return counts{item(u): {"fit": n}} }

// getStorage answers from the book: a dispenser without counters knows no numbers. X-count
// is what should be in the unit now, which the standard leaves to the reader's arithmetic.
func (c *Counter) getStorage(context.Context, *service.Call) api.Completion {
	return service.Done(map[string]any{"storage": c.cassettes()})
}

func (c *Counter) cassettes() map[string]any {
	units := map[string]any{}
	c.Ledger.Read(func(b *book.Book) {
		for _, id := range b.UnitIDs(book.Dispenser) {
			u := b.Units[id]
			units[id] = map[string]any{
				"id": id, "status": "ok",
				"cash": map[string]any{
					"configuration": map[string]any{"types": map[string]bool{"cashOut": true}, "currency": u.Currency, "value": float64(u.Value) / 100},
					"status": map[string]any{
						"initial": fit(*u, u.Initial), "accuracy": accuracy(*u), "X-count": u.Count,
						"out":                 map[string]any{"presented": fit(*u, u.Presented), "rejected": fit(*u, u.Rejected)},
						"in":                  map[string]any{"retracted": fit(*u, u.Retracted)},
						"replenishmentStatus": replenishment(*u),
					},
				},
			}
		}
	})
	return units
}

func accuracy(u book.Unit) string {
	if u.Inaccurate || u.Estimated {
		return "inaccurate"
	}
	return "accurate"
}

// replenishment: low below 10 % of the initial count.
func replenishment(u book.Unit) string {
	switch {
	case u.Count <= 0:
		return "empty"
	case u.Count*10 < u.Initial:
		return "low"
	}
	return "ok"
}

// exchanging is why the counter is out of service during an exchange.
const exchanging = "exchange"

// Exchanging reports an exchange of cash units by an outside client.
func (c *Counter) Exchanging() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counted != nil
}

// EndExchange gives up an exchange without new counts.
func (c *Counter) EndExchange() {
	c.mu.Lock()
	box := c.box == boxOpen || c.box == boxEmptied
	c.mu.Unlock()
	if box {
		c.closeBox(boxExchanging)
	}
	c.closeExchange()
}

func (c *Counter) closeExchange() {
	c.mu.Lock()
	c.counted = nil
	c.mu.Unlock()
	c.Suspend(exchanging, false)
	c.vendor.Look()
}

// EndVendorMode leaves vendor mode, whoever entered it.
func (c *Counter) EndVendorMode() { c.vendor.End() }

// startExchange takes the counter out of service for an exchange by an outside client.
func (c *Counter) startExchange(context.Context, *service.Call) api.Completion {
	if _, open := c.Session.Current(); open {
		return api.Fail(api.NotStarted, "transactionActive", "a customer is being served")
	}
	var moving string
	c.Ledger.Read(func(b *book.Book) {
		for _, t := range b.OpenTxns() {
			if t.Cash.Open() {
				moving = t.ID
			}
		}
	})
	switch why := c.Suspended(); {
	case moving != "":
		return api.Fail(api.NotStarted, "transactionActive", moving+" is not settled: its notes may still move")
	case c.Exchanging():
		return api.Fail(api.NotStarted, "exchangeActive", "an exchange is active")
	case why != "":
		return api.Refuse(api.SequenceError, "out of service: "+why)
	}
	c.mu.Lock()
	c.counted = map[string]book.Unit{}
	c.mu.Unlock()
	c.Suspend(exchanging, true)
	if _, open := c.Session.Current(); open { // one began meanwhile
		c.closeExchange()
		return api.Fail(api.NotStarted, "transactionActive", "a customer is being served")
	}
	return api.Completion{Outcome: api.Done}
}

// setStorage takes the counts of an exchange; they become the book's at its end.
func (c *Counter) setStorage(_ context.Context, call *service.Call) api.Completion {
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
	if !c.Exchanging() {
		return api.Refuse(api.SequenceError, "no exchange is active")
	}
	next := map[string]book.Unit{}
	var bad string
	c.Ledger.Read(func(b *book.Book) {
		for id, s := range req.Storage {
			u := b.Units[id]
			if u == nil || !u.At(book.Dispenser) || s.Cash == nil || s.Cash.Status == nil || s.Cash.Status.Initial == nil {
				bad = fmt.Sprintf("unit %q is not there, or has no cash.status.initial", id)
				return
			}
			n, err := total(*u, s.Cash.Status.Initial)
			if err != nil {
				bad = fmt.Sprintf("unit %s: %v", id, err)
				return
			}
			next[id] = book.Unit{Currency: u.Currency, Value: u.Value, Initial: n, Count: n}
		}
	})
	if bad != "" {
		return api.Refuse(api.InvalidData, bad)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted == nil {
		return api.Refuse(api.SequenceError, "the exchange has ended")
	}
	for id, u := range next {
		c.counted[id] = u
	}
	return api.Completion{Outcome: api.Done}
}

// total is how many notes an initial count names; only notes of the unit's own kind may be in
// it.
func total(u book.Unit, initial map[string]any) (n int, err error) {
	for name, levels := range initial {
		m, ok := levels.(map[string]any)
		if name != item(u) || !ok {
			return 0, fmt.Errorf("%q is not %s", name, item(u))
		}
		for level, v := range m {
			f, ok := v.(float64)
			if !ok || f < 0 || f != float64(int(f)) {
				return 0, fmt.Errorf("%s: %v is no count", level, v)
			}
			n += int(f)
		}
	}
	return n, nil
}

// lines are what an exchange did to units, as far as new counts tell it.
func (c *Counter) lines(units map[string]book.Unit) map[string]book.ExchangeLine {
	out := map[string]book.ExchangeLine{}
	c.Ledger.Read(func(b *book.Book) {
		for id, u := range units {
			was := b.Units[id]
			out[id] = book.ExchangeLine{Booked: was.Count, Counted: was.Count, Added: max(u.Count-was.Count, 0), Removed: max(was.Count-u.Count, 0), Rejected: was.Rejected, Retracted: was.Retracted}
		}
	})
	return out
}

// endExchange writes the new counts, with what the book had beside them, and goes back into
// service.
func (c *Counter) endExchange(context.Context, *service.Call) api.Completion {
	if !c.Exchanging() {
		return api.Fail(api.NotStarted, "noExchangeActive", "no exchange is active")
	}
	c.mu.Lock()
	units := maps.Clone(c.counted)
	c.mu.Unlock()
	if len(units) > 0 {
		if err := c.Ledger.Log(ej.Counts, ej.Record{Device: "cash"}, book.CountsData{Units: units, By: "XFS4IoT client", Exchange: c.lines(units)}); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
	}
	c.closeExchange()
	return api.Completion{Outcome: api.Done}
}
