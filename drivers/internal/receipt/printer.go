package receipt

import (
	"context"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// Options are a model's.
type Options struct {
	Env  sdk.Env
	Mode serialport.Mode
	Poll time.Duration
	Busy time.Duration // the longest that a question may take
	// Hear takes what comes off the front of the bytes and answers how many it took.
	Hear func([]byte) int
	// Look asks for the status, under the line lock, and notes it.
	Look func() (State, error)
	// Wake is what a printer forgets without power.
	Wake func() []byte
}

// Printer is the part of a receipt printer's driver that is about its line and its status: a model embeds it
// and adds its bytes.
type Printer struct {
	o    Options
	Line *line.Line // one exchange or job at a time

	mu     sync.Mutex
	online bool
	seen   State
	known  bool
	had    bool // a ticket lay at the exit
	sent   bool // the printer itself takes it away
}

// Setup gives the model's options, before Open.
func (p *Printer) Setup(o Options) { p.o = o }

// Open opens the port and asks for the status. It prints nothing.
func (p *Printer) Open(context.Context) error {
	var err error
	if p.Line, err = line.Open(p.o.Env.Port, p.o.Mode, p.o.Env.Heart); err != nil {
		return err
	}
	p.Line.Listen(p.o.Env.Go, true, p.o.Hear)
	defer p.Take(0)()
	if _, err := p.o.Look(); err != nil {
		return fmt.Errorf("printer: %w", err)
	}
	p.Line.Poll(p.o.Env.Go, line.Every(p.o.Poll), p.o.Busy, func() { _, _ = p.o.Look() })
	return nil
}

// Close implements sdk.Driver.
func (p *Printer) Close() error { return p.Line.Close() }

// Identity implements sdk.Driver; the languages have no serial number that all makers give.
func (p *Printer) Identity() (string, string) { return "", "" }

// Take takes the line for a job of that length.
func (p *Printer) Take(job time.Duration) (release func()) { return p.Line.Take(job + p.o.Busy) }

// Leaving says that what leaves the exit now is not taken by the customer.
func (p *Printer) Leaving(on bool) {
	p.mu.Lock()
	p.sent = on
	p.mu.Unlock()
}

// Note remembers a status, or that there is none, and tells what changed; back says that the printer
// has drawn the ticket in. A printer that was away gets its settings again.
func (p *Printer) Note(s State, back bool, err error) error {
	p.mu.Lock()
	was := p.online
	p.online = err == nil
	var taken, low bool
	if err == nil {
		taken = p.had && !s.Exit && !p.sent && !back
		low = p.known && (s.Near && !p.seen.Near || s.End && !p.seen.End)
		p.seen, p.known, p.had = s, true, s.Exit
	}
	p.mu.Unlock()
	p.o.Env.StatusChanged()
	if taken {
		p.o.Env.Event(printer.EvMediaTaken, nil)
	}
	if low {
		p.o.Env.Event(printer.EvPaperThreshold, map[string]string{"paperSource": "upper", "threshold": s.Roll()})
	}
	if err == nil && !was {
		err = p.Line.Write(p.o.Wake())
	}
	return err
}

// Recover says whether a ticket lies at the exit.
func (p *Printer) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	defer p.Take(0)()
	s, err := p.o.Look()
	if err != nil {
		return api.Recovery{}, fmt.Errorf("printer: %w", err)
	}
	return s.Recovery(), nil
}

// Status implements sdk.Driver.
func (p *Printer) Status() map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Status(p.online)
}

// Job decodes what is to be printed: raw bytes as they are, a receipt by render, with cut behind it where
// it asks for one. refused is nil when there is a job.
func Job(cmd api.Command, render func(printer.Receipt) ([]byte, error), cut []byte) (data []byte, cuts bool, refused *api.Completion) {
	no := func(c api.Completion) ([]byte, bool, *api.Completion) { return nil, false, &c }
	if cmd.Name == printer.CmdPrintRaw {
		var r printer.PrintRaw
		if err := sdk.Decode(cmd, &r); err != nil {
			return no(sdk.BadPayload(err))
		}
		if len(r.Data) == 0 {
			return no(api.Refuse(api.InvalidData, "data is empty"))
		}
		return r.Data, false, nil
	}
	var r printer.Receipt
	if err := sdk.Decode(cmd, &r); err != nil {
		return no(sdk.BadPayload(err))
	}
	data, err := render(r)
	if err != nil {
		return no(sdk.BadPayload(err))
	}
	if r.Cut {
		data = append(data, cut...)
	}
	return data, r.Cut, nil
}

// Unsure is the completion of a job after which nobody knows how much is on the paper.
func Unsure(err error) *api.Completion {
	return &api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: fmt.Sprintf("it is not known how much was printed: %v", err)}
}

// piece is how much is written at once.
const piece = 256

// Send writes a job in pieces.
func (p *Printer) Send(data []byte) error {
	for len(data) > 0 {
		n := min(piece, len(data))
		if err := p.Line.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
