package printer

// CmdPrintPage prints on a sheet of a page printer. PrintForm is answered by the platform, which
// has the forms; a driver gets places.
const CmdPrintPage = "Printer.X-PrintPage"

// Page is what X-PrintPage prints on the sheet in the printer, or on a new one.
type Page struct {
	Fields []Field `json:"fields"`
	Eject  bool    `json:"eject"` // the sheet is complete
}

// Field is one piece of a page. X and Y are tenths of a millimetre from the upper left corner of
// the printable area to the piece's own.
type Field struct {
	X    int    `json:"x"`
	Y    int    `json:"y"`
	Text string `json:"text,omitempty"`
	Bold bool   `json:"bold,omitempty"`
	Big  bool   `json:"big,omitempty"` // double width and height
	QR   string `json:"qr,omitempty"`
}
