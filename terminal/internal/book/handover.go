package book

import (
	"encoding/json"
	"slices"

	ej "zhigui/terminal/api/journal"
)

// TypeCardIssue is the Type of a transaction that hands a new card over.
const TypeCardIssue = "cardIssue"

// TypeCardSpent is the Type of one that tells the bank of a blank card in the bin.
const TypeCardSpent = "cardSpent"

// The states of a hand-over. They stand in Txn.Cash, as those of notes do: whatever a machine
// gives out has one life.
const (
	HandIntent  Cash = "handIntent"  // the card may be at the exit
	HandedOver  Cash = "handedOver"  // the customer has it
	HandKept    Cash = "handKept"    // it lies in the bin
	HandUnclear Cash = "handUnclear" // a person must look
)

// Hands reports whether t hands something over that is no money.
func (t *Txn) Hands() bool { return t.Type == TypeCardIssue }

// hand reports whether the state is one of a hand-over.
func (c Cash) hand() bool {
	switch c {
	case HandIntent, HandedOver, HandKept, HandUnclear:
		return true
	}
	return false
}

// OpenHandovers lists the hand-overs that the device must be asked about, oldest first.
func (b *Book) OpenHandovers() []Txn {
	var out []Txn
	for _, t := range b.OpenTxns() {
		if t.Hands() && t.Cash == HandIntent {
			out = append(out, t)
		}
	}
	return out
}

// LastHandover is the latest transaction that hands something over.
func (b *Book) LastHandover() Txn {
	for _, id := range slices.Backward(b.Order) {
		if t := b.Txns[id]; t != nil && t.Hands() {
			return *t
		}
	}
	return Txn{}
}

// DrawnData is the data of CARD_DRAWN.
type DrawnData struct {
	Not bool `json:"not,omitempty"` // the card announced before has not left the stacker
}

func (b *Book) cardDrawn(r ej.Record) error {
	var d DrawnData
	if len(r.Data) > 0 {
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
	}
	b.CardOut, b.CardSession, b.CardOp, b.BinOp = !d.Not, r.Session, r.Op, ""
	return nil
}

// decideHandover: what the customer could reach is theirs, what lies in the bin is taken back,
// and what nobody knows waits for a person.
func decideHandover(t Txn) (Decision, bool) {
	switch t.Host {
	case HostNone, HostDeclined, HostNotSent:
		return Decision{}, true
	case HostIntent, HostUnknown:
		return Decision{Settle: SettleReverse, Reason: ReasonNoAnswer}, true
	}
	switch t.Cash {
	case CashNone, HandKept:
		return Decision{Settle: SettleReverse, Reason: ReasonTerminal}, true
	case HandedOver:
		return Decision{Settle: SettleCommit}, true
	case HandUnclear:
		return Decision{Settle: SettleSuspense, Reason: "nobody knows who has the card"}, true
	}
	return Decision{}, false
}

// resolveHandover is a person's word.
func (t *Txn) resolveHandover(handed bool) {
	t.Acked = false
	if t.Settle = SettleReverse; handed {
		t.Settle = SettleCommit
		return
	}
	t.Reason = ReasonTerminal
}
