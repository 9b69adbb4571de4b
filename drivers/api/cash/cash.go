// Package cash has the typed payloads of the cash dispenser and of the note acceptor and
// recycler (XFS4IoT 2024-3 CashDispenser, CashAcceptor, CashManagement, Storage). Standard library only; anybody may import it.
// Amounts are integer minor units; on the wire of XFS4IoT they are decimal numbers of
// the currency's major unit.
package cash

// Command names that reach a driver. Denominate, GetMixTypes, GetPresentStatus and
// Storage are answered by the platform from its journal.
const (
	CmdDispense = "CashDispenser.Dispense"
	CmdPresent  = "CashDispenser.Present"
	CmdReject   = "CashDispenser.Reject"
	CmdRetract  = "CashManagement.Retract"
	CmdReset    = "CashManagement.Reset"
	CmdTest     = "CashDispenser.TestCashUnits"
)

// Event names.
const (
	EvStartDispense  = "CashDispenser.StartDispenseEvent"
	EvIncomplete     = "CashDispenser.IncompleteDispenseEvent"
	EvNoteError      = "CashManagement.NoteErrorEvent"
	EvItemsPresented = "CashManagement.ItemsPresentedEvent" // unsolicited
	EvItemsTaken     = "CashManagement.ItemsTakenEvent"     // unsolicited
	EvMediaDetected  = "CashManagement.MediaDetectedEvent"  // unsolicited
)

// Error codes of the class.
const (
	ErrCashUnit         = "cashUnitError"
	ErrNotDispensable   = "notDispensable"
	ErrTooManyItems     = "tooManyItems"
	ErrItemsLeft        = "itemsLeft"
	ErrNoItems          = "noItems"
	ErrItemsTaken       = "itemsTaken"
	ErrPresentNoItems   = "presentErrorNoItems"
	ErrPresentItems     = "presentErrorItems"
	ErrPresentUnknown   = "presentErrorUnknown"
	ErrIncompleteRetrac = "incompleteRetract"
)

// Dispense asks a driver for notes by cash unit. A device without an intermediate
// stacker (capability intermediateStacker false) gives the customer access with the same
// movement; one with a stacker waits for Present.
type Dispense struct {
	// Counts is the number of notes per cash unit id ("unit1", …); at least one.
	Counts map[string]int `json:"counts"`
	// Position is an XFS4IoT output position; empty is outDefault.
	Position string `json:"position,omitempty"`
	// Token authorises the value, on a device with end-to-end security.
	Token string `json:"token,omitempty"`
}

// Moved is the payload of every completion of a command that moves cash, also of a
// failed one: where the notes went that left each cash unit.
type Moved struct {
	Units map[string]UnitMoved `json:"X-units,omitempty"`
	// Unknown: what reached the customer cannot be trusted (lost reply, jam at the exit);
	// the numbers are lower bounds and a person must count.
	Unknown bool `json:"X-unknown,omitempty"`
	// Uncounted: what reached the customer is certain, but notes that nothing counted lie
	// inside (jam before the exit): the cash units hold somewhat less than the books say.
	Uncounted bool `json:"X-uncounted,omitempty"`
}

// UnitMoved is what happened to the notes of one cash unit in one command.
type UnitMoved struct {
	Presented int `json:"presented,omitempty"` // left through the exit: the customer can reach or has them
	Stacked   int `json:"stacked,omitempty"`   // on the intermediate stacker
	Rejected  int `json:"rejected,omitempty"`  // in the reject tray
	Retracted int `json:"retracted,omitempty"` // back from the exit, in the reject or retract tray
	// State is ok, low, empty, inoperative or missing, as the device reports after the command.
	State string `json:"state,omitempty"`
}

// Retract and Reset say where items go; drivers support "reject" and "retract".
type Retract struct {
	Area string `json:"retractArea,omitempty"`
}

// Status is the cashDispenser member of Common.Status plus the units' state.
type Status struct {
	IntermediateStacker string     `json:"intermediateStacker,omitempty"` // empty, notEmpty, unknown; empty string: there is none
	Positions           []Position `json:"positions"`
	// Transport is X-transport: notes between cash units and exit: empty, notEmpty, unknown.
	Transport string `json:"X-transport"`
	// Units is X-units: the physical state of each cash unit.
	Units map[string]UnitStatus `json:"X-units"`
}

// Position is one output position.
type Position struct {
	Position       string `json:"position"`       // outDefault
	PositionStatus string `json:"positionStatus"` // empty, notEmpty, unknown
	Shutter        string `json:"shutter,omitempty"`
	Transport      string `json:"transport,omitempty"` // ok, inoperative, unknown
}

// UnitStatus is the physical state of one cash unit.
type UnitStatus struct {
	State string `json:"state"` // ok, low, empty, inoperative, missing
}
