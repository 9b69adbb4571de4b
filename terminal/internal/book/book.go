// Package book is what the journal adds up to: every transaction's state, the count of
// every cash unit, what the server must still be told. It is a pure fold over journal
// records; Ledger joins it with a writer so that a state is on disk before it is true.
// Only the native platform imports it.
package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
)

// Host is how the online part of a transaction stands.
type Host string

// The host states.
const (
	HostNone     Host = ""
	HostIntent   Host = "intent"   // recorded; bytes may have gone out
	HostApproved Host = "approved" //
	HostDeclined Host = "declined"
	HostUnknown  Host = "unknown" // no trustworthy answer
	HostNotSent  Host = "notSent" // certainly no byte went out
)

// Cash is how the cash part stands.
type Cash string

// The cash states, in the order of a dispense's life.
const (
	CashNone          Cash = ""
	CashIntent        Cash = "intent"
	CashMotion        Cash = "motion"
	CashStacked       Cash = "stacked"
	CashPresentIntent Cash = "presentIntent"
	CashPresented     Cash = "presented"
	CashTaken         Cash = "taken"
	CashRetractIntent Cash = "retractIntent"
	CashRetracted     Cash = "retracted"
	CashNotDispensed  Cash = "notDispensed"
	CashUnclear       Cash = "unclear"
)

// Open reports whether the state needs the device to be asked after a restart.
func (c Cash) Open() bool {
	switch c {
	case CashIntent, CashMotion, CashStacked, CashPresentIntent, CashPresented, CashRetractIntent,
		CashBegun, CashMouth, CashNotes, CashClosing, HandIntent:
		return true
	}
	return false
}

// Settle is what the server must be told.
type Settle string

// The settlements.
const (
	SettleNone     Settle = ""
	SettleCommit   Settle = "commit"
	SettleReverse  Settle = "reverse"
	SettleSuspense Settle = "suspense"
	// SettleByHand: a person has settled it with the customer; nobody is told.
	SettleByHand Settle = "byHand"
)

// Txn is one online transaction of this terminal. Amounts are minor units.
type Txn struct {
	ID        string    `json:"id"`
	Session   string    `json:"session,omitempty"`
	Type      string    `json:"type"`
	Zone      string    `json:"zone,omitempty"`
	Amount    int64     `json:"amount,omitempty"`
	STAN      int       `json:"stan"`
	Batch     string    `json:"batch"`
	Time      time.Time `json:"time"`
	Approval  string    `json:"approval,omitempty"` // Pad approval id
	Financial bool      `json:"financial,omitempty"`

	Host  Host   `json:"host,omitempty"`
	Code  string `json:"code,omitempty"` // response code F39
	RRN   string `json:"rrn,omitempty"`
	Local string `json:"local,omitempty"` // MMDD of the original for F61

	Cash  Cash           `json:"cash,omitempty"`
	Op    string         `json:"op,omitempty"`
	From  string         `json:"from,omitempty"` // the device that pays: Dispenser ("" too) or Acceptor
	Plan  map[string]int `json:"plan,omitempty"` // notes per unit
	Moved cash.Moved     `json:"moved,omitzero"`
	Paid  int64          `json:"paid,omitempty"` // the customer could reach that much; of a deposit: what was put in
	// Tries is how often a retract was begun; each has an operation of its own, and another is
	// begun only when the one before has certainly moved nothing.
	Tries int `json:"tries,omitempty"`

	Taken    cash.Deposited `json:"taken,omitzero"`     // of a deposit: what the device said last
	TakeBack bool           `json:"takeBack,omitempty"` // of a deposit: escrow goes back to the customer
	Refused  string         `json:"refused,omitempty"`  // the code by which the server refused to credit a deposit, or to take a transaction back

	Settle Settle `json:"settle,omitempty"`
	Reason string `json:"reason,omitempty"` // F39 of a reversal, or why in suspense
	Acked  bool   `json:"acked,omitempty"`
}

