package platform

import (
	"time"

	"zhigui/drivers/api/cash"
	"zhigui/server/api/access"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/counter"
)

// units are the cash units in the beat: cassettes, recycle units, and the acceptor's cash box.
func (p *Platform) units(now time.Time) (out []access.CashUnit) {
	p.led.Read(func(b *book.Book) {
		for _, device := range []string{book.Dispenser, book.Acceptor} {
			for _, id := range b.UnitIDs(device) {
				out = append(out, p.unit(id, *b.Units[id], now))
			}
		}
	})
	if p.devices[counter.AcceptorID] != nil {
		out = append(out, p.box(now))
	}
	return out
}

func (p *Platform) unit(id string, u book.Unit, now time.Time) access.CashUnit {
	c := access.CashUnit{ID: id, Currency: u.Currency, Value: u.Value, Count: u.Count, Initial: u.Initial, Rejected: u.Rejected + u.Retracted, Status: p.counter.Filling(u), At: now}
	if u.At(book.Acceptor) {
		c.Kind, c.Initial, c.Rejected = access.UnitRecycle, p.cfg.Recycle.High[u.Value], 0
		if c.Status == "empty" {
			c.Status = "ok" // customers fill it
		}
	}
	if u.Inaccurate || u.Estimated {
		c.Status = "inaccurate"
	}
	return c
}

// box is the cash box: the device says whether it is full or away, the books what is in it.
func (p *Platform) box(now time.Time) access.CashUnit {
	var st cash.AcceptorStatus
	p.devices[counter.AcceptorID].Read("cashAcceptor", &st)
	c := access.CashUnit{ID: cash.BoxUnit, Kind: access.UnitBox, Currency: "CNY", Status: "ok", At: now}
	p.led.Read(func(b *book.Book) {
		for _, n := range b.Box {
			c.Count += n.Count
			c.Amount += int64(n.Count) * n.Value
		}
		if b.BoxUnclear {
			c.Status = "inaccurate"
		}
	})
	if s := st.Units[cash.BoxUnit].State; s == "full" || s == "missing" {
		c.Status = s
	}
	return c
}
