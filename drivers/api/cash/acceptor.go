package cash

// Commands of a note acceptor or recycler (XFS4IoT 2024-3 CashAcceptor). A recycler also
// takes Dispense, Present, Reject, Retract and Reset of this package. GetCashInStatus,
// GetPresentStatus and Storage are answered by the platform from its journal and from the
// status.
const (
	CmdCashInStart        = "CashAcceptor.CashInStart"
	CmdCashIn             = "CashAcceptor.CashIn"
	CmdCashInEnd          = "CashAcceptor.CashInEnd"
	CmdCashInRollback     = "CashAcceptor.CashInRollback"
	CmdConfigureNoteTypes = "CashAcceptor.ConfigureNoteTypes"
	// CmdEmpty moves everything from the recycle units into the cash box (CashAcceptor.Deplete
	// of all units); for the operator.
	CmdEmpty = "CashAcceptor.Deplete"
)

// Events of an acceptor.
const (
	EvInsertItems   = "CashAcceptor.InsertItemsEvent" // the mouth is open: notes may be put in
	EvInputRefuse   = "CashAcceptor.InputRefuseEvent" // payload InputRefuse
	EvSubCashIn     = "CashAcceptor.SubCashInEvent"   // payload Deposited
	EvItemsInserted = "CashManagement.ItemsInsertedEvent"
	EvThreshold     = "Storage.StorageThresholdEvent" // unsolicited
	EvStorage       = "Storage.StorageChangedEvent"   // unsolicited
)

// Error codes of the acceptor beside those of the dispenser.
const (
	ErrNoCashIn     = "noCashInActive"
	ErrCashInActive = "cashInActive"
	ErrPosition     = "unsupportedPosition"
	ErrNotEmpty     = "positionNotEmpty"
)

// Reasons of an InputRefuseEvent that drivers give.
const (
	RefuseUnitFull    = "cashInUnitFull"
	RefuseInvalid     = "invalidBill"
	RefuseFailure     = "depositFailure"
	RefuseForeign     = "foreignItemsDetected"
	RefuseBunch       = "invalidBunch"
	RefuseCounterfeit = "counterfeit"
	RefuseLimitItems  = "limitOverTotalItems"
	RefuseLimitAmount = "limitOverAmount"
)

// InputRefuse is why an item came back without having been accepted.
type InputRefuse struct {
	Reason string `json:"reason"`
	// Vendor is X-vendor: the device's own reason, if it has one.
	Vendor string `json:"X-vendor,omitempty"`
}

// NoteType is one kind of note that the device's dataset knows. Its id is "type", the value
// in major units, the currency and a release ("type100CNY1"), as the standard's examples.
type NoteType struct {
	Currency string `json:"currency"` // ISO 4217
	Value    int64  `json:"X-value"`  // of one note, minor units
	Enabled  bool   `json:"enabled"`
}

// CashInStart opens a cash-in transaction. It moves nothing.
type CashInStart struct {
	// UseRecycleUnits lets notes go where they can be paid out again; false sends every note to
	// the cash box. What the device finds unfit, or has no room for, goes there in any case.
	UseRecycleUnits bool `json:"useRecycleUnits,omitempty"`
	// High is X-high: by note type, how many notes its recycle unit may hold (the highThreshold of
	// Storage); what comes above it goes to the cash box. 0: none. A type that is not in it has the
	// device's own limit.
	High           map[string]int `json:"X-high,omitempty"`
	InputPosition  string         `json:"inputPosition,omitempty"`  // empty is inDefault
	OutputPosition string         `json:"outputPosition,omitempty"` // empty is outDefault
	// TotalItemsLimit and AmountLimit (X-value in minor units) refuse what goes beyond; 0 and
	// none: no limit.
	TotalItemsLimit int          `json:"totalItemsLimit,omitempty"`
	AmountLimit     []NoteAmount `json:"amountLimit,omitempty"`
}

// NoteAmount is an amount of one currency in minor units.
type NoteAmount struct {
	Currency string `json:"currency"`
	Value    int64  `json:"X-value"`
}

// ConfigureNoteTypes says which note types the device may accept from now on; the others are
// refused by the device. Not while a cash-in transaction is active.
type ConfigureNoteTypes struct {
	Items []NoteTypeEnabled `json:"items"`
}

// NoteTypeEnabled is one item of ConfigureNoteTypes.
type NoteTypeEnabled struct {
	Item    string `json:"item"`
	Enabled bool   `json:"enabled"`
}