// The devices that hold cash units, by device id.
const (
	Dispenser = "cash"
	Acceptor  = "acceptor" // its recycle units, if it has any
)

// Unit is one cash unit as the books have it. Count is Initial + Deposited − Presented − Rejected
// since the last exchange.
type Unit struct {
	Device    string `json:"device,omitempty"` // whose it is; "" is the dispenser's
	Currency  string `json:"currency"`
	Value     int64  `json:"value"` // minor units
	Initial   int    `json:"initial"`
	Count     int    `json:"count"`
	Deposited int    `json:"deposited,omitempty"` // of a recycle unit: customers put in
	Presented int    `json:"presented,omitempty"`
	Rejected  int    `json:"rejected,omitempty"` // of a recycle unit: into the cash box
	Retracted int    `json:"retracted,omitempty"`
	// Inaccurate: a jam or an unclear outcome; the count must be set in an exchange.
	Inaccurate bool `json:"inaccurate,omitempty"`
	// Estimated: notes that nothing counted left it for the inside of the machine; it may
	// go on paying out, and should be counted at the next visit.
	Estimated bool `json:"estimated,omitempty"`
}

// At reports whether the unit is one of the device's.
func (u Unit) At(device string) bool {
	return u.Device == device || u.Device == "" && device == Dispenser
}

// At reports whether the device pays, or has paid, t.
func (t *Txn) At(device string) bool {
	return t.From == device || t.From == "" && device == Dispenser
}

// Book is the state. The zero value is an empty book. It is not safe for concurrent use;
// Ledger is.
type Book struct {
	Txns  map[string]*Txn  `json:"txns"`
	Order []string         `json:"order"`
	Units map[string]*Unit `json:"units"`
	STAN  int              `json:"stan"`
	Batch string           `json:"batch"`
	// LastOp is the transaction of the last dispense whose intent was recorded: what
	// GetPresentStatus answers about. LastPayout is that of the recycler.
	LastOp     string `json:"lastOp,omitempty"`
	LastPayout string `json:"lastPayout,omitempty"`
	// LastDeposit is the transaction of the last deposit that was begun.
	LastDeposit string `json:"lastDeposit,omitempty"`
	// Box is what the deposits since its last emptying have put into the acceptor's cash box,
	// by note type; BoxUnclear says that a count may find something else.
	Box        map[string]BoxNotes `json:"box,omitempty"`
	BoxUnclear bool                `json:"boxUnclear,omitempty"`
	// OpenSession is a session that has begun and not ended.
	OpenSession string `json:"openSession,omitempty"`
	Retained    int    `json:"retained,omitempty"`
	// Printing: a passbook is being printed into, and its stripe does not say so yet.
	Printing bool `json:"printing,omitempty"`
	// Broken are passbooks whose printing has begun and not ended, oldest first.
	Broken []Folio `json:"broken,omitempty"`
	// Stock is how many blank cards, passbooks and forms the machine holds, by item.
	Stock map[string]int `json:"stock,omitempty"`
	// CardOut: a blank card has left the stacker and is not booked out of the stock yet.
	CardOut bool `json:"cardOut,omitempty"`
	// CardSession is the session that it was drawn for, CardOp the operation that drew it, BinOp the
	// one that was to bring it into the bin, "" if none was begun.
	CardSession string `json:"cardSession,omitempty"`
	CardOp      string `json:"cardOp,omitempty"`
	BinOp       string `json:"binOp,omitempty"`
	// Tickets are the last numbers of the queues, by prefix.
	Tickets map[string]Ticket `json:"tickets,omitempty"`
	// Orders are the latest commands of people at the server. Out: people took the counter out of
	// service.
	Orders []Order `json:"orders,omitempty"`
	Out    bool    `json:"out,omitempty"`
	// Cases are those that were opened at the server and have no end yet.
	Cases []string `json:"cases,omitempty"`
}

// keep is how many settled transactions stay in the book.
const keep = 200

