// Package textterminal has the typed payloads of the operator's display and keypad (XFS4IoT
// 2024-3 TextTerminal). Standard library only; anybody may import it.
package textterminal

// Command names.
const (
	CmdBeep          = "TextTerminal.Beep"
	CmdClearScreen   = "TextTerminal.ClearScreen"
	CmdDefineKeys    = "TextTerminal.DefineKeys"
	CmdGetKeyDetail  = "TextTerminal.GetKeyDetail"
	CmdRead          = "TextTerminal.Read"
	CmdReset         = "TextTerminal.Reset"
	CmdSetResolution = "TextTerminal.SetResolution"
	CmdWrite         = "TextTerminal.Write"
)

// Event names.
const (
	EvKey = "TextTerminal.KeyEvent"
	// EvReading: the keypad is being read from now on. The standard has no such event.
	EvReading = "X-TextTerminal.ReadingEvent"
)

// Error codes of the class.
const (
	ErrKeyInvalid       = "keyInvalid"
	ErrKeyNotSupported  = "keyNotSupported"
	ErrNoActiveKeys     = "noActiveKeys"
	ErrCharacterSets    = "characterSetsData"
	ErrResolutionNotSup = "resolutionNotSupported"
)

// Attr is how text looks.
type Attr struct {
	Underline bool `json:"underline,omitempty"`
	Inverted  bool `json:"inverted,omitempty"`
	Flash     bool `json:"flash,omitempty"`
}

// Place is where something is written: from the upper left corner (absolute) or from where
// the cursor is (relative).
type Place struct {
	Mode string `json:"mode,omitempty"` // relative (default), absolute
	PosX int    `json:"posX,omitempty"`
	PosY int    `json:"posY,omitempty"`
}

// Write is the request of Write.
type Write struct {
	Place
	TextAttr *Attr  `json:"textAttr,omitempty"`
	Text     string `json:"text"`
}

// ClearScreen is the request of ClearScreen; without Screen everything is cleared.
type ClearScreen struct {
	Screen *Area `json:"screen,omitempty"`
}

// Area is part of the screen.
type Area struct {
	PositionX int `json:"positionX"`
	PositionY int `json:"positionY"`
	Width     int `json:"width"`
	Height    int `json:"height"`
}

// Keys are those that count: characters (zero … nine, or any character that is no digit) and
// command keys, which may end the reading.
type Keys struct {
	ActiveKeys        []string              `json:"activeKeys,omitempty"`
	ActiveCommandKeys map[string]CommandKey `json:"activeCommandKeys,omitempty"`
}

// CommandKey says whether a key ends the reading.
type CommandKey struct {
	Terminate bool `json:"terminate"`
}

// Read is the request of Read. Without Keys those of DefineKeys count.
type Read struct {
	Place
	Keys
	NumOfChars int    `json:"numOfChars"`
	EchoMode   string `json:"echoMode,omitempty"` // text (default), invisible, password
	EchoAttr   *Attr  `json:"echoAttr,omitempty"`
	Visible    bool   `json:"visible,omitempty"` // the cursor
	Flush      bool   `json:"flush,omitempty"`   // forget what was typed before
	AutoEnd    bool   `json:"autoEnd,omitempty"` // ends with the last character
}

// ReadResult is its completion. Input may be a password: it is never logged.
type ReadResult struct {
	Input string `json:"input"`
}

// KeyPressed is the payload of KeyEvent; of a character that is not echoed it has no Key.
type KeyPressed struct {
	Key        string `json:"key,omitempty"`
	CommandKey string `json:"commandKey,omitempty"`
}

// KeyDetail is the completion of GetKeyDetail: what the keypad has.
type KeyDetail struct {
	Keys        []string              `json:"keys"`
	CommandKeys map[string]CommandKey `json:"commandKeys"`
}

// Beep is the request of Beep.
type Beep struct {
	Beep *struct {
		Continuous bool   `json:"continuous,omitempty"`
		BeepType   string `json:"beepType,omitempty"` // keyPress, exclamation, warning, error, critical
	} `json:"beep,omitempty"`
}

// SetResolution is the request of SetResolution.
type SetResolution struct {
	Resolution struct {
		SizeX int `json:"sizeX"`
		SizeY int `json:"sizeY"`
	} `json:"resolution"`
}

// Status is the textTerminal member of Common.Status.
type Status struct {
	Keyboard     string `json:"keyboard"` // on while it is read
	KeyLock      string `json:"keyLock"`
	DisplaySizeX int    `json:"displaySizeX"`
	DisplaySizeY int    `json:"displaySizeY"`
}
