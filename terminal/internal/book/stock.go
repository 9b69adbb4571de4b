package book

import (
	"encoding/json"
	"fmt"

	ej "zhigui/terminal/api/journal"
)

// StockMove is what happened to blank cards, passbooks and forms (重空凭证).
type StockMove string

// The moves. Every one but StockCount adds to or takes from the balance.
const (
	StockDraw   StockMove = "draw"   // 领用: from the branch into the machine
	StockUse    StockMove = "use"    // given to a customer
	StockVoid   StockMove = "void"   // spoilt, kept for destruction
	StockHandIn StockMove = "handIn" // 上缴: from the machine back to the branch
	StockClear  StockMove = "clear"  // 清机: everything out
	StockCount  StockMove = "count"  // a person counted; the balance is that from now on
)

// stockSigns says how each move changes the balance; 0: it sets it.
var stockSigns = map[StockMove]int{StockDraw: 1, StockUse: -1, StockVoid: -1, StockHandIn: -1, StockClear: 0, StockCount: 0}

// StockData is the data of STOCK. It balances by itself: a record whose Before is not the
// book's balance, or whose After does not follow, is refused.
type StockData struct {
	Item     string    `json:"item"`
	Move     StockMove `json:"move"`
	Quantity int       `json:"quantity"`
	Before   int       `json:"before"`
	After    int       `json:"after"`
	First    string    `json:"first,omitempty"` // numbers of the pieces, when they have some
	Last     string    `json:"last,omitempty"`
	By       string    `json:"by"`
	Txn      string    `json:"txn,omitempty"` // of a use
}

// Platform is who booked what the machine did by itself.
const Platform = "platform"

// NextStock fills Before and After of a move from the present balance.
func (b *Book) NextStock(d StockData) (StockData, error) {
	sign, known := stockSigns[d.Move]
	d.Before = b.Stock[d.Item]
	switch {
	case !known:
		return d, fmt.Errorf("%w: stock move %q", ErrTransition, d.Move)
	case d.Item == "" || d.By == "":
		return d, fmt.Errorf("%w: a stock move needs item and person", ErrTransition)
	case d.Quantity < 0 || d.Quantity == 0 && sign != 0:
		return d, fmt.Errorf("%w: a stock move needs a quantity", ErrTransition)
	case sign != 0:
		d.After = d.Before + sign*d.Quantity
	case d.Move == StockClear:
		d.Quantity, d.After = d.Before, 0
	default:
		d.After = d.Quantity
	}
	if d.After < 0 {
		return d, fmt.Errorf("%w: only %d of %s are there", ErrTransition, d.Before, d.Item)
	}
	return d, nil
}

func (b *Book) stock(r ej.Record) error {
	var d StockData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	want, err := b.NextStock(d)
	if err != nil {
		return err
	}
	if want != d {
		return fmt.Errorf("%w: stock of %s: %d → %d, the book has %d → %d", ErrTransition, d.Item, d.Before, d.After, want.Before, want.After)
	}
	if b.Stock == nil {
		b.Stock = map[string]int{}
	}
	b.Stock[d.Item] = d.After
	if d.By == Platform {
		b.CardOut, b.BinOp = false, ""
	}
	return nil
}