// ErrTransition refuses a record that does not follow from the state.
var ErrTransition = errors.New("not allowed in this state")

// cashMoves is the life of a dispense as a table: which states a record may follow.
var cashMoves = map[ej.Kind]struct {
	from []Cash
	to   Cash
}{
	ej.Intent:        {[]Cash{CashNone}, CashIntent},
	ej.Motion:        {[]Cash{CashIntent}, CashMotion},
	ej.Stacked:       {[]Cash{CashIntent, CashMotion}, CashStacked},
	ej.PresentIntent: {[]Cash{CashStacked}, CashPresentIntent},
	// A device without a stacker gives access in the dispense itself.
	ej.Presented:     {[]Cash{CashIntent, CashMotion, CashPresentIntent}, CashPresented},
	ej.Taken:         {[]Cash{CashPresented, CashRetractIntent}, CashTaken},
	ej.RetractIntent: {[]Cash{CashPresented, CashRetractIntent}, CashRetractIntent}, // each try
	ej.Retracted:     {[]Cash{CashRetractIntent}, CashRetracted},
	ej.NotDispensed:  {[]Cash{CashIntent, CashMotion, CashStacked, CashPresentIntent}, CashNotDispensed},

	ej.DepositBegin:   {[]Cash{CashNone}, CashBegun},
	ej.CashIn:         {[]Cash{CashBegun, CashNotes}, CashMouth},
	ej.Notes:          {[]Cash{CashMouth, CashNotes}, CashNotes},
	ej.DepositClosing: {[]Cash{CashBegun, CashMouth, CashNotes, CashClosing}, CashClosing},
	ej.DepositClosed:  {[]Cash{CashBegun, CashMouth, CashNotes, CashClosing}, CashDeposited},
	ej.DepositUnclear: {[]Cash{CashBegun, CashMouth, CashNotes, CashClosing}, CashInUnclear},

	ej.HandIntent:  {[]Cash{CashNone}, HandIntent},
	ej.HandedOver:  {[]Cash{HandIntent}, HandedOver},
	ej.HandKept:    {[]Cash{CashNone, HandIntent}, HandKept},
	ej.HandUnclear: {[]Cash{CashNone, HandIntent}, HandUnclear},

	ej.Unclear: {[]Cash{CashIntent, CashMotion, CashStacked, CashPresentIntent, CashRetractIntent, CashPresented}, CashUnclear},
}

// CashData is the data of the cash kinds.
type CashData struct {
	Plan   map[string]int `json:"plan,omitempty"`
	Amount int64          `json:"amount,omitempty"`
	Moved  cash.Moved     `json:"moved,omitzero"`
	Paid   int64          `json:"paid,omitempty"`
	Why    string         `json:"why,omitempty"`
	// Taken is of the deposit kinds: where each note is. TakeBack: the customer wants back what
	// can still come back.
	Taken    *cash.Deposited `json:"taken,omitempty"`
	TakeBack bool            `json:"takeBack,omitempty"`
}

// HostData is the data of HOST_INTENT and HOST_RESULT.
type HostData struct {
	Type      string `json:"type,omitempty"`
	Zone      string `json:"zone,omitempty"`
	Amount    int64  `json:"amount,omitempty"`
	STAN      int    `json:"stan,omitempty"`
	Batch     string `json:"batch,omitempty"`
	Approval  string `json:"approval,omitempty"`
	Financial bool   `json:"financial,omitempty"`
	PAN       string `json:"pan,omitempty"`   // masked
	Payee     string `json:"payee,omitempty"` // of a transfer: the account that gets it, masked
	Host      Host   `json:"host,omitempty"`
	Code      string `json:"code,omitempty"`
	RRN       string `json:"rrn,omitempty"`
	Local     string `json:"local,omitempty"`
	Why       string `json:"why,omitempty"`
}

