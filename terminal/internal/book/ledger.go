package book

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/journal"
)

// Ledger is a book whose every change is in the journal first. Safe for concurrent use.
type Ledger struct {
	mu   sync.Mutex
	book Book
	w    *journal.Writer
	// OnRecord is told of each record that was written, in order; set it before use.
	OnRecord func(ej.Record)
}

// Open opens the journal in dir and folds it into a book.
func Open(dir string, opt journal.Options) (*Ledger, error) {
	l := &Ledger{}
	opt.Snapshot = func() (json.RawMessage, error) { return json.Marshal(&l.book) }
	w, err := journal.Open(dir, opt, l.book.Apply)
	if err != nil {
		return nil, err
	}
	l.w = w
	return l, nil
}

// Log checks the record against the book, writes it durably and applies it. Nothing it
// says may be done before it returns nil.
func (l *Ledger) Log(kind ej.Kind, r ej.Record, data any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Kind = kind
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			return fmt.Errorf("journal %s: %w", kind, err)
		}
		r.Data = b
	}
	if err := l.check(r); err != nil {
		return err
	}
	written, err := l.w.Append(r)
	if err != nil {
		return err
	}
	if err := l.book.Apply(written); err != nil {
		return fmt.Errorf("journal %s was written but does not apply: %w", kind, err)
	}
	if l.OnRecord != nil {
		l.OnRecord(written)
	}
	return nil
}

// check applies the record to a copy of what it touches.
func (l *Ledger) check(r ej.Record) error {
	trial := Book{Txns: map[string]*Txn{}, Units: map[string]*Unit{}, Stock: maps.Clone(l.book.Stock), Tickets: maps.Clone(l.book.Tickets), Orders: slices.Clone(l.book.Orders), Broken: slices.Clone(l.book.Broken)}
	if t := l.book.Txns[r.Txn]; t != nil {
		c := *t
		trial.Txns[r.Txn] = &c
	}
	return trial.Apply(r)
}

// Settle writes down what the server must be told about a transaction, if nothing moves any
// more and it is not written yet. It reports whether there is something to tell now.
func (l *Ledger) Settle(txn, device string) (Decision, bool, error) {
	t, ok := l.Txn(txn)
	if !ok || t.Settle != SettleNone {
		return Decision{}, false, nil
	}
	d, ok := Decide(t)
	if !ok || d.Settle == SettleNone {
		return Decision{}, false, nil
	}
	kind := map[Settle]ej.Kind{SettleCommit: ej.Commit, SettleReverse: ej.Reverse, SettleSuspense: ej.Suspense}[d.Settle]
	err := l.Log(kind, ej.Record{Txn: txn, Op: t.Op, Device: device, Session: t.Session}, SettleData{Paid: d.Paid, Reason: d.Reason})
	return d, err == nil, err
}

// Read calls f with the book; f must not keep or change it.
func (l *Ledger) Read(f func(b *Book)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.book)
}

// Txn returns a copy of one transaction.
func (l *Ledger) Txn(id string) (Txn, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.book.Txns[id]
	if t == nil {
		return Txn{}, false
	}
	return *t, true
}

// Since returns record bodies for the upload to the server.
func (l *Ledger) Since(after uint64, max int) ([]json.RawMessage, error) {
	return l.w.Since(after, max)
}

// Last is the sequence number of the newest record.
func (l *Ledger) Last() uint64 { return l.w.Last() }

// Close closes the journal.
func (l *Ledger) Close() error { return l.w.Close() }
