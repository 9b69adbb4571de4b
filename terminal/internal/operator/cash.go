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
	levels, err := d.levels(found)
	if err != nil {
		return nil, err
	}
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
			if n, counts := levels[id]; counts && n != after {
				err = &Refused{"levelDiffers", fmt.Errorf("the recycler counts %d notes in %s, not %d", n, id, after)}
				return
			}
			x := Image{Unit: id, Before: *u, Difference: f.Counted - u.Count,
				After: book.Unit{Device: u.Device, Currency: u.Currency, Value: u.Value, Initial: after, Count: after},
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
	if err := d.Ledger.Log(ej.Counts, ej.Record{Device: book.Dispenser}, book.CountsData{Units: units, By: by, Exchange: lines}); err != nil {
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

// levels are what a recycler counts in those of the units that are its own: a person's figures must
// come to the same.
func (d *Desk) levels(found map[string]Found) (map[string]int, error) {
	var own []string
	d.Ledger.Read(func(b *book.Book) {
		for id := range found {
			if u := b.Units[id]; u != nil && u.At(book.Acceptor) {
				own = append(own, id)
			}
		}
	})
	out := map[string]int{}
	for _, id := range own {
		n, ok := d.Level(id)
		if !ok {
			return nil, &Refused{"recyclerSilent", fmt.Errorf("the recycler does not say what %s holds", id)}
		}
		out[id] = n
	}
	return out, nil
}

// BoxImage is the acceptor's cash box before it was emptied.
type BoxImage struct {
	Before     map[string]book.BoxNotes `json:"before"`
	Unclear    bool                     `json:"unclear"` // the books were not sure
	Counted    int64                    `json:"counted"` // what a person found, minor units
	Booked     int64                    `json:"booked"`
	Difference int64                    `json:"difference"`
}

// EmptyBox books that the acceptor's cash box was emptied and what a person found in it (minor
// units), with the image before in the journal and on a slip.
func (d *Desk) EmptyBox(by string, counted int64) (BoxImage, error) {
	x := BoxImage{Before: map[string]book.BoxNotes{}, Counted: counted}
	switch {
	case d.Busy():
		return x, ErrBusy
	case d.Devices[book.Acceptor] == nil:
		return x, fmt.Errorf("no acceptor is fitted")
	case counted < 0:
		return x, &Refused{"impossible", fmt.Errorf("%d counted", counted)}
	}
	var open bool
	d.Ledger.Read(func(b *book.Book) {
		open = len(b.OpenDeposits()) > 0
		maps.Copy(x.Before, b.Box)
		x.Unclear = b.BoxUnclear
	})
	if open {
		return x, &Refused{"notSettled", fmt.Errorf("a deposit is not closed: its notes may still move")}
	}
	var rows []any
	for _, id := range slices.Sorted(maps.Keys(x.Before)) {
		n := x.Before[id]
		x.Booked += int64(n.Count) * n.Value
		rows = append(rows, map[string]any{"value": yuan(n.Value), "count": n.Count})
	}
	x.Difference = counted - x.Booked
	if err := d.Ledger.Log(ej.Counts, ej.Record{Device: book.Acceptor}, book.CountsData{BoxEmptied: true, By: by, Box: &book.BoxCount{Before: x.Before, Booked: x.Booked, Counted: counted}}); err != nil {
		return x, err
	}
	if x.Difference != 0 {
		d.Alarm("boxDifference", fmt.Sprintf("cash box: %s counted, %s booked", yuan(counted), yuan(x.Booked)), "")
	}
	if err := d.slip("box", map[string]any{"by": by, "notes": rows, "booked": yuan(x.Booked), "counted": yuan(counted), "difference": yuan(x.Difference)}); err != nil {
		d.Log.Warn("the slip of the cash box was not printed", "err", err)
	}
	d.Changed()
	return x, nil
}

// yuan is an amount for people.
func yuan(fen int64) string { return fmt.Sprintf("%.2f", float64(fen)/100) }

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
