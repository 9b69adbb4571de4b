package printer

// Commands for a passbook printer. PrintForm and ReadForm are answered by the platform, which
// has the forms; a driver gets positions and stripe data.
const (
	CmdInsertMedia     = "Printer.X-InsertMedia"   // waits for the passbook, draws it in and aligns it
	CmdPrintPassbook   = "Printer.X-PrintPassbook" // lines at positions of the open page
	CmdReadStripe      = "Printer.X-ReadStripe"
	CmdWriteStripe     = "Printer.X-WriteStripe"
	CmdControlPassbook = "Printer.ControlPassbook"
)

// Events of passbook printers.
const (
	EvNoMedia       = "Printer.NoMediaEvent"       // ask the customer; userPrompt says for what
	EvMediaInserted = "Printer.MediaInsertedEvent" // during InsertMedia and ControlPassbook
	EvMediaDetected = "Printer.MediaDetectedEvent" // unsolicited: found by Recover or Reset
)

// Error codes of passbook printers.
const (
	ErrNoMedia       = "noMediaPresent"
	ErrMediaOverflow = "mediaOverflow"
	ErrMediaSkewed   = "mediaSkewed"
	ErrStripe        = "msfError"
	ErrNoStripe      = "noMSF"
	ErrPageTurn      = "pageTurnFail"
)

// NoMedia is the payload of NoMediaEvent: insertPassbook or turnPage.
type NoMedia struct {
	UserPrompt string `json:"userPrompt"`
}

// ControlPassbook turns pages: forward or backward by count. A printer without a page turner
// gives the book back, asks the customer to turn the page, and waits for it.
type ControlPassbook struct {
	Action string `json:"action"`
	Count  int    `json:"count,omitempty"`
}

// Passbook is what X-PrintPassbook prints on the open page. Lines begin at 1, columns (half
// width) at 1. What is printed once is never printed again by a driver.
type Passbook struct {
	Lines []PassbookLine `json:"lines"`
}

// PassbookLine is one piece of text at its place.
type PassbookLine struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// Stripe is the magnetic stripe of a passbook: X-WriteStripe's request and X-ReadStripe's
// completion. It holds account data: never log it.
type Stripe struct {
	Data string `json:"data"`
}
