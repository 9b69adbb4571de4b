package operator

import (
	"fmt"
	"maps"
	"slices"

	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// Found is what a person found in a cash unit and did with it, in notes.
type Found struct {
	Counted int `json:"counted"`
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

// Image is a cash unit before and after an exchange.
type Image struct {
	Unit   string            `json:"unit"`
	Before book.Unit         `json:"before"`
	After  book.Unit         `json:"after"`
	Line   book.ExchangeLine `json:"line"`
	// Difference is counted minus booked, in notes: somebody has to explain it.
	Difference int `json:"difference"`
}

// Exchange is clear and replenish (清机加钞): the counts that a person found become the book's,
// with the images before and after in the journal and on a slip. Nothing is changed if any
// figure is impossible.
func (d *Desk) Exchange(by string, found map[string]Found) ([]Image, error) {
	units := map[string]book.Unit{}
	lines := map[string]book.ExchangeLine{}
	var out []Image
	if d.Busy() {
		return nil, ErrBusy
	}
	var err error
	d.Ledger.Read(func(b *book.Book) {
		for _, t := range b.OpenTxns() {
			if t.Cash.Open() {
				err = &Refused{"notSettled", fmt.Errorf("%s is not settled: its notes may still move", t.ID)}
				return
			}
		}
		for _, id := range slices.Sorted(maps.Keys(found)) {
			f, u := found[id], b.Units[id]
			if u == nil {
				err = fmt.Errorf("there is no cash unit %q", id)
				return
			}
			after := f.Counted + f.Added - f.Removed
			if f.Counted < 0 || f.Added < 0 || f.Removed < 0 || after < 0 {
				err = &Refused{"impossible", fmt.Errorf("cash unit %s: %d found, %d added, %d removed cannot be", id, f.Counted, f.Added, f.Removed)}
				return
			}
			x := Image{Unit: id, Before: *u, Difference: f.Counted - u.Count,
				After: book.Unit{Currency: u.Currency, Value: u.Value, Initial: after, Count: after},
				Line:  book.ExchangeLine{Booked: u.Count, Counted: f.Counted, Added: f.Added, Removed: f.Removed, Rejected: u.Rejected, Retracted: u.Retracted}}
			units[id], lines[id] = x.After, x.Line
			out = append(out, x)
		}
	})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no cash unit is named")
	}
	if err := d.Ledger.Log(ej.Counts, ej.Record{Device: "cash"}, book.CountsData{Units: units, By: by, Exchange: lines}); err != nil {
		return nil, err
	}
	var rows []any
	for _, x := range out {
		rows = append(rows, map[string]any{"unit": x.Unit, "booked": x.Line.Booked, "counted": x.Line.Counted, "added": x.Line.Added, "removed": x.Line.Removed, "after": x.After.Count, "difference": fmt.Sprintf("%+d", x.Difference)})
		if x.Difference != 0 {
			d.Alarm("cashDifference", fmt.Sprintf("%s: %+d notes against the book", x.Unit, x.Difference), "")
		}
	}
	if err := d.slip("exchange", map[string]any{"by": by, "units": rows}); err != nil {
		d.Log.Warn("the exchange's slip was not printed", "err", err)
	}
	d.Changed()
	return out, nil
}

// Passbook takes a person's word for a passbook whose printing broke off: of the lines that were to
// be printed, complete ones are whole on the page, and used places on it have any print. The next
// update puts the stripe right and goes on behind them.
func (d *Desk) Passbook(by string, id uint64, complete, used int) error {
	var f book.Folio
	d.Ledger.Read(func(b *book.Book) {
		for _, x := range b.Broken {
			if x.ID == id && !x.Known {
				f = x
			}
		}
	})
	if n := f.To - f.From + 1; f.ID == 0 || complete < 0 || complete > used || used > complete+1 || used > n {
		return &Refused{"impossible", fmt.Errorf("%d whole lines on %d places of %d", complete, used, n)}
	}
	f.OnSeq, f.OnLine, f.By = f.From-1+complete, f.At-1+used, by
	return d.Ledger.Log(ej.BookSet, ej.Record{Device: "passbook"}, f)
}

// Move books a move of blank stock and says the new balance.
func (d *Desk) Move(x book.StockData) (book.StockData, error) {
	if !slices.ContainsFunc(d.Items, func(i Item) bool { return i.ID == x.Item }) {
		return x, fmt.Errorf("there is no stock item %q", x.Item)
	}
	var err error
	d.Ledger.Read(func(b *book.Book) { x, err = b.NextStock(x) })
	switch {
	case err != nil && x.After < 0:
		return x, &Refused{"notEnough", err}
	case err != nil:
		return x, &Refused{"impossible", err}
	}
	if err := d.Ledger.Log(ej.Stock, ej.Record{}, x); err != nil {
		return x, err // another move came between
	}
	if i := slices.IndexFunc(d.Items, func(i Item) bool { return i.ID == x.Item }); x.After <= d.Items[i].Warn && x.After < x.Before {
		d.Alarm("stockShort", fmt.Sprintf("%s: %d left", x.Item, x.After), "")
	}
	return x, nil
}
