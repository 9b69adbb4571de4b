package book

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/journal"
)

// req: G-04
func TestTheStockLedgerBalancesAfterEveryMoveAndAfterARestart(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	move := func(d StockData) error {
		var err error
		l.Read(func(b *Book) { d, err = b.NextStock(d) })
		if err != nil {
			return err
		}
		return l.Log(ej.Stock, ej.Record{}, d)
	}
	for i, c := range []struct {
		d    StockData
		want int
		ok   bool
	}{
		{StockData{Item: "cards", Move: StockDraw, Quantity: 100, First: "A001", Last: "A100", By: "op"}, 100, true},
		{StockData{Item: "cards", Move: StockUse, Quantity: 1, By: "machine", Txn: "1/1"}, 99, true},
		{StockData{Item: "cards", Move: StockVoid, Quantity: 2, By: "op"}, 97, true},
		{StockData{Item: "cards", Move: StockHandIn, Quantity: 98, By: "op"}, 97, false},
		{StockData{Item: "cards", Move: StockDraw, Quantity: 0, By: "op"}, 97, false},
		{StockData{Item: "cards", Move: StockDraw, Quantity: -5, By: "op"}, 97, false},
		{StockData{Item: "cards", Move: "lend", Quantity: 1, By: "op"}, 97, false},
		{StockData{Item: "cards", Move: StockDraw, Quantity: 1}, 97, false},
		{StockData{Item: "cards", Move: StockHandIn, Quantity: 7, By: "op"}, 90, true},
		{StockData{Item: "cards", Move: StockCount, Quantity: 89, By: "op"}, 89, true},
		{StockData{Item: "passbooks", Move: StockDraw, Quantity: 20, By: "op"}, 89, true},
		{StockData{Item: "cards", Move: StockClear, By: "op"}, 0, true},
	} {
		if err := move(c.d); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrTransition) {
			t.Errorf("%d: %+v: %v", i, c.d, err)
		}
		l.Read(func(b *Book) {
			if b.Stock["cards"] != c.want {
				t.Errorf("%d: %d cards, want %d", i, b.Stock["cards"], c.want)
			}
		})
	}
	if err := l.Log(ej.Stock, ej.Record{}, StockData{Item: "cards", Move: StockDraw, Quantity: 5, Before: 3, After: 8, By: "x"}); !errors.Is(err, ErrTransition) {
		t.Errorf("a move from a balance that is not the book's: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(dir, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Read(func(b *Book) {
		if diff := cmp.Diff(map[string]int{"cards": 0, "passbooks": 20}, b.Stock); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnExchangeThatDoesNotBalanceIsRefused(t *testing.T) {
	b := Book{Txns: map[string]*Txn{}, Units: map[string]*Unit{}}
	for _, c := range []struct {
		line ExchangeLine
		ok   bool
	}{
		{ExchangeLine{Booked: 90, Counted: 88, Added: 400, Removed: 0}, true},
		{ExchangeLine{Booked: 90, Counted: 90, Added: 400, Removed: 10}, false},
		{ExchangeLine{Booked: 90, Counted: -12, Added: 500}, false},
	} {
		err := b.Apply(record(t, CountsData{Units: map[string]Unit{"unit1": {Value: 100, Count: 488}}, By: "op", Exchange: map[string]ExchangeLine{"unit1": c.line}}))
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.line, err)
		}
	}
}

func record(t *testing.T, d CountsData) ej.Record {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return ej.Record{Kind: ej.Counts, Data: raw}
}
