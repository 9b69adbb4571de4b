package robot

import (
	"context"
)

// visit is one session of a flow; do gets its links.
func (d Desk) visit(ctx context.Context, flow string, do func(s services) error) error {
	s, _, end, err := d.begin(ctx, flow)
	if err != nil {
		return err
	}
	defer end()
	if err := do(s); err != nil {
		return err
	}
	return s.platform.Call(ctx, "X-Session.End", obj{"reason": "done"}, nil)
}

// print has the platform print a form.
func (d Desk) print(ctx context.Context, form string, fields obj) error {
	p, err := Dial(ctx, d.XFS, "printer", d.Token)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Call(ctx, "Printer.PrintForm", obj{"formName": form, "fields": fields}, nil)
}

// Enquire asks for the balance or the statement of a card; with form it is printed, too.
func (d Desk) Enquire(ctx context.Context, card, pin, kind, form string) (outcome string, err error) {
	return outcome, d.visit(ctx, kind, func(s services) error {
		if err := d.identify(ctx, s, card, pin); err != nil {
			return err
		}
		var res struct{ Outcome, Reference string }
		if err := s.platform.Call(ctx, "X-Host.Transact", obj{"type": kind}, &res); err != nil {
			return err
		}
		outcome = res.Outcome
		if form != "" {
			if err := d.print(ctx, form, obj{"title": form, "reference": res.Reference}); err != nil {
				return err
			}
		}
		return d.returnCard(ctx, s)
	})
}

// Ticket takes a number of a queue.
func (d Desk) Ticket(ctx context.Context, queue string) (number string, printed bool, err error) {
	var res struct {
		Number  string
		Printed bool
	}
	err = d.visit(ctx, "ticket", func(s services) error {
		return s.platform.Call(ctx, "X-Queue.Take", obj{"queue": queue}, &res)
	})
	return res.Number, res.Printed, err
}

// Fill fills in a form for the person whose identity card has that name.
func (d Desk) Fill(ctx context.Context, person, business, phone string) error {
	return d.visit(ctx, "formFill", func(s services) error {
		if err := d.showIdentity(ctx, s, person); err != nil {
			return err
		}
		return d.print(ctx, "application", obj{"business": business, "phone": phone, "holder": "somebody else"})
	})
}

// Sign signs a document on the glass, for the person whose identity card has that name.
func (d Desk) Sign(ctx context.Context, person, document string) error {
	return d.visit(ctx, "sign", func(s services) error {
		if err := d.showIdentity(ctx, s, person); err != nil {
			return err
		}
		return s.sign(ctx, document)
	})
}

// strokes are those of a signature.
func strokes() [][][4]int {
	out := [][][4]int{{}}
	for i := range 20 {
		out[0] = append(out[0], [4]int{100 + 30*i, 300 + 20*(i%5), 15 * i, 500})
	}
	return out
}
