package counter

import (
	"cmp"
	"context"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/cashier"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
)

// till is a module that pays, behind its service, and its cashier.
type till struct {
	service string
	dev     *device.Device
	*cashier.Cashier
}

func (c *Counter) dispenser() till { return till{"cash", c.Cash, c.Cashier} }
func (c *Counter) recycler() till  { return till{AcceptorID, c.Acceptor, c.Recycler} }

// at is a handler of one till's service.
func (c *Counter) at(t till, f func(context.Context, till, *service.Call) api.Completion) service.Handler {
	return func(ctx context.Context, call *service.Call) api.Completion { return f(ctx, t, call) }
}

// tills are the modules that may pay a withdrawal, as the configuration prefers them. An acceptor
// that is no recycler has no units in the books, and can pay nothing.
func (c *Counter) tills() []till {
	var stores bool
	if c.Recycler != nil {
		c.Ledger.Read(func(b *book.Book) { stores = len(b.UnitIDs(book.Acceptor)) > 0 })
	}
	switch {
	case !stores || c.Info.Pay == "never":
		return []till{c.dispenser()}
	case c.Info.Pay == "only":
		return []till{c.recycler()}
	case c.Info.Pay == "last":
		return []till{c.dispenser(), c.recycler()}
	}
	return []till{c.recycler(), c.dispenser()}
}

// offer says whether the till could pay something now.
func (t till) offer(b *book.Book) offered {
	if !usable(t.dev.State()) {
		return offered{Reason: "cashModule"}
	}
	notes := 0
	for _, id := range b.UnitIDs(t.Device()) {
		notes += b.Units[id].Count
	}
	switch {
	case !b.CountsKnown(t.Device()):
		return offered{Reason: "cashCount"}
	case t.Device() == book.Acceptor && t.blocked(b):
		return offered{Reason: "cashModule"}
	case notes == 0:
		return offered{Reason: "noCash"}
	}
	return offered{Available: true}
}

// blocked: something lies in the recycler's way that it cannot clear by itself, or a deposit is not
// closed.
func (t till) blocked(b *book.Book) bool {
	var st cash.Status
	t.dev.Read("cashDispenser", &st)
	for _, p := range st.Positions {
		if p.PositionStatus != "empty" {
			return true
		}
	}
	return st.Transport != "empty" || len(b.OpenDeposits()) > 0
}

// payer chooses who pays an amount: the first who can now. If nobody can, it is the one that is
// asked first, else, with why.
func (c *Counter) payer(amount int64, counts map[string]int, otherwise till) (till, error) {
	var why error
	for _, t := range c.tills() {
		var now offered
		c.Ledger.Read(func(b *book.Book) { now = t.offer(b) })
		_, err := t.Choose(amount, counts)
		if err == nil && now.Available {
			return t, nil
		}
		why = cmp.Or(err, why)
	}
	return otherwise, why
}

// cashOffer says whether a withdrawal can be had; why not, in the words of the last that was asked.
func (c *Counter) cashOffer() (o offered) {
	for _, t := range c.tills() {
		c.Ledger.Read(func(b *book.Book) { o = t.offer(b) })
		if o.Available {
			break
		}
	}
	return o
}
