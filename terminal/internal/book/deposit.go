package book

import (
	"encoding/json"
	"fmt"
	"maps"

	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
)

// TypeDeposit is the Type of a transaction that takes cash in. Its online part (HOST_INTENT,
// HOST_RESULT) asks the bank before a note is taken; its confirmation carries the amount.
const TypeDeposit = "deposit"

// The cash states of a deposit, in the order of its life.
const (
	CashBegun     Cash = "depositBegun" // the mouth has never been open
	CashMouth     Cash = "mouthOpen"    // notes may be moving
	CashNotes     Cash = "notes"        // the device waits, with what it said last
	CashClosing   Cash = "closing"      // escrow is being stacked or given back
	CashDeposited Cash = "deposited"    // Paid is what the device has for good
	CashInUnclear Cash = "depositUnclear"
)

// Deposit reports whether the state is one of a deposit.
func (c Cash) Deposit() bool {
	switch c {
	case CashBegun, CashMouth, CashNotes, CashClosing, CashDeposited, CashInUnclear:
		return true
	}
	return false
}

// Deposit reports whether t takes cash in.
func (t *Txn) Deposit() bool { return t.Type == TypeDeposit }

// deposit folds what the device said into t.
func (b *Book) deposit(t *Txn, r ej.Record, d CashData) {
	if t.Cash == CashBegun {
		b.LastDeposit = r.Txn
	}
	if r.Op != "" {
		t.Op = r.Op
	}
	if d.Taken != nil {
		t.Taken = d.Taken.Clone()
	}
	switch t.Cash {
	case CashClosing:
		t.TakeBack = d.TakeBack
	case CashDeposited:
		t.Paid = d.Paid
		b.fill(t.Taken)
	case CashInUnclear:
		b.BoxUnclear = true
		b.doubt(true)
	}
}

// doubt is about the recycle units: only the device's own count ends it.
func (b *Book) doubt(is bool) {
	for _, u := range b.Units {
		if u.At(Acceptor) {
			u.Inaccurate = is
		}
	}
}

// BoxNotes are the notes of one type in the acceptor's cash box.
type BoxNotes struct {
	Currency string `json:"currency"`
	Value    int64  `json:"value"` // of one, minor units
	Count    int    `json:"count"`
}

// fill puts what d has for good where the device says it is: into the cash box, or into a recycle
// unit, from which it is paid out again.
func (b *Book) fill(d cash.Deposited) {
	into := map[string]BoxNotes{}
	for id, n := range d.Types {
		if in := n.Credited - n.Recycled; in > 0 {
			into[id] = BoxNotes{n.Currency, n.Value, in}
		}
		if n.Recycled > 0 {
			unit := cash.RecycleUnit(id)
			if b.Units[unit] == nil {
				b.Units[unit] = &Unit{Device: Acceptor, Currency: n.Currency, Value: n.Value}
			}
			b.Units[unit].Count += n.Recycled
			b.Units[unit].Deposited += n.Recycled
		}
	}
	b.box(into)
	b.BoxUnclear = b.BoxUnclear || d.Uncounted
}

// box puts notes into the cash box.
func (b *Book) box(into map[string]BoxNotes) {
	box := maps.Clone(b.Box)
	if box == nil {
		box = map[string]BoxNotes{}
	}
	for id, n := range into {
		n.Count += box[id].Count
		box[id] = n
	}
	b.Box = box
}

// Depleted is what the recycler moved from its store into the cash box. Unclear is whether a count
// of the box may find something else, Doubt whether the store may hold something else: both true
// before the move.
type Depleted struct {
	Into    map[string]BoxNotes `json:"into,omitempty"`
	Unclear bool                `json:"unclear,omitempty"`
	Doubt   bool                `json:"doubt,omitempty"`
}

func (b *Book) deplete(d Depleted) {
	for id, n := range d.Into {
		if u := b.Units[cash.RecycleUnit(id)]; u != nil {
			u.Count -= n.Count
			u.Rejected += n.Count
		}
	}
	b.box(d.Into)
	b.BoxUnclear = d.Unclear
	b.doubt(d.Doubt)
}

// resolveDeposit is a person's word: paid is what lies inside for the customer. A deposit that
// the bank has refused was settled with the customer by hand; one that was unclear is told.
func (t *Txn) resolveDeposit(paid int64) error {
	if t.Refused != "" {
		t.Settle = SettleByHand
		return nil
	}
	if certain := Credit(t.Taken); paid < certain {
		return fmt.Errorf("%w: %d counted, but the device has certainly taken %d", ErrTransition, paid, certain)
	}
	t.Paid, t.Acked, t.Settle = paid, false, SettleCommit
	return nil
}

const currency = "CNY"

// OpenDeposits lists the deposits whose notes the device must be asked about, oldest first.
func (b *Book) OpenDeposits() []Txn {
	var out []Txn
	for _, t := range b.OpenTxns() {
		if t.Deposit() && t.Cash.Open() {
			out = append(out, t)
		}
	}
	return out
}

// decideDeposit: what the device has is credited, exactly, and never reversed; what nobody
// knows waits for a count. Where no note can have been taken the bank is told so (Paid 0), as
// it may have opened the deposit.
func decideDeposit(t Txn) (Decision, bool) {
	switch t.Host {
	case HostNone, HostDeclined, HostNotSent:
		return Decision{}, true
	}
	switch t.Cash {
	case CashNone:
		return Decision{Settle: SettleCommit}, true
	case CashDeposited:
		return Decision{Settle: SettleCommit, Paid: t.Paid}, true
	case CashInUnclear:
		return Decision{Settle: SettleSuspense, Reason: "notes unclear"}, true
	}
	return Decision{}, false
}

// Credit is what d has for good, in minor units of our currency.
func Credit(d cash.Deposited) int64 { return d.Credit()[currency] }

// approval is the lobby manager's word. On a deposit it comes when notes are in already; any other
// transaction begins with it.
func (b *Book) approval(r ej.Record) error {
	var d struct{ ID, Kind, State string }
	if len(r.Data) > 0 {
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
	}
	if t := b.Txns[r.Txn]; t != nil && t.Deposit() && t.Cash.Open() && d.Kind == TypeDeposit && d.State == "approved" {
		t.Approval = d.ID
	}
	return nil
}