// Deposited is the payload of every completion of an acceptor's command, also of a failed
// one, and the X-cashIn of its status: where each note of the cash-in transaction is.
//
// It is cumulative since CashInStart: the newest one replaces all earlier ones, two are never
// added up. After the transaction has ended it stands until the next CashInStart; what the
// device finds out later (a jammed note that a Reset pushes into the cash box) is added to it.
//
// What a platform may book:
//
//	Credited                    is the only number that is money. The device has said, in an event or
//	                            by its counters, that the note can not come back.
//	Escrow                      is nobody's money yet. It is never credited and never charged; it ends
//	                            as Credited or Returned.
//	done, failed, canceled or   book Credited, exactly.
//	timedOut, not Unknown
//	Uncounted                   as above; beside that a note that was not credited lies inside (a jam):
//	                            a person takes it out and decides. Nothing is booked for it.
//	Unknown, or indeterminate   Credited is a lower bound: book nothing more, keep the difference in
//	                            suspense until Recover has settled the operation or a person counted.
//
// CashInEnd credits what is in escrow; CashInRollback returns what is in escrow and nothing
// else. A device with a small escrow (capability X-escrow) stacks an earlier note when
// the next one comes: after such a rollback Credited is not zero, and the platform decides
// whether to book it or to give it back another way.
type Deposited struct {
	Types map[string]NoteMoved `json:"X-types,omitempty"`
	// Refused are the items that came back from the mouth unrecognised or unwanted; they never
	// were in escrow.
	Refused int `json:"X-refused,omitempty"`
	// Unknown: a note may have been credited or returned that the numbers do not show.
	Unknown bool `json:"X-unknown,omitempty"`
	// Uncounted: what was credited is certain, but a note lies inside that was neither credited
	// nor returned, or one that was credited has not been reported at rest.
	Uncounted bool `json:"X-uncounted,omitempty"`
}

// NoteMoved is where the notes of one type are. Escrow + Credited + Returned are all the
// notes that the device recognised and took; Cashbox + Recycled are at most Credited.
type NoteMoved struct {
	Currency string `json:"currency"`
	Value    int64  `json:"X-value"` // of one note, minor units
	Escrow   int    `json:"escrow,omitempty"`
	Credited int    `json:"credited,omitempty"`
	Cashbox  int    `json:"cashbox,omitempty"`
	Recycled int    `json:"recycled,omitempty"`
	Returned int    `json:"returned,omitempty"` // out of escrow, back to the customer
}

// Credit is the money that the device has taken for good, in minor units by currency.
func (d Deposited) Credit() map[string]int64 {
	sum := map[string]int64{}
	for _, n := range d.Types {
		if n.Credited > 0 {
			sum[n.Currency] += int64(n.Credited) * n.Value
		}
	}
	return sum
}

// Count adds up one member over all note types.
func (d Deposited) Count(member func(NoteMoved) int) int {
	sum := 0
	for _, n := range d.Types {
		sum += member(n)
	}
	return sum
}

// Clone is a copy that shares nothing.
func (d Deposited) Clone() Deposited {
	types := make(map[string]NoteMoved, len(d.Types))
	for k, v := range d.Types {
		types[k] = v
	}
	d.Types = types
	return d
}

// States of a cash-in transaction (CashAcceptor.GetCashInStatus).
const (
	CashInOK       = "ok"
	CashInRollback = "rollback"
	CashInActive   = "active"
	CashInRetract  = "retract"
	CashInUnknown  = "unknown"
	CashInReset    = "reset"
)

// CashInStatus is X-cashIn of the acceptor's status: the newest cash-in transaction, also
// after a restart of driver or device.
type CashInStatus struct {
	Status string `json:"status"` // one of the states above; empty: there was none yet
	Deposited
}

// AcceptorStatus is the cashAcceptor member of Common.Status plus what the platform needs to
// answer GetCashInStatus, GetBankNoteTypes and Storage.
type AcceptorStatus struct {
	IntermediateStacker string     `json:"intermediateStacker"` // the escrow: empty, notEmpty, full, unknown
	StackerItems        string     `json:"stackerItems"`        // customerAccess, noCustomerAccess, accessUnknown, noItems
	Positions           []Position `json:"positions"`           // inDefault, outDefault
	Transport           string     `json:"X-transport"`         // empty, notEmpty (a jam), unknown
	// Units is X-units: BoxUnit and, of a recycler, one unit for each note type (RecycleUnit).
	Units map[string]UnitStatus `json:"X-units"`
	// Levels is X-levels: the notes in each recycle unit as the device counts them, asked after
	// the last note has moved; nil while they are not known, and of a device without such units.
	Levels    map[string]int      `json:"X-levels,omitempty"`
	NoteTypes map[string]NoteType `json:"X-noteTypes"`
	CashIn    CashInStatus        `json:"X-cashIn"`
}
