package book

import (
	"encoding/json"
	"fmt"

	ej "zhigui/terminal/api/journal"
)

// Ticket is a number of a queue, the data of QUEUE_TICKET.
type Ticket struct {
	Queue  string `json:"queue"` // its prefix
	Day    string `json:"day"`
	Number int    `json:"number"`
}

func (t Ticket) String() string { return fmt.Sprintf("%s%03d", t.Queue, t.Number) }

// NextTicket is the next number of a queue. Numbers begin anew each day; a clock that is set back
// gives none again.
func (b *Book) NextTicket(queue, day string) Ticket {
	last := b.Tickets[queue]
	if day > last.Day {
		last.Number = 0
	} else {
		day = last.Day
	}
	return Ticket{queue, day, last.Number + 1}
}

func (b *Book) ticket(r ej.Record) error {
	var t Ticket
	if err := json.Unmarshal(r.Data, &t); err != nil {
		return err
	}
	if t != b.NextTicket(t.Queue, t.Day) {
		return fmt.Errorf("%w: ticket %s of %s", ErrTransition, t, t.Day)
	}
	if b.Tickets == nil {
		b.Tickets = map[string]Ticket{}
	}
	b.Tickets[t.Queue] = t
	return nil
}
