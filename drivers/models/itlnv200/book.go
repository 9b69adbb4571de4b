package itlnv200

import (
	"encoding/binary"
	"fmt"
	"path/filepath"

	"zhigui/drivers/internal/cashbook"
	"zhigui/drivers/internal/record"
)

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

// notes is how many were asked for.
func (p *payment) notes() (n int) {
	for _, k := range p.Asked {
		n += k
	}
	return n
}

// book is what must survive the process: beside the cash-in transaction what the device's
// counters said when the books and the device last agreed, and a payout under way.
type book struct {
	cashbook.Book
	Base    counters `json:"base"`
	Arrived int      `json:"arrived"` // notes booked as stacked or stored since Base
	Stored  int      `json:"stored"`  // of these, stored
	Based   bool     `json:"based"`
	Pay     *payment `json:"pay,omitempty"`
	path    string
}

const bookFile = "cashin.json"

func openBook(dir string) (*book, error) {
	b := &book{path: filepath.Join(dir, bookFile)}
	return b, record.Load(b.path, b)
}

func (b *book) save() error { return record.Save(b.path, b) }

// rest books that the note on its way has reached cash box or store.
func (b *book) rest(stored bool) {
	b.Arrived++
	if stored {
		b.Stored++
	}
	b.Rest(stored)
}

// taken books a note in escrow. One that was credited before it is at rest by then.
func (b *book) taken(id string) {
	if b.Current != nil && b.Current.Stage == cashbook.Credited {
		b.rest(false)
	}
	b.Taken(id)
}