// SettleData is the data of COMMIT, REVERSE, SUSPENSE, RESOLVED and SETTLE_ACK.
type SettleData struct {
	Paid   int64  `json:"paid"`
	Reason string `json:"reason,omitempty"`
	Code   string `json:"code,omitempty"`   // the server's answer
	By     string `json:"by,omitempty"`     // who counted
	Handed bool   `json:"handed,omitempty"` // of a hand-over that a person has looked into: the customer has it
}

// CountsData is the data of COUNTS: the units as they are from now on.
type CountsData struct {
	Units map[string]Unit `json:"units"`
	By    string          `json:"by,omitempty"`
	// BoxEmptied: the acceptor's cash box was emptied and counted.
	BoxEmptied bool `json:"boxEmptied,omitempty"`
	// Box says what a person found in it, where one has counted at the terminal.
	Box *BoxCount `json:"box,omitempty"`
	// Depleted: notes went from the recycler's store into the cash box.
	Depleted *Depleted `json:"depleted,omitempty"`
	// BoxUnclear: the cash box may hold notes that are missed elsewhere.
	BoxUnclear bool `json:"boxUnclear,omitempty"`
	// Exchange says how an exchange (clear and replenish) came to these counts; nil when they
	// were set otherwise.
	Exchange map[string]ExchangeLine `json:"exchange,omitempty"`
}

// BoxCount is the cash box at its emptying: the notes and the amount of the books, and what a person
// found, minor units.
type BoxCount struct {
	Before  map[string]BoxNotes `json:"before"`
	Booked  int64               `json:"booked"`
	Counted int64               `json:"counted"`
}

// ExchangeLine is one unit of an exchange, in notes. It balances: Counted + Added − Removed is
// the new count, and Counted − Booked is the difference that somebody has to explain.
type ExchangeLine struct {
	Booked  int `json:"booked"`  // what the book said before
	Counted int `json:"counted"` // what a person found
	Added   int `json:"added"`
	Removed int `json:"removed"`
	// Rejected and Retracted notes that the book had beside the unit and that were taken out.
	Rejected  int `json:"rejected,omitempty"`
	Retracted int `json:"retracted,omitempty"`
}

// Apply folds one record into the book. ErrTransition means the record is impossible
// now; the book is unchanged then.
func (b *Book) Apply(r ej.Record) error {
	if b.Txns == nil {
		b.Txns, b.Units = map[string]*Txn{}, map[string]*Unit{}
	}
	switch r.Kind {
	case ej.Snapshot:
		var s Book
		if err := json.Unmarshal(r.Data, &s); err != nil {
			return fmt.Errorf("snapshot: %w", err)
		}
		*b = s
		if b.Txns == nil {
			b.Txns = map[string]*Txn{}
		}
		if b.Units == nil {
			b.Units = map[string]*Unit{}
		}
		return nil
	case ej.SessionBegin:
		b.OpenSession = r.Session
	case ej.SessionEnd:
		b.OpenSession, b.Printing = "", false
	case ej.BookPrinting, ej.BookPrinted, ej.BookSet:
		return b.folio(r)
	case ej.CardRetained:
		b.Retained++
	case ej.Approval:
		return b.approval(r)
	case ej.Counts:
		return b.counts(r)
	case ej.QueueTicket:
		return b.ticket(r)
	case ej.Stock:
		return b.stock(r)
	case ej.CardDrawn:
		return b.cardDrawn(r)
	case ej.CardToBin:
		b.BinOp = r.Op
	case ej.Order, ej.OrderDone:
		return b.order(r)
	case ej.Service:
		return b.service(r)
	case ej.Case:
		return b.caseOf(r)
	case ej.HostIntent:
		return b.hostIntent(r)
	case ej.HostResult:
		return b.hostResult(r)
	case ej.Commit, ej.Reverse, ej.Suspense, ej.Resolved, ej.SettleSent:
		return b.settle(r)
	}
	if m, ok := cashMoves[r.Kind]; ok {
		return b.cash(r, m.from, m.to)
	}
	return nil
}

