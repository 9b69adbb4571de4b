package itlnv200

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zhigui/drivers/api/cash"
)

// Where the note on its way is.
const (
	stageHeld      = "held"      // in escrow
	stageLeaving   = "leaving"   // its acceptance has been ordered
	stageReturning = "returning" // its return has been ordered
	stageCredited  = "credited"  // the device gave the credit, the note is not at rest yet
)

// unnamed is a note in escrow whose report the driver did not see.
const unnamed = "unrecognized"

// note is the one note between mouth and stacker.
type note struct {
	Type  string `json:"type"`
	Stage string `json:"stage"`
}

// counters are the device's activity counters (58); they survive a power loss.
type counters struct {
	Stacked     uint32 `json:"stacked"`
	Stored      uint32 `json:"stored"`
	Dispensed   uint32 `json:"dispensed"`
	Transferred uint32 `json:"transferred"`
}

func parseCounters(b []byte) (c counters, err error) {
	if len(b) < 17 || b[0] < 4 {
		return c, fmt.Errorf("%w: counters of %d bytes", errLayout, len(b))
	}
	for i, p := range []*uint32{&c.Stacked, &c.Stored, &c.Dispensed, &c.Transferred} {
		*p = binary.LittleEndian.Uint32(b[1+4*i:])
	}
	return c, nil
}

func (c counters) kept(since counters) int {
	return int(int32(c.Stacked - since.Stacked + c.Stored - since.Stored))
}

// payment is a payout under way and what the device held before it.
type payment struct {
	Levels   map[string]int `json:"levels"`
	Counters counters       `json:"counters"`
	Asked    map[string]int `json:"asked"` // by note type
	Empty    bool           `json:"empty,omitempty"`
}

// book is what must survive the process: the newest cash-in transaction, the note on its
// way, and what the device's counters said when the books and the device last agreed. It is
// on the disk before the driver acts on it.
type book struct {
	Status  string           `json:"status"`
	Start   cash.CashInStart `json:"start"`
	Notes   cash.Deposited   `json:"notes"`
	Current *note            `json:"current,omitempty"`
	Base    counters         `json:"base"`
	Arrived int              `json:"arrived"` // notes booked as stacked or stored since Base
	Stored  int              `json:"stored"`  // of these, stored
	Based   bool             `json:"based"`
	Pay     *payment         `json:"pay,omitempty"`
	Off     map[string]bool  `json:"off,omitempty"` // note types that ConfigureNoteTypes switched off
	path    string
}

const bookFile = "cashin.json"

func openBook(dir string) (*book, error) {
	b := &book{path: filepath.Join(dir, bookFile), Off: map[string]bool{}}
	raw, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, b)
	}
	if err != nil {
		return nil, fmt.Errorf("cash-in book: %w", err)
	}
	if b.Off == nil {
		b.Off = map[string]bool{}
	}
	return b, nil
}

// save replaces the file; it is on the disk when save returns.
func (b *book) save() error {
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	tmp := b.path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cash-in book: %w", err)
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, b.path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(b.path))
	}
	if err != nil {
		return fmt.Errorf("cash-in book: %w", err)
	}
	return nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// change edits the notes of one type.
func (b *book) change(id string, t cash.NoteType, f func(*cash.NoteMoved)) {
	if b.Notes.Types == nil {
		b.Notes.Types = map[string]cash.NoteMoved{}
	}
	m := b.Notes.Types[id]
	m.Currency, m.Value = t.Currency, t.Value
	f(&m)
	if m.Escrow+m.Credited+m.Returned == 0 && m.Cashbox+m.Recycled == 0 {
		delete(b.Notes.Types, id)
		return
	}
	b.Notes.Types[id] = m
}

// rename gives the note on its way the type that the device now names.
func (d *driver) rename(id string) {
	c := d.book.Current
	if id == "" || c == nil || c.Type == id {
		return
	}
	old := c.Type
	d.book.change(old, d.types[old], func(m *cash.NoteMoved) { m.Escrow-- })
	d.book.change(id, d.types[id], func(m *cash.NoteMoved) { m.Escrow++ })
	c.Type = id
}

// taken: a note is in escrow.
func (d *driver) taken(id string) {
	if d.book.Current != nil {
		d.rename(id)
		return
	}
	d.book.Current = &note{Type: id, Stage: stageHeld}
	d.book.change(id, d.types[id], func(m *cash.NoteMoved) { m.Escrow++ })
}

// credit: the note on its way cannot come back.
func (d *driver) credit() {
	c := d.book.Current
	if c == nil || c.Stage == stageCredited {
		return
	}
	c.Stage = stageCredited
	d.book.change(c.Type, d.types[c.Type], func(m *cash.NoteMoved) { m.Escrow--; m.Credited++ })
}

// rest: the note on its way has reached cash box or store.
func (d *driver) rest(stored bool) {
	d.credit()
	c := d.book.Current
	d.book.Arrived++
	if stored {
		d.book.Stored++
	}
	if c == nil {
		d.book.Notes.Unknown = true // a note nobody knew of
		return
	}
	d.book.change(c.Type, d.types[c.Type], func(m *cash.NoteMoved) {
		if stored {
			m.Recycled++
		} else {
			m.Cashbox++
		}
	})
	d.book.Current, d.book.Notes.Uncounted = nil, false
}

// back: the note on its way is at the mouth or with the customer. One that never was in
// escrow is a refused item.
func (d *driver) back() {
	c := d.book.Current
	switch {
	case c == nil:
		d.book.Notes.Refused++
	case c.Stage == stageCredited: // the device said that this cannot happen
		d.book.Notes.Unknown = true
		d.book.Current = nil
	default:
		d.book.change(c.Type, d.types[c.Type], func(m *cash.NoteMoved) { m.Escrow--; m.Returned++ })
		d.book.Current = nil
		d.book.Notes.Uncounted = false
	}
}
