package counter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

// PassbookID is the device id, and the service, of the passbook printer.
const PassbookID = "passbook"

// folio is the passbook inside, as its stripe says: its account, the line printed last on its
// page, and the number of the account's line that it is. ready: its stripe was read. It is not the
// session's card, and no card is it: each has its own account.
type folio struct {
	account   string
	line, seq int
	ready     bool
}

// A page has 24 lines; the first two are its head.
const (
	pageLines = 24
	firstLine = 3
)

// parseStripe reads a passbook's stripe: account=line=number, digits (our own layout: banks
// have theirs).
func parseStripe(data string) (f folio, err error) {
	p := strings.Split(data, "=")
	if len(p) != 3 || len(p[0]) < 13 || len(p[0]) > 19 {
		return folio{}, errors.New("not a passbook of this bank")
	}
	var bad [2]error
	f.line, bad[0] = strconv.Atoi(p[1])
	f.seq, bad[1] = strconv.Atoi(p[2])
	if errors.Join(bad[:]...) != nil || strings.Trim(p[0], "0123456789") != "" || f.line < 0 || f.line > pageLines || f.seq < 0 {
		return folio{}, errors.New("the passbook's stripe is damaged")
	}
	f.account, f.ready = p[0], true
	return f, nil
}

func (f folio) stripe() string {
	return fmt.Sprintf("%s=%02d=%08d", f.account, f.line, f.seq)
}

// bookLine is one line of an account that is not in the book yet.
type bookLine struct {
	seq             int
	date, kind      string
	sign            string
	amount, balance int64
}

// bookLines reads F62 of a passbook's answer: seq|YYYYMMDD|kind|sign|amount|balance joined by
// ';', then '+' and how many lines more there are.
func bookLines(v string) (lines []bookLine, more int, err error) {
	text, rest, ok := strings.Cut(v, "+")
	if more, err = strconv.Atoi(rest); !ok || err != nil {
		return nil, 0, errors.New("the answer has no lines")
	}
	for _, s := range strings.Split(text, ";") {
		if s == "" {
			continue
		}
		p := strings.Split(s, "|")
		if len(p) != 6 || len(p[1]) != 8 {
			return nil, 0, fmt.Errorf("line %d is not one of a passbook", len(lines)+1)
		}
		l := bookLine{date: p[1], kind: p[2], sign: p[3]}
		var bad [3]error
		l.seq, bad[0] = strconv.Atoi(p[0])
		l.amount, bad[1] = strconv.ParseInt(p[4], 10, 64)
		l.balance, bad[2] = strconv.ParseInt(p[5], 10, 64)
		if err := errors.Join(bad[:]...); err != nil {
			return nil, 0, fmt.Errorf("line %d of the passbook has a number that is none", len(lines)+1)
		}
		lines = append(lines, l)
	}
	return lines, more, nil
}

var bookKinds = map[string]string{"ATM": "取款", "DEP": "存款", "REV": "冲正"}

// on lays a line out: date, kind, amount with its sign, balance; in half-width columns.
func (l bookLine) on(line int) []printer.PassbookLine {
	sign := "-"
	if l.sign == "C" {
		sign = "+"
	}
	kind := bookKinds[l.kind]
	if kind == "" {
		kind = l.kind
	}
	amount, balance := sign+yuan(l.amount), yuan(l.balance)
	return []printer.PassbookLine{
		{Line: line, Column: 1, Text: l.date},
		{Line: line, Column: 10, Text: kind},
		{Line: line, Column: max(1, 30-len(amount)), Text: amount},
		{Line: line, Column: max(1, 45-len(balance)), Text: balance},
	}
}

