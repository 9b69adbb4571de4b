package issuer

import (
	"context"
	"encoding/json"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
)

// Outside is the session of cards that a client from outside has taken from the stacker.
const Outside = "outside"

// Outside runs a movement that a client from outside asks for while no customer is served. A card
// that it takes from the stacker leaves the stock's ledger like any other: as used when somebody
// takes it at the exit, as spoilt when it goes anywhere else. Nothing moves while a person must look
// for the card of a hand-over.
func (i *Issuer) Outside(ctx context.Context, name string, payload json.RawMessage, emit func(api.Event)) api.Completion {
	var m card.Move
	if name == card.CmdMove && json.Unmarshal(payload, &m) != nil {
		return api.Refuse(api.InvalidData, "the payload is no Move")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, open := i.sess.Current(); open {
		return api.Refuse(api.SequenceError, "a customer is served")
	}
	if i.handWaits() {
		return api.Refuse(api.SequenceError, "a person must look for the card of a customer first")
	}
	op, draws := i.newOp(), name == card.CmdMove && m.From == i.cfg.Unit
	if draws {
		if i.fresh() != "notPresent" {
			return api.Fail(api.NotStarted, card.ErrOccupied, "a card is inside already")
		}
		i.bookOut()
		if err := i.led.Log(ej.CardDrawn, ej.Record{Session: Outside, Op: string(op), Device: "cards"}, nil); err != nil {
			return api.Refuse(api.InternalError, "the journal cannot be written: no card is moved")
		}
	}
	done := i.dev.RunOp(ctx, op, "", name, payload, emit)
	switch {
	case draws && done.Outcome == api.NotStarted:
		i.notDrawn()
	case draws && done.Outcome != api.Done && i.fresh() == "notPresent": // the stacker may still have it
		i.clear("an outside client's command ended unclear")
	default:
		i.offered = done.Outcome == api.Done && name == card.CmdMove && m.To == card.Exit
		i.settleOutside()
	}
	return done
}

// settleOutside books out a card of an outside client that is not inside any more.
func (i *Issuer) settleOutside() {
	var its bool
	i.led.Read(func(b *book.Book) { its = b.CardOut && b.CardSession == Outside })
	if !its || i.fresh() != "notPresent" {
		return
	}
	if i.offered {
		i.stock(book.StockUse, "")
	} else {
		i.stock(book.StockVoid, "")
	}
	i.offered = false
}

// outsideTaken is told that a card was taken at the exit.
func (i *Issuer) outsideTaken() {
	for range 50 { // a movement that is under way settles it, or ends soon
		if i.mu.TryLock() {
			i.settleOutside()
			i.mu.Unlock()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// handWaits: the card of a hand-over is looked for.
func (i *Issuer) handWaits() (waits bool) {
	i.led.Read(func(b *book.Book) {
		waits = len(b.OpenHandovers()) > 0
		for _, t := range b.InSuspense() {
			waits = waits || t.Hands()
		}
	})
	return waits
}
