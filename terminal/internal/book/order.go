package book

import (
	"encoding/json"
	"fmt"

	ej "zhigui/terminal/api/journal"
)

// Order is a command that people at the server have given, and how it ended. It is the data of
// ORDER (before it is carried out) and of ORDER_DONE.
type Order struct {
	ID   string          `json:"id"`
	Kind string          `json:"kind,omitempty"`
	Args json.RawMessage `json:"args,omitempty"`
	// From is the bundle that was in use when the order came.
	From string `json:"from,omitempty"`
	Seq  uint64 `json:"seq,omitempty"` // of its ORDER
	Done bool   `json:"done,omitempty"`
	OK   bool   `json:"ok,omitempty"`
	Note string `json:"note,omitempty"`
}

// keepOrders is how many orders stay in the book; the server asks about fewer.
const keepOrders = 100

// FindOrder finds an order by its id.
func (b *Book) FindOrder(id string) (Order, bool) {
	for _, o := range b.Orders {
		if o.ID == id {
			return o, true
		}
	}
	return Order{}, false
}

func (b *Book) order(r ej.Record) error {
	var o Order
	if err := json.Unmarshal(r.Data, &o); err != nil {
		return err
	}
	if r.Kind == ej.Order {
		if _, known := b.FindOrder(o.ID); known || o.ID == "" {
			return fmt.Errorf("%w: order %q", ErrTransition, o.ID)
		}
		o.Seq = r.Seq
		b.Orders = append(b.Orders, o)
		if len(b.Orders) > keepOrders && b.Orders[0].Done {
			b.Orders = b.Orders[1:]
		}
		return nil
	}
	for i := range b.Orders {
		if x := &b.Orders[i]; x.ID == o.ID && !x.Done {
			x.Done, x.OK, x.Note = true, o.OK, o.Note
			return nil
		}
	}
	return fmt.Errorf("%w: order %q is not open", ErrTransition, o.ID)
}

// ServiceData is the data of SERVICE: people have taken the counter out of service, or back.
type ServiceData struct {
	Out bool   `json:"out"`
	By  string `json:"by,omitempty"`
}

func (b *Book) service(r ej.Record) error {
	var d ServiceData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	b.Out = d.Out
	return nil
}
