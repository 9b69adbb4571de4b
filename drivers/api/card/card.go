// Package card has the typed payloads of the card reader class (XFS4IoT 2024-3
// CardReader, and Storage for the units of a card dispenser). Standard library only; anybody
// may import it.
package card

// Command names.
const (
	CmdReadRawData = "CardReader.ReadRawData" // waits for a card, draws it in, reads
	CmdMove        = "CardReader.Move"
	CmdReset       = "CardReader.Reset"
)

// Event names.
const (
	EvInsertCard    = "CardReader.InsertCardEvent"    // during ReadRawData: ask the customer
	EvMediaInserted = "CardReader.MediaInsertedEvent" // during ReadRawData
	EvInvalidMedia  = "CardReader.InvalidMediaEvent"  // during ReadRawData
	EvMediaRemoved  = "CardReader.MediaRemovedEvent"  // unsolicited: taken at the exit
	EvMediaDetected = "CardReader.MediaDetectedEvent" // unsolicited: found by Reset or Recover
)

// Error codes of the class (completionCode commandErrorCode).
const (
	ErrMediaJam     = "mediaJam"
	ErrShutterFail  = "shutterFail"
	ErrNoMedia      = "noMedia"
	ErrInvalidMedia = "invalidMedia"
	ErrCardTooShort = "cardTooShort"
	ErrCardTooLong  = "cardTooLong"
	ErrOccupied     = "occupied"
	ErrFull         = "full"
	ErrRetained     = "mediaRetained"
	ErrRetainFull   = "retainBinFull"
	ErrCollision    = "cardCollision" // more than one card at the antenna
)

// Positions of Move and Reset.
const (
	Exit      = "exit"
	Transport = "transport"
	Retain    = "retain" // storage unit of the retained cards: Move{to:"unitRetain"} and Reset{to:"retain"}
	UnitBin   = "unitRetain"
	Current   = "currentPosition"
	Auto      = "auto"
)

// ReadRawData asks for the marked data. Only magnetic tracks are read by a driver
// without a chip module.
type ReadRawData struct {
	Track1 bool `json:"track1,omitempty"`
	Track2 bool `json:"track2,omitempty"`
	Track3 bool `json:"track3,omitempty"`
	Chip   bool `json:"chip,omitempty"`
}

// Data is one source's answer. Data is base64 in JSON, as XFS4IoT asks. It is
// sensitive: never log it.
type Data struct {
	Status string `json:"status,omitempty"` // "" (ok), dataMissing, dataInvalid, dataTooLong, dataTooShort, …
	Data   []byte `json:"data,omitempty"`
}

// ReadRawDataResult has a member for each source that was asked for.
type ReadRawDataResult struct {
	Track1 *Data  `json:"track1,omitempty"`
	Track2 *Data  `json:"track2,omitempty"`
	Track3 *Data  `json:"track3,omitempty"`
	Chip   []Data `json:"chip,omitempty"`
	// Protocol is X-chipProtocol: that of a card at the antenna (chipTypeAPart4, chipTypeB), whose Chip is
	// its answer to select or to the request. Empty: Chip is an answer to reset.
	Protocol string `json:"X-chipProtocol,omitempty"`
}

// Move carries the card from one place to another.
type Move struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Reset brings the reader to a known state.
type Reset struct {
	To string `json:"to,omitempty"` // exit, retain, currentPosition, auto
}

// Status is the cardReader member of Common.Status.
type Status struct {
	Media     string `json:"media"`               // unknown, present, notPresent, jammed, entering, latched
	ChipPower string `json:"chipPower,omitempty"` // noCard, online, busy, poweredOff, …
	Security  string `json:"security,omitempty"`
	// Retained counts the cards in the retain bin (extension X-retained; the standard has
	// it in Storage).
	Retained int `json:"X-retained"`
	// Units is X-units: the card storage units of a device that has some beside the bin.
	Units map[string]Unit `json:"X-units,omitempty"`
}
