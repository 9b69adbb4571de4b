// Package printer has the typed payloads of the printer class (XFS4IoT 2024-3 Printer).
// Standard library only; anybody may import it.
package printer

// Command names.
const (
	CmdPrintRaw     = "Printer.PrintRaw"
	CmdPrintForm    = "Printer.PrintForm" // answered by the platform, which renders to X-PrintReceipt
	CmdPrintReceipt = "Printer.X-PrintReceipt"
	CmdControlMedia = "Printer.ControlMedia"
	CmdReset        = "Printer.Reset"
)

// Event names.
const (
	EvMediaPresented = "Printer.MediaPresentedEvent"
	EvMediaTaken     = "Printer.MediaTakenEvent"     // unsolicited
	EvPaperThreshold = "Printer.PaperThresholdEvent" // unsolicited
)

// Error codes of the class.
const (
	ErrPaperOut    = "paperOut"
	ErrPaperJammed = "paperJammed"
	ErrShutterFail = "shutterFail"
	ErrMediaJammed = "mediaJammed"
	ErrFlushFail   = "flushFail"
)

// Receipt is what X-PrintReceipt prints, device-independently: the driver turns it into
// its own language.
type Receipt struct {
	Lines []Line `json:"lines"`
	Cut   bool   `json:"cut"`
}

// Line is one line. Text is UTF-8; drivers convert to the device's character set
// (GB18030).
type Line struct {
	Text  string `json:"text,omitempty"`
	Right string `json:"right,omitempty"` // set flush right on the same line
	Align string `json:"align,omitempty"` // left, center, right
	Bold  bool   `json:"bold,omitempty"`
	Big   bool   `json:"big,omitempty"` // double width and height
	Rule  bool   `json:"rule,omitempty"`
	QR    string `json:"qr,omitempty"`
}

// PrintRaw sends bytes as they are (base64 in JSON).
type PrintRaw struct {
	InputData string `json:"inputData"`
	Data      []byte `json:"data"`
}

// ControlMedia cuts, ejects and so on.
type ControlMedia struct {
	MediaControl map[string]bool `json:"mediaControl"`
}

// Status is the printer member of Common.Status.
type Status struct {
	Media string            `json:"media"` // present (at the exit), notPresent, jammed, unknown
	Paper map[string]string `json:"paper"` // {"upper": full|low|out|jammed|unknown}
	Cover string            `json:"X-cover,omitempty"`
}
