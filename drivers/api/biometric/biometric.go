// Package biometric has the typed payloads of the biometric class (XFS4IoT 2024-3
// Biometric). Standard library only; anybody may import it.
//
// Templates are personal: they are in payloads that were asked for, never in a log, an error
// or a journal.
package biometric

// Command names.
const (
	CmdRead        = "Biometric.Read" // waits for a finger
	CmdImport      = "Biometric.Import"
	CmdMatch       = "Biometric.Match"
	CmdClear       = "Biometric.Clear"
	CmdReset       = "Biometric.Reset"
	CmdStorageInfo = "Biometric.GetStorageInfo"
)

// Event names.
const (
	EvPresent  = "Biometric.PresentSubjectEvent"
	EvDetected = "Biometric.SubjectDetectedEvent"
	EvRemove   = "Biometric.RemoveSubjectEvent"
	EvCleared  = "Biometric.DataClearedEvent" // unsolicited
)

// Error codes of the class.
const (
	ErrReadFailed   = "readFailed"
	ErrMode         = "modeNotSupported"
	ErrFormat       = "formatNotSupported"
	ErrInvalidData  = "invalidData"
	ErrCapacity     = "capacityExceeded"
	ErrNoImported   = "noImportedData"
	ErrIdentifier   = "invalidIdentifier"
	ErrNoCapture    = "noCaptureData"
	ErrCompareMode  = "invalidCompareMode"
	ErrThreshold    = "invalidThreshold"
	Scanned         = "scannedData"
	Imported        = "importedData"
	FormatTemplate1 = "reservedTemplate1" // the device's own form
	ModeScan        = "scan"
	ModeMatch       = "match"
	CompareVerify   = "verify"
	CompareIdentity = "identity"
)

// Type names the form of a template.
type Type struct {
	Format string `json:"format"`
}

// Template is one template. Data is base64 in JSON.
type Template struct {
	Type Type   `json:"type"`
	Data []byte `json:"data"`
}

// Read captures a subject. With mode match nothing is given out.
type Read struct {
	DataTypes   []Type `json:"dataTypes,omitempty"`
	NumCaptures int    `json:"numCaptures,omitempty"`
	Mode        string `json:"mode,omitempty"`
}

// ReadResult is Read's completion.
type ReadResult struct {
	DataRead []Template `json:"dataRead,omitempty"`
}

// Import puts templates into the device; the answer names them.
type Import struct {
	Templates []Template `json:"templates"`
}

// Storage is keyed by identifier ("id0", …): the completion of Import and GetStorageInfo.
type Storage struct {
	Templates map[string]Type `json:"templates"`
}

// Match compares what was captured last with what was imported.
type Match struct {
	CompareMode string `json:"compareMode"`
	Identifier  string `json:"identifier,omitempty"`
	Maximum     int    `json:"maximum,omitempty"`
	Threshold   int    `json:"threshold"`
}

// Candidate is one template that is like the capture.
type Candidate struct {
	Confidence int `json:"confidenceLevel"` // 0 … 100
}

// MatchResult is Match's completion, keyed by identifier; empty when nobody is like it.
type MatchResult struct {
	Candidates map[string]Candidate `json:"candidates"`
}

// Clear names what to forget; empty is everything.
type Clear struct {
	ClearData string `json:"clearData,omitempty"`
}

// Status is the biometric member of Common.Status.
type Status struct {
	Subject     string `json:"subject"` // present, notPresent, unknown
	Capture     bool   `json:"capture"`
	Persistence string `json:"dataPersistence"`
	Remaining   int    `json:"remainingStorage"` // bytes
}
