// Package barcode has the typed payloads of the barcode reader class (XFS4IoT 2024-3
// BarcodeReader). Standard library only; anybody may import it.
package barcode

// Command names.
const (
	CmdRead  = "BarcodeReader.Read" // waits for a code
	CmdReset = "BarcodeReader.Reset"
)

// EvPresent asks the person for a code during Read. XFS4IoT has no event for it.
const EvPresent = "BarcodeReader.X-PresentCodeEvent"

// ErrInvalid is the class's error code: a code came that could not be used.
const ErrInvalid = "barcodeInvalid"

// Read names the symbologies that may be read; none means all. A device that cannot filter
// (canFilterSymbologies false) reads all of them.
type Read struct {
	Symbologies map[string]bool `json:"symbologies,omitempty"`
}

// Output is one code. What a code holds may be personal or worth money (payment codes):
// never log it.
type Output struct {
	Symbology     string `json:"symbology,omitempty"` // absent when the device does not say
	BarcodeData   []byte `json:"barcodeData"`         // base64 in JSON
	SymbologyName string `json:"symbologyName,omitempty"`
}

// ReadResult is Read's completion.
type ReadResult struct {
	ReadOutput []Output `json:"readOutput"`
}

// Status is the barcodeReader member of Common.Status.
type Status struct {
	Scanner string `json:"scanner"` // on (a read is active), off, inoperative, unknown
}
