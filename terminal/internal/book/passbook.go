package book

import (
	"encoding/json"
	"fmt"
	"slices"

	ej "zhigui/terminal/api/journal"
)

// Folio is a passbook whose printing has begun and whose stripe does not say how far it went.
// While it is in the book (Broken) that passbook is not printed into: nobody knows which of the
// lines are there, and the stripe says to print them at the same place. A person's word (Known)
// tells where it goes on.
type Folio struct {
	ID      uint64 `json:"id,omitempty"` // the journal's number of its BOOK_PRINTING
	Account string `json:"account"`      // masked, for people
	Mark    string `json:"mark"`         // tells this account from others with the same mask
	// Line and Seq are what the stripe says.
	Line int `json:"was"`
	Seq  int `json:"wasSeq"`
	// From to To are the account's lines that were to be printed, the first of them on line At.
	From int `json:"from"`
	To   int `json:"to"`
	At   int `json:"line"`
	// Known: the stripe should say OnLine and OnSeq. By is who said so.
	Known  bool   `json:"known,omitempty"`
	OnLine int    `json:"onLine,omitempty"`
	OnSeq  int    `json:"onSeq,omitempty"`
	By     string `json:"by,omitempty"`
	// Not: nothing of it was printed (BOOK_PRINTED only).
	Not bool `json:"not,omitempty"`
}

// keepFolios is how many passbooks wait at most; the oldest is given up.
const keepFolios = 200

// same reports whether f is about the same passbook in the same state.
func (f Folio) same(x Folio) bool { return f.Mark == x.Mark && f.Line == x.Line && f.Seq == x.Seq }

// BrokenFolio finds the entry of a passbook by the mark of its account and what its stripe says.
func (b *Book) BrokenFolio(mark string, line, seq int) (Folio, bool) {
	i := slices.IndexFunc(b.Broken, func(f Folio) bool { return f.same(Folio{Mark: mark, Line: line, Seq: seq}) })
	if i < 0 {
		return Folio{}, false
	}
	return b.Broken[i], true
}

func (b *Book) folio(r ej.Record) error {
	var f Folio
	if len(r.Data) > 0 {
		if err := json.Unmarshal(r.Data, &f); err != nil {
			return err
		}
	}
	at := slices.IndexFunc(b.Broken, f.same)
	switch {
	case r.Kind == ej.BookPrinting:
		b.Printing, f.ID = true, r.Seq
		if at >= 0 {
			b.Broken = slices.Delete(b.Broken, at, at+1)
		}
		b.Broken = append(b.Broken, f)
		b.Broken = b.Broken[max(0, len(b.Broken)-keepFolios):]
	case r.Kind == ej.BookPrinted:
		b.Printing = false
		if at >= 0 {
			b.Broken = slices.Delete(b.Broken, at, at+1)
		}
	case at < 0:
		return fmt.Errorf("%w: no such passbook waits", ErrTransition)
	case f.OnSeq < b.Broken[at].From-1 || f.OnSeq > b.Broken[at].To || f.OnLine < b.Broken[at].At-1 || f.OnLine > b.Broken[at].At+b.Broken[at].To-b.Broken[at].From ||
		f.OnLine-(b.Broken[at].At-1) < f.OnSeq-(b.Broken[at].From-1):
		return fmt.Errorf("%w: line %d with number %d is not where it was printed", ErrTransition, f.OnLine, f.OnSeq)
	default: // BOOK_SET
		x := &b.Broken[at]
		x.Known, x.OnLine, x.OnSeq, x.By = true, f.OnLine, f.OnSeq, f.By
	}
	return nil
}
