package platform

import (
	"encoding/json"
	"errors"
	"slices"

	"zhigui/server/api/access"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// Command implements uplink.Source: an order of people at the server. The server repeats it until
// it has the result. The journal has it before it is carried out, so that each is carried out once.
func (p *Platform) Command(c access.Command) {
	var known bool
	p.led.Read(func(b *book.Book) { _, known = b.FindOrder(c.ID) })
	if !known {
		o := book.Order{ID: c.ID, Kind: c.Kind, Args: c.Args, From: p.currentBundle().Digest}
		if err := p.led.Log(ej.Order, ej.Record{}, o); err != nil {
			p.log.Error("journal", "kind", ej.Order, "err", err)
			return
		}
	}
	p.mu.Lock()
	if !slices.Contains(p.asked, c.ID) {
		p.asked = append(p.asked, c.ID)
	}
	p.mu.Unlock()
	go p.carryOut(c.ID) // it may move notes, or wait for what moves them
}

// results answers what the server has asked about since the last beat.
func (p *Platform) results() (out []access.CommandResult) {
	p.mu.Lock()
	asked := p.asked
	p.asked = nil
	p.mu.Unlock()
	p.led.Read(func(b *book.Book) {
		for _, id := range asked {
			if o, ok := b.FindOrder(id); ok && o.Done {
				out = append(out, access.CommandResult{ID: id, Done: o.OK, Note: o.Note})
			}
		}
	})
	return out
}

// carryOut does an order that is open. One about money waits until no customer is served; the
// server's next word brings it up again.
func (p *Platform) carryOut(id string) {
	if !p.ordering.TryLock() {
		return // another is carried out; the server's next word brings this one up again
	}
	defer p.ordering.Unlock()
	var o book.Order
	p.led.Read(func(b *book.Book) { o, _ = b.FindOrder(id) })
	if o.Done {
		return
	}
	if _, open := p.sess.Current(); open && o.Kind != "suspend" && o.Kind != "resume" {
		return
	}
	done, err := p.happened(o)
	if err == nil && !done {
		err = p.order(o.Kind, o.Args)
	}
	if errors.Is(err, errLater) {
		return
	}
	end := book.Order{ID: o.ID, OK: err == nil}
	if err != nil {
		end.Note = err.Error()
		p.log.Error("order", "kind", o.Kind, "id", o.ID, "err", err)
	}
	if err := p.led.Log(ej.OrderDone, ej.Record{}, end); err != nil {
		p.log.Error("journal", "kind", ej.OrderDone, "err", err)
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, id)
	p.mu.Unlock()
	if p.monitor != nil {
		p.monitor.Wake()
	}
}

// happened looks for what an order does among what was written after it: the terminal may have
// stopped between the two. Suspend and resume may be done again.
func (p *Platform) happened(o book.Order) (bool, error) {
	var args struct{ Txn, By string }
	_ = json.Unmarshal(o.Args, &args) // what cannot be read is refused when it is carried out
	if o.Kind == "previousBundle" {
		rec, err := p.bundles.Record()
		if err != nil || rec.Current.Digest == o.From {
			return false, err
		}
		if rec.Refused == o.From {
			return true, nil
		}
		return true, p.refuseBundle(o.From)
	}
	for after := o.Seq; ; {
		raw, err := p.led.Since(after, 500)
		if err != nil || len(raw) == 0 {
			return false, err
		}
		for _, b := range raw {
			var r ej.Record
			if err := json.Unmarshal(b, &r); err != nil {
				return false, err
			}
			var d book.CountsData
			after = r.Seq
			switch {
			case r.Kind == ej.KeyLoaded && o.Kind == "loadKey":
				return true, nil
			case r.Kind == ej.Resolved && o.Kind == "resolve" && r.Txn == args.Txn:
				return true, nil
			case r.Kind != ej.Counts || json.Unmarshal(r.Data, &d) != nil || d.By != args.By || d.Exchange != nil:
			case o.Kind == "setCounts" && len(d.Units) > 0, o.Kind == "boxEmptied" && d.BoxEmptied:
				return true, nil
			}
		}
	}
}

// refuseBundle: the server still assigns the version that was left; without this the next beat
// would bring it back.
func (p *Platform) refuseBundle(digest string) error {
	return p.bundles.Refuse(digest, "taken back by people")
}

// service takes the counter out of service for people, or back; it stays so through a restart.
func (p *Platform) service(out bool, by string) error {
	var is bool
	p.led.Read(func(b *book.Book) { is = b.Out })
	if is != out {
		if err := p.led.Log(ej.Service, ej.Record{}, book.ServiceData{Out: out, By: by}); err != nil {
			return err
		}
	}
	p.counter.Suspend("operator", out)
	return nil
}