func (b *Book) counts(r ej.Record) error {
	var d CountsData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	for id, x := range d.Exchange {
		if x.Counted+x.Added-x.Removed != d.Units[id].Count || x.Counted < 0 || x.Added < 0 || x.Removed < 0 {
			return fmt.Errorf("%w: the exchange of %s does not balance", ErrTransition, id)
		}
	}
	for id, u := range d.Units {
		if was := b.Units[id]; was != nil && u.Device == "" {
			u.Device = was.Device // who counts need not say whose it is
		}
		b.Units[id] = &u
	}
	if d.BoxEmptied {
		b.Box, b.BoxUnclear = nil, false
	}
	b.BoxUnclear = b.BoxUnclear || d.BoxUnclear
	if d.Depleted != nil {
		b.deplete(*d.Depleted)
	}
	return nil
}

func (b *Book) hostIntent(r ej.Record) error {
	var d HostData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	if b.Txns[r.Txn] != nil {
		return fmt.Errorf("%w: transaction %s exists", ErrTransition, r.Txn)
	}
	b.Txns[r.Txn] = &Txn{
		ID: r.Txn, Session: r.Session, Type: d.Type, Zone: d.Zone, Amount: d.Amount, STAN: d.STAN, Batch: d.Batch,
		Time: r.Time, Approval: d.Approval, Financial: d.Financial, Host: HostIntent, Local: d.Local,
	}
	b.Order = append(b.Order, r.Txn)
	b.STAN, b.Batch = d.STAN, d.Batch
	b.prune()
	return nil
}

func (b *Book) hostResult(r ej.Record) error {
	var d HostData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	t := b.Txns[r.Txn]
	if t == nil || t.Host != HostIntent {
		return fmt.Errorf("%w: result of %s", ErrTransition, r.Txn)
	}
	t.Host, t.Code, t.RRN = d.Host, d.Code, d.RRN
	if d.Local != "" {
		t.Local = d.Local
	}
	return nil
}

func (b *Book) cash(r ej.Record, from []Cash, to Cash) error {
	var d CashData
	if len(r.Data) > 0 {
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
	}
	t := b.Txns[r.Txn]
	if t == nil {
		return fmt.Errorf("%w: %s of unknown transaction %s", ErrTransition, r.Kind, r.Txn)
	}
	if !slices.Contains(from, t.Cash) {
		return fmt.Errorf("%w: %s while cash is %q", ErrTransition, r.Kind, t.Cash)
	}
	if to == CashIntent && t.Settle != SettleNone {
		return fmt.Errorf("%w: %s is settled as %q", ErrTransition, t.ID, t.Settle)
	}
	if t.Transfers() {
		return fmt.Errorf("%w: %s of a transfer", ErrTransition, r.Kind)
	}
	if deposit := to.Deposit(); deposit != t.Deposit() || (deposit && t.Settle != SettleNone) {
		return fmt.Errorf("%w: %s of a %s that is settled as %q", ErrTransition, r.Kind, t.Type, t.Settle)
	}
	if to.hand() != t.Hands() || (to.hand() && t.Settle != SettleNone) {
		return fmt.Errorf("%w: %s of a %s that is settled as %q", ErrTransition, r.Kind, t.Type, t.Settle)
	}
	t.Cash = to
	if to.Deposit() {
		b.deposit(t, r, d)
		return nil
	}
	if to == CashRetractIntent {
		t.Tries++
	}
	if to == CashIntent {
		t.Op, t.Plan = r.Op, d.Plan
		if r.Device == Acceptor {
			t.From, b.LastPayout = r.Device, r.Txn
		} else {
			b.LastOp = r.Txn
		}
	}
	switch to {
	case CashStacked, CashPresented, CashNotDispensed, CashUnclear, CashRetracted, CashTaken:
		// Notes that came back uncounted put no cassette in doubt: they were counted going out.
		b.move(t, d.Moved, to == CashUnclear || (d.Moved.Unknown && to != CashRetracted))
		if to == CashPresented {
			t.Paid = d.Paid
		}
	}
	return nil
}

