// Package siu has the typed payloads of sensors and indicators: the interfaces Lights and
// Auxiliaries of XFS4IoT 2024-3. Standard library only; anybody may import it.
package siu

import "encoding/json"

// Command names.
const (
	CmdSetLight       = "Lights.SetLight"
	CmdSetAuxiliaries = "Auxiliaries.SetAuxiliaries"
)

// Error codes of the two interfaces.
const (
	ErrInvalidLight     = "invalidLight"
	ErrLight            = "lightError"
	ErrInvalidAuxiliary = "invalidAuxiliary"
)

// Light is what one lamp shows, in commands and in the lights member of Common.Status. A
// member that is absent is left as it is.
type Light struct {
	FlashRate string `json:"flashRate,omitempty"` // off, slow, medium, quick, continuous
	Color     string `json:"color,omitempty"`     // red, green, yellow, blue, cyan, magenta, white
	Direction string `json:"direction,omitempty"` // entry, exit
}

// SetLight is keyed by lamp ("cardReader", "statusGood", …) and position ("left", "top", …;
// "default" when the lamp has one place only).
type SetLight map[string]map[string]Light

// SetAuxiliaries is keyed by auxiliary ("heating", "volume", …); values are texts or whole
// numbers as the standard lists them.
type SetAuxiliaries map[string]json.RawMessage

// Lights are the lamps of the standard.
var Lights = []string{"cardReader", "pinPad", "notesDispenser", "coinDispenser", "receiptPrinter", "passbookPrinter", "envelopeDepository",
	"checkUnit", "billAcceptor", "envelopeDispenser", "documentPrinter", "coinAcceptor", "scanner", "contactless", "cardReader2",
	"notesDispenser2", "billAcceptor2", "statusGood", "statusWarning", "statusBad", "statusSupervisor", "statusInService", "fasciaLight"}
