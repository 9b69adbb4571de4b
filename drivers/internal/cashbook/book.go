// Package cashbook is what a driver of a note acceptor with an escrow of one note must not
// forget: the newest cash-in transaction and the note on its way. The driver saves it before
// it acts on it. Only drivers/models import it.
package cashbook

import (
	"fmt"

	"zhigui/drivers/api/cash"
)

// Where the note on its way is.
const (
	Held      = "held"      // in escrow
	Leaving   = "leaving"   // its acceptance has been ordered
	Returning = "returning" // its return has been ordered
	Credited  = "credited"  // the device gave the credit, the note is not at rest yet
)

// Unnamed is the type of a note in escrow whose report the driver did not see.
const Unnamed = "unrecognized"

// Note is the one note between mouth and stacker.
type Note struct {
	Type  string `json:"type"`
	Stage string `json:"stage"`
}

// Book is the memory. A driver that has more to remember embeds it and saves the whole.
type Book struct {
	Status  string           `json:"status"`
	Start   cash.CashInStart `json:"start"`
	Notes   cash.Deposited   `json:"notes"`
	Current *Note            `json:"current,omitempty"`
	Off     map[string]bool  `json:"off,omitempty"` // note types that ConfigureNoteTypes switched off

	// Types are the note types of the dataset; the driver sets them.
	Types map[string]cash.NoteType `json:"-"`
}

// change edits the notes of one type.
func (b *Book) change(id string, f func(*cash.NoteMoved)) {
	if b.Notes.Types == nil {
		b.Notes.Types = map[string]cash.NoteMoved{}
	}
	m := b.Notes.Types[id]
	m.Currency, m.Value = b.Types[id].Currency, b.Types[id].Value
	f(&m)
	if m.Escrow+m.Credited+m.Returned+m.Cashbox+m.Recycled == 0 {
		delete(b.Notes.Types, id)
		return
	}
	b.Notes.Types[id] = m
}

// Taken: a note is in escrow. A second report of the same note may name it better; one that
// was credited is at rest, because another has its place.
func (b *Book) Taken(id string) {
	if b.Current != nil && b.Current.Stage == Credited {
		b.Rest(false)
	}
	if b.Current != nil {
		b.Rename(id)
		return
	}
	if id == "" {
		id = Unnamed
	}
	b.Current = &Note{Type: id, Stage: Held}
	b.change(id, func(m *cash.NoteMoved) { m.Escrow++ })
}

// Rename gives the note on its way the type that the device now names, unless the credit has
// been booked already.
func (b *Book) Rename(id string) {
	c := b.Current
	if id == "" || id == Unnamed || c == nil || c.Type == id || c.Stage == Credited {
		return
	}
	b.change(c.Type, func(m *cash.NoteMoved) { m.Escrow-- })
	b.change(id, func(m *cash.NoteMoved) { m.Escrow++ })
	c.Type = id
}

// Order says what is ordered to happen to the note on its way. False: it has been credited, and
// nothing can be ordered any more.
func (b *Book) Order(stage string) bool {
	if b.Current == nil || b.Current.Stage == Credited {
		return false
	}
	b.Current.Stage = stage
	return true
}

// Credit: the note on its way cannot come back.
func (b *Book) Credit() {
	c := b.Current
	if c == nil || c.Stage == Credited {
		return
	}
	c.Stage = Credited
	b.change(c.Type, func(m *cash.NoteMoved) { m.Escrow--; m.Credited++ })
	if _, named := b.Types[c.Type]; !named {
		b.Notes.Unknown = true // it is kept, and nobody knows what it is worth
	}
}

// Rest: the note on its way has reached the cash box or a recycle unit. One that nobody knew
// of makes the numbers unknown.
func (b *Book) Rest(stored bool) {
	b.Credit()
	c := b.Current
	if c == nil {
		b.Notes.Unknown = true
		return
	}
	b.change(c.Type, func(m *cash.NoteMoved) {
		if stored {
			m.Recycled++
		} else {
			m.Cashbox++
		}
	})
	b.Current, b.Notes.Uncounted = nil, false
}

// Back: a note is at the mouth or with the customer. One that never was in escrow is a
// refused item; a credited one cannot come back.
func (b *Book) Back() {
	c := b.Current
	switch {
	case c == nil:
		b.Notes.Refused++
	case c.Stage == Credited:
		b.Notes.Unknown = true
	default:
		b.change(c.Type, func(m *cash.NoteMoved) { m.Escrow--; m.Returned++ })
		b.Notes.Uncounted = false
	}
	b.Current = nil
}

// Inside is how many notes count against the transaction's limits.
func (b *Book) Inside() int {
	return b.Notes.Count(func(m cash.NoteMoved) int { return m.Escrow + m.Credited })
}

// Full reports whether the transaction has as many notes as it may.
func (b *Book) Full() bool {
	return b.Start.TotalItemsLimit > 0 && b.Inside() >= b.Start.TotalItemsLimit
}

// Over is why the note in escrow is more than the transaction wants, or "".
func (b *Book) Over() string {
	if b.Start.TotalItemsLimit > 0 && b.Inside() > b.Start.TotalItemsLimit {
		return cash.RefuseLimitItems
	}
	t := b.Types[b.Current.Type]
	for _, l := range b.Start.AmountLimit {
		sum := int64(0)
		for _, m := range b.Notes.Types {
			if m.Currency == t.Currency {
				sum += int64(m.Escrow+m.Credited) * m.Value
			}
		}
		if l.Currency == t.Currency && sum > l.Value {
			return cash.RefuseLimitAmount
		}
	}
	return ""
}

// Configure switches note types on and off; an unknown one is refused by name.
func (b *Book) Configure(r cash.ConfigureNoteTypes) error {
	for _, i := range r.Items {
		if _, ok := b.Types[i.Item]; !ok {
			return fmt.Errorf("the dataset has no note type %q", i.Item)
		}
	}
	if b.Off == nil {
		b.Off = map[string]bool{}
	}
	for _, i := range r.Items {
		b.Off[i.Item] = !i.Enabled
	}
	return nil
}

// NoteTypes are the types as the status shows them.
func (b *Book) NoteTypes() map[string]cash.NoteType {
	out := map[string]cash.NoteType{}
	for id, t := range b.Types {
		t.Enabled = !b.Off[id]
		out[id] = t
	}
	return out
}