// yuan is an amount as a passbook shows it.
func yuan(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

func (c *Counter) passbookCommands() map[string]service.Command {
	return map[string]service.Command{
		"X-Passbook.Insert": {Handle: c.insertPassbook},
		"X-Passbook.Update": {Handle: func(ctx context.Context, call *service.Call) api.Completion {
			return c.updatePassbook(ctx, call.Emit)
		}},
		"X-Passbook.Return": {Handle: func(context.Context, *service.Call) api.Completion {
			c.returnPassbook()
			return api.Completion{Outcome: api.Done}
		}},
	}
}

func (c *Counter) passbookOffer() offered {
	if !usable(c.Others[PassbookID].State()) {
		return offered{Reason: "passbookPrinter"}
	}
	return offered{Available: true}
}

// insertPassbook waits for the book and reads its stripe into the session.
func (c *Counter) insertPassbook(ctx context.Context, call *service.Call) api.Completion {
	dev := c.Others[PassbookID]
	s, open := c.Session.Current()
	switch {
	case dev == nil:
		return api.Refuse(api.UnsupportedCommand, "no passbook printer is fitted")
	case !open:
		return api.Refuse(api.SequenceError, "begin a session first")
	}
	if done := runWhenFree(ctx, dev, printer.CmdInsertMedia, nil, call.Emit); done.Outcome != api.Done {
		return done
	}
	done := dev.Run(ctx, printer.CmdReadStripe, nil, nil)
	if done.Outcome != api.Done {
		return api.Fail(api.Failed, printer.ErrStripe, "the passbook's stripe cannot be read")
	}
	var stripe printer.Stripe
	if err := json.Unmarshal(done.Payload, &stripe); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the driver's stripe data does not decode"}
	}
	f, err := parseStripe(stripe.Data)
	if err != nil {
		return api.Fail(api.Failed, printer.ErrStripe, err.Error())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now, open := c.Session.Current(); !open || now.ID != s.ID {
		return api.Refuse(api.SequenceError, "the session has ended")
	}
	c.folio = f
	return service.Done(map[string]any{"account": session.Mask(f.account)})
}

// updatePassbook prints what is not in the book yet: asks for the next lines, prints them, writes
// the stripe, tells the bank, and goes on until there are none. Stripe and bank each know how far
// it went. Printing that broke off, which neither can know, is a person's business: the book is not
// printed into until the staff have said how far it went.
func (c *Counter) updatePassbook(ctx context.Context, emit func(api.Event)) api.Completion {
	c.mu.Lock()
	f := c.folio
	c.mu.Unlock()
	s, open := c.Session.Current()
	if !open || !f.ready {
		return api.Refuse(api.SequenceError, "insert the passbook first")
	}
	p := &bookRun{c: c, dev: c.Others[PassbookID], emit: emit, session: s.ID, f: f, on: f}
	out := p.run(context.WithoutCancel(ctx))
	c.mu.Lock()
	if now, open := c.Session.Current(); open && now.ID == s.ID && c.folio.ready { // not given back meanwhile
		c.folio = p.f
	}
	c.mu.Unlock()
	out["printed"] = p.printed
	return service.Done(out)
}

// bookRun is one update of a passbook.
type bookRun struct {
	c       *Counter
	dev     *device.Device
	emit    func(api.Event)
	session string
	f       folio // how far it is printed
	on      folio // what its stripe says
	printed int
}

// run answers the outcome: updated, nothing, or why it ended before: declined, notSent, unknown
// (the bank), pageNotTurned, unclear (the staff must look at the book first), failed (the printer;
// the lines that were printed are in the book).
func (p *bookRun) run(ctx context.Context) map[string]any {
	if why := p.goesOn(ctx); why != "" {
		return map[string]any{"outcome": why}
	}
	for {
		res := p.ask(ctx, "passbook")
		if res.Host != book.HostApproved {
			return p.c.reply(res)
		}
		lines, more, err := bookLines(string(res.Private))
		if err != nil {
			p.c.Log.Error("passbook", "err", err)
			return map[string]any{"outcome": "unknown"}
		}
		if len(lines) == 0 {
			if p.printed == 0 {
				return map[string]any{"outcome": "nothing"}
			}
			return map[string]any{"outcome": "updated"}
		}
		if why := p.print(ctx, lines); why != "" {
			return map[string]any{"outcome": why}
		}
		p.ask(ctx, "passbookPrinted") // if it is not told, the stripe says so the next time
		if more == 0 {
			return map[string]any{"outcome": "updated"}
		}
	}
}

// ask asks the bank, or tells it, how far the book goes.
func (p *bookRun) ask(ctx context.Context, kind string) hostlink.Result {
	res := p.c.Link.Transact(ctx, hostlink.Request{Type: kind, Card: session.Card{PAN: p.f.account}, Session: p.session, Private: []byte(strconv.Itoa(p.f.seq))})
	if res.Err != nil {
		p.c.Log.Warn("passbook: no result", "type", kind, "txn", res.Txn, "outcome", res.Host, "err", res.Err)
	}
	return res
}

// print puts the lines onto the pages; the stripe is written after each page's.
func (p *bookRun) print(ctx context.Context, lines []bookLine) (why string) {
	for len(lines) > 0 {
		if p.f.line >= pageLines {
			if why := p.turn(ctx); why != "" {
				return why
			}
		}
		at := max(p.f.line+1, firstLine)
		now := lines[:min(len(lines), pageLines-at+1)]
		var out printer.Passbook
		for i, l := range now {
			out.Lines = append(out.Lines, l.on(at+i)...)
		}
		last := now[len(now)-1].seq
		entry := p.entry()
		entry.From, entry.To, entry.At = now[0].seq, last, at
		if err := p.log(ej.BookPrinting, entry); err != nil {
			return "failed"
		}
		p.tell(map[string]any{"phase": "printing", "lines": len(now)})
		if done := p.dev.Run(ctx, printer.CmdPrintPassbook, out, nil); done.Outcome != api.Done {
			if done.Outcome == api.NotStarted {
				entry.Not = true
				_ = p.log(ej.BookPrinted, entry) // what it says is logged there
			} else {
				p.c.Alarm("passbookUnclear", fmt.Sprintf("lines %d to %d of a passbook may be printed in part: %s", now[0].seq, last, done.Description), "")
			}
			return "failed"
		}
		p.f.line, p.f.seq = at+len(now)-1, last
		p.printed += len(now)
		lines = lines[len(now):]
		if done := p.dev.Run(ctx, printer.CmdWriteStripe, printer.Stripe{Data: p.f.stripe()}, nil); done.Outcome != api.Done {
			p.ask(ctx, "passbookPrinted") // the bank is told, as the book cannot be
			entry.OnLine, entry.OnSeq, entry.By = p.f.line, last, book.Platform
			_ = p.log(ej.BookSet, entry)
			p.c.Alarm("passbookStripe", "the stripe of a passbook could not be written after printing: "+done.Description, "")
			return "failed"
		}
		p.on = p.f
		if err := p.log(ej.BookPrinted, entry); err != nil {
			return "failed"
		}
	}
	return ""
}

// entry names the book as it is now in the journal.
func (p *bookRun) entry() book.Folio {
	e := book.Folio{Account: session.Mask(p.f.account), Mark: session.Mask(p.f.account), Line: p.on.line, Seq: p.on.seq}
	if p.c.Mark != nil {
		e.Mark = p.c.Mark(p.f.account)
	}
	return e
}

// goesOn puts the stripe right of a book whose printing broke off, once the staff have said how far
// it went.
func (p *bookRun) goesOn(ctx context.Context) (why string) {
	e, broken := p.entry(), false
	p.c.Ledger.Read(func(b *book.Book) {
		var f book.Folio
		if f, broken = b.BrokenFolio(e.Mark, e.Line, e.Seq); broken {
			e = f
		}
	})
	switch {
	case !broken:
		return ""
	case !e.Known:
		return "unclear"
	}
	p.f.line, p.f.seq = e.OnLine, e.OnSeq
	if done := p.dev.Run(ctx, printer.CmdWriteStripe, printer.Stripe{Data: p.f.stripe()}, nil); done.Outcome != api.Done {
		p.c.Alarm("passbookStripe", "the stripe of a passbook could not be put right: "+done.Description, "")
		return "failed"
	}
	p.on = p.f
	if err := p.log(ej.BookPrinted, e); err != nil {
		return "failed"
	}
	if e.OnSeq > e.Seq {
		p.ask(ctx, "passbookPrinted")
	}
	return ""
}

// turn has the customer turn the page.
func (p *bookRun) turn(ctx context.Context) string {
	wait, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	if done := p.dev.Run(wait, printer.CmdControlPassbook, printer.ControlPassbook{Action: "forward", Count: 1}, p.emit); done.Outcome != api.Done {
		return "pageNotTurned"
	}
	p.f.line = 0
	return ""
}

// turnWait is how long a customer may take to turn the page.
const turnWait = 60 * time.Second

func (p *bookRun) tell(v map[string]any) {
	b, _ := json.Marshal(v)
	p.emit(api.Event{Name: "X-Passbook.ProgressEvent", Payload: b})
}

func (p *bookRun) log(kind ej.Kind, data any) error {
	err := p.c.Ledger.Log(kind, ej.Record{Session: p.session, Device: PassbookID}, data)
	if err != nil {
		p.c.Log.Error("journal", "kind", kind, "err", err)
	}
	return err
}

// GiveBackPassbook returns a book that lies inside while no session is open.
func (c *Counter) GiveBackPassbook() {
	if _, open := c.Session.Current(); open {
		return
	}
	c.giving.Lock()
	defer c.giving.Unlock()
	c.returnPassbook()
	var printing bool
	var last string
	c.Ledger.Read(func(b *book.Book) { printing, last = b.Printing, b.OpenSession })
	if !printing {
		return
	}
	c.Alarm("passbookUnclear", "the terminal stopped while it printed into a passbook: the stripe does not say what was printed", "")
	if err := c.Ledger.Log(ej.SessionEnd, ej.Record{Session: last}, map[string]string{"reason": "the terminal stopped"}); err != nil {
		c.Log.Error("journal", "kind", ej.SessionEnd, "err", err)
	}
}

// leftPassbook gives a book back that could not be returned at the end of its session, when the
// printer is there again.
func (c *Counter) leftPassbook() {
	var st printer.Status
	if c.Others[PassbookID].Read("printer", &st); st.Media != "present" || !usable(c.Others[PassbookID].State()) || !c.giving.TryLock() {
		return
	}
	defer c.giving.Unlock()
	if _, open := c.Session.Current(); !open {
		c.returnPassbook()
	}
}

// returnPassbook gives a book back that lies inside.
func (c *Counter) returnPassbook() {
	dev := c.Others[PassbookID]
	c.mu.Lock()
	held := c.folio.ready
	c.mu.Unlock()
	if dev == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if !held { // one whose stripe could not be read, or that came in the last moment
		var st printer.Status
		if dev.Refresh(ctx) != nil {
			return
		}
		dev.Read("printer", &st)
		held = st.Media == "present" || st.Media == "entering"
	}
	if !held {
		return
	}
	if done := runWhenFree(ctx, dev, printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{"eject": true}}, nil); done.Outcome != api.Done && done.ErrorCode != printer.ErrNoMedia {
		c.Alarm("passbookStuck", "a passbook could not be given back: "+done.Description, "")
	}
	c.mu.Lock()
	c.folio = folio{}
	c.mu.Unlock()
}
