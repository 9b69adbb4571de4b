package mgmt

// FormatText is a built-in message format: the text of its file.
type FormatText struct {
	Name string `json:"name"`
	YAML string `json:"yaml"`
}

// Preview is the body of POST /formats/preview: the text of a format, and a transaction in JSON to be
// packed or a message in hexadecimal to be read. Nothing of it is stored or logged.
type Preview struct {
	YAML        string `json:"yaml" maxLength:"65536"`
	Transaction string `json:"transaction,omitempty" maxLength:"65536"`
	Message     string `json:"message,omitempty" maxLength:"65536"`
}

// Previewed is the answer: the whole frame and its masked description, or what is wrong.
type Previewed struct {
	Name      string      `json:"name"`
	Kind      string      `json:"kind"`
	Hex       string      `json:"hex"`
	Described string      `json:"described"`
	Error     *FormatFail `json:"error,omitempty"`
}

// FormatFail tells in which text the fault is and where; line 0 when the place is not known.
type FormatFail struct {
	In     string `json:"in" enum:"yaml,transaction,message"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Reason string `json:"reason"`
}
