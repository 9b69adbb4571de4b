package counter

import (
	"context"
	"encoding/json"
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// acceptorStorage reports the cash box, and the recycle units of a recycler, as device and books
// have them.
func (c *Counter) acceptorStorage(context.Context, *service.Call) api.Completion {
	return service.Done(map[string]any{"storage": c.acceptorUnits()})
}

func (c *Counter) acceptorUnits() map[string]any {
	out := map[string]any{}
	st := c.acceptorStatus()
	c.Ledger.Read(func(b *book.Book) {
		for id, dev := range st.Units {
			state := map[string]string{"missing": "missing", "inoperative": "inoperative"}[dev.State]
			if state == "" {
				state = "ok"
			}
			one := map[string]any{"status": state}
			switch u := b.Units[id]; {
			case id == cash.BoxUnit:
				one["id"], one["cash"] = cash.BoxID, boxStorage(b, dev)
			case u != nil:
				one["id"], one["cash"] = fmt.Sprintf("R%d", u.Value/100), c.storeUnit(*u)
			default: // nothing was in it yet
				t := st.NoteTypes[cash.NoteTypeOf(id)]
				one["id"], one["cash"] = fmt.Sprintf("R%d", t.Value/100), c.storeUnit(book.Unit{Currency: t.Currency, Value: t.Value})
			}
			out[id] = one
		}
	})
	return out
}

// boxStorage is the cash box: what the deposits since its last emptying have put into it.
func boxStorage(b *book.Book, dev cash.UnitStatus) map[string]any {
	total, deposited := 0, map[string]any{}
	for note, n := range b.Box {
		total += n.Count
		deposited[note] = map[string]int{"fit": n.Count}
	}
	status := map[string]any{"replenishmentStatus": "ok", "X-count": total, "in": map[string]any{"deposited": deposited}, "accuracy": "accurate"}
	if dev.State == "full" {
		status["replenishmentStatus"] = "full"
	}
	if b.BoxUnclear {
		status["accuracy"] = "inaccurate"
	}
	return map[string]any{"configuration": map[string]any{"types": map[string]bool{"cashIn": true}, "currency": currency}, "status": status}
}

// storeUnit is a recycle unit. What it gave to the cash box is distributed.
func (c *Counter) storeUnit(u book.Unit) map[string]any {
	conf := map[string]any{"types": map[string]bool{"cashIn": true, "cashOut": true}, "currency": u.Currency, "value": float64(u.Value) / 100}
	if high := c.Info.High[u.Value]; high > 0 {
		conf["highThreshold"] = high
	}
	return map[string]any{"configuration": conf, "status": map[string]any{
		"initial": fit(u, u.Initial), "accuracy": accuracy(u), "X-count": u.Count,
		"in":                  map[string]any{"deposited": fit(u, u.Deposited)},
		"out":                 map[string]any{"presented": fit(u, u.Presented), "distributed": fit(u, u.Rejected)},
		"replenishmentStatus": c.Filling(u),
	}}
}

// Filling is the level of a cash unit in the standard's words. A recycle unit is high at its mark,
// above which notes go to the cash box, and never low: customers fill it.
func (c *Counter) Filling(u book.Unit) string {
	if !u.At(book.Acceptor) {
		return replenishment(u)
	}
	high, marked := c.Info.High[u.Value]
	switch {
	case u.Count <= 0:
		return "empty"
	case marked && high > 0 && u.Count >= high:
		return "high"
	}
	return "ok"
}

// Recount compares a recycler's store with the books, when nothing is under way and nobody is at
// work there. Call it when the acceptor's status has changed, or what kept it from looking ended.
func (c *Counter) Recount() {
	if c.Recycler == nil {
		return
	}
	if c.Recycler.Recount(context.Background(), func() bool {
		_, serving := c.Session.Current()
		return !serving && !c.boxOut() && !c.Exchanging() && (c.AtWork == nil || !c.AtWork())
	}) {
		c.announce()
	}
}

// RecountDoubt compares again while the store is in doubt: a comparison ends without a word when something
// was written meanwhile, and nothing may happen then that calls for the next. Call it every second or so.
func (c *Counter) RecountDoubt() {
	if c.Recycler == nil {
		return
	}
	doubt := false
	c.Ledger.Read(func(b *book.Book) {
		for _, id := range b.UnitIDs(book.Acceptor) {
			doubt = doubt || b.Units[id].Inaccurate || b.Units[id].Estimated
		}
	})
	if doubt && c.recounting.CompareAndSwap(false, true) {
		go func() {
			defer c.recounting.Store(false)
			c.Recount()
		}()
	}
}

// storeChanged reports whether the driver says something else of the store than when it was asked last.
func (c *Counter) storeChanged() bool {
	st := c.acceptorStatus()
	raw, err := json.Marshal([]any{c.Acceptor.State(), st.Levels, st.Transport, st.CashIn.Status})
	c.mu.Lock()
	defer c.mu.Unlock()
	same := err == nil && c.seen == string(raw)
	c.seen = string(raw)
	return !same
}

// TellStorage sends the standard's events about what has changed in the cash units since it was
// called last: new counts, and levels that were crossed.
func (c *Counter) TellStorage() {
	c.telling.Lock()
	defer c.telling.Unlock()
	now := map[string]map[string]any{"cash": c.cassettes()}
	if c.Acceptor != nil {
		now[AcceptorID] = c.acceptorUnits()
	}
	for svc, units := range now {
		changed, crossed := map[string]any{}, map[string]any{}
		for id, one := range units {
			raw, err := json.Marshal(one)
			if err != nil {
				continue
			}
			key := svc + "/" + id
			was, known := c.told[key]
			level := levelOf(one)
			c.told[key] = told{string(raw), level}
			if known && was.text != string(raw) {
				changed[id] = one
			}
			if known && was.level != level {
				crossed[id] = one
			}
		}
		if len(changed) > 0 {
			c.Server.Broadcast(svc, api.Event{Name: "Storage.CountsChangedEvent", Payload: service.Done(changed).Payload})
		}
		if len(crossed) > 0 {
			c.Server.Broadcast(svc, api.Event{Name: cash.EvThreshold, Payload: service.Done(crossed).Payload})
		}
	}
}

// told is a unit as clients have heard of it.
type told struct{ text, level string }

func levelOf(unit any) string {
	one, _ := unit.(map[string]any)
	part, _ := one["cash"].(map[string]any)
	status, _ := part["status"].(map[string]any)
	level, _ := status["replenishmentStatus"].(string)
	return level
}