// move books the notes that left their units; doubt marks the units of the plan.
func (b *Book) move(t *Txn, m cash.Moved, doubt bool) {
	sums := map[string]cash.UnitMoved{}
	for id, n := range t.Moved.Units {
		sums[id] = n
	}
	t.Moved.Units = sums
	t.Moved.Unknown = t.Moved.Unknown || m.Unknown || doubt
	t.Moved.Uncounted = t.Moved.Uncounted || m.Uncounted
	for id, n := range m.Units {
		u := b.Units[id]
		if u == nil {
			continue
		}
		u.Count -= n.Presented + n.Rejected + n.Stacked
		u.Presented += n.Presented
		u.Rejected += n.Rejected
		u.Retracted += n.Retracted
		if u.At(Acceptor) && n.Rejected > 0 {
			b.box(map[string]BoxNotes{cash.NoteTypeOf(id): {u.Currency, u.Value, n.Rejected}})
		}
		sum := sums[id]
		sum.Presented += n.Presented
		sum.Rejected += n.Rejected
		sum.Retracted += n.Retracted
		sums[id] = sum
	}
	for id := range t.Plan {
		if u := b.Units[id]; u != nil {
			u.Inaccurate = u.Inaccurate || doubt
			u.Estimated = u.Estimated || m.Uncounted
		}
	}
}

func (b *Book) settle(r ej.Record) error {
	var d SettleData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	t := b.Txns[r.Txn]
	if t == nil {
		return fmt.Errorf("%w: %s of unknown transaction %s", ErrTransition, r.Kind, r.Txn)
	}
	switch r.Kind {
	case ej.SettleSent:
		if t.Settle != SettleCommit && t.Settle != SettleReverse {
			return fmt.Errorf("%w: acknowledgement of %q", ErrTransition, t.Settle)
		}
		t.Acked = true
		if t.Deposit() && t.Paid > 0 && d.Code != "00" {
			t.Settle, t.Reason, t.Refused = SettleSuspense, "the bank refused the deposit", d.Code
		}
		if t.Settle == SettleReverse && d.Code != "" && d.Code != "00" {
			t.Refused = d.Code // not taken back, for all the terminal knows: people compare
		}
		return nil
	case ej.Resolved:
		if t.NotReversed() { // people have compared
			t.Settle = SettleByHand
			return nil
		}
		if t.Settle != SettleSuspense {
			return fmt.Errorf("%w: %s is not in suspense", ErrTransition, t.ID)
		}
		if t.Deposit() {
			return t.resolveDeposit(d.Paid)
		}
		if t.Hands() {
			t.resolveHandover(d.Handed)
			return nil
		}
		if d.Paid < 0 || d.Paid > t.Amount {
			return fmt.Errorf("%w: %d of %d counted", ErrTransition, d.Paid, t.Amount)
		}
		t.Paid, t.Acked = d.Paid, false
		t.Settle = SettleNone
		if d.Paid == t.Amount {
			t.Settle = SettleCommit
		} else {
			t.Settle, t.Reason = SettleReverse, "96"
		}
		return nil
	}
	if t.Settle != SettleNone {
		return fmt.Errorf("%w: %s is settled as %s already", ErrTransition, t.ID, t.Settle)
	}
	if t.Cash.Open() {
		return fmt.Errorf("%w: %s of %s while cash is %q", ErrTransition, r.Kind, t.ID, t.Cash)
	}
	if t.Transfers() && t.Host != HostIntent && t.Host != HostUnknown {
		return fmt.Errorf("%w: %s of a transfer that is %s", ErrTransition, r.Kind, t.Host)
	}
	if t.Deposit() && (r.Kind == ej.Reverse || d.Paid != t.Paid) {
		return fmt.Errorf("%w: %s of a deposit of %d while cash is %q", ErrTransition, r.Kind, t.Paid, t.Cash)
	}
	t.Settle = map[ej.Kind]Settle{ej.Commit: SettleCommit, ej.Reverse: SettleReverse, ej.Suspense: SettleSuspense}[r.Kind]
	t.Reason = d.Reason
	return nil
}

