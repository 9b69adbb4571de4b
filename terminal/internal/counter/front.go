package counter

import (
	"context"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// Queue is a line of waiting customers.
type Queue struct {
	Prefix string `json:"prefix"`
	Name   Text   `json:"name"`
}

// day names the day of a queue's numbers.
const day = "2006-01-02"

// takeTicket gives the customer the next number of a queue and prints it. The number is in the
// journal before it is shown, so that no two customers have the same; one that could not be
// printed is on the screen.
func (c *Counter) takeTicket(ctx context.Context, call *service.Call) api.Completion {
	var req struct{ Queue string }
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	i := slices.IndexFunc(c.Info.Queues, func(q Queue) bool { return q.Prefix == req.Queue })
	s, open := c.Session.Current()
	switch {
	case i < 0 || !c.offers()["ticket"].Available:
		return api.Refuse(api.InvalidData, "no such queue")
	case !open:
		return api.Refuse(api.SequenceError, "begin a session first")
	}
	c.ticketing.Lock()
	defer c.ticketing.Unlock()
	var t book.Ticket
	c.Ledger.Read(func(b *book.Book) { t = b.NextTicket(req.Queue, time.Now().Format(day)) })
	if err := c.Ledger.Log(ej.QueueTicket, ej.Record{Session: s.ID}, t); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written")
	}
	name := c.Info.Queues[i].Name
	text := name.ZH
	if s.Lang == "en" {
		text = name.EN
	}
	r, err := c.Forms.Compose("ticket", s.Lang, map[string]any{"number": t.String(), "queue": text, "terminal": c.Info.Terminal, "time": time.Now().Format("2006-01-02 15:04")})
	if err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	done := c.Printer.Run(context.WithoutCancel(ctx), printer.CmdPrintReceipt, r, call.Emit)
	return service.Done(map[string]any{"number": t.String(), "printed": done.Outcome == api.Done})
}

// formOffer says whether forms can be filled in.
func (c *Counter) formOffer() offered {
	switch {
	case !usable(c.Others[IDReaderID].State()):
		return offered{Reason: "idReader"}
	case !usable(c.Printer.State()):
		return offered{Reason: "printer"}
	}
	return offered{Available: true}
}