// prune forgets old transactions that need nothing any more. One that waits for a person
// does not keep the settled ones behind it: a book that only grows fits no snapshot.
func (b *Book) prune() {
	drop := len(b.Order) - keep
	if drop <= 0 {
		return
	}
	rest := make([]string, 0, len(b.Order))
	for _, id := range b.Order {
		t := b.Txns[id]
		if drop > 0 && id != b.LastOp && id != b.LastPayout && id != b.LastDeposit && (t == nil || !t.Pending()) {
			delete(b.Txns, id)
			drop--
			continue
		}
		rest = append(rest, id)
	}
	b.Order = rest
}

// Pending reports whether somebody must still do something about t.
func (t *Txn) Pending() bool {
	switch t.Settle {
	case SettleCommit, SettleReverse:
		return !t.Acked || t.NotReversed()
	case SettleSuspense:
		return true
	case SettleByHand:
		return false
	}
	approved := t.Host == HostApproved && !t.Transfers()
	return t.Host == HostIntent || t.Cash.Open() || (t.Financial && (approved || t.Host == HostUnknown))
}

// ToTell lists the transactions whose settlement the server has not acknowledged, oldest
// first.
func (b *Book) ToTell() []Txn {
	var out []Txn
	for _, id := range b.Order {
		if t := b.Txns[id]; t != nil && !t.Acked && (t.Settle == SettleCommit || t.Settle == SettleReverse) {
			out = append(out, *t)
		}
	}
	return out
}

// NotReversed reports whether the server refused to take t back.
func (t *Txn) NotReversed() bool { return t.Settle == SettleReverse && t.Acked && t.Refused != "" }

// ForPeople lists the transactions that people must look into: a count, or a comparison with the bank.
func (b *Book) ForPeople() []Txn {
	var out []Txn
	for _, id := range b.Order {
		if t := b.Txns[id]; t != nil && (t.Settle == SettleSuspense || t.NotReversed()) {
			out = append(out, *t)
		}
	}
	return out
}

// InSuspense lists the transactions that wait for a person, oldest first.
func (b *Book) InSuspense() []Txn {
	var out []Txn
	for _, id := range b.Order {
		if t := b.Txns[id]; t != nil && t.Settle == SettleSuspense {
			out = append(out, *t)
		}
	}
	return out
}

// OpenTxns lists the transactions that a restart must settle, oldest first.
func (b *Book) OpenTxns() []Txn {
	var out []Txn
	for _, id := range b.Order {
		if t := b.Txns[id]; t != nil && t.Settle == SettleNone && t.Pending() {
			out = append(out, *t)
		}
	}
	return out
}

// CountsKnown reports whether the count of every unit of a device can be trusted and there is one.
func (b *Book) CountsKnown(device string) bool {
	ids := b.UnitIDs(device)
	for _, id := range ids {
		if b.Units[id].Inaccurate {
			return false
		}
	}
	return len(ids) > 0
}

// Last is the transaction of the last dispense of a device whose intent was recorded.
func (b *Book) Last(device string) string {
	if device == Acceptor {
		return b.LastPayout
	}
	return b.LastOp
}

// UnitIDs lists the cash units of a device ("": of all) by falling value, then name.
func (b *Book) UnitIDs(device string) []string {
	var ids []string
	for id, u := range b.Units {
		if device == "" || u.At(device) {
			ids = append(ids, id)
		}
	}
	sort.Slice(ids, func(i, j int) bool {
		a, c := b.Units[ids[i]], b.Units[ids[j]]
		if a.Value != c.Value {
			return a.Value > c.Value
		}
		return ids[i] < ids[j]
	})
	return ids
}
