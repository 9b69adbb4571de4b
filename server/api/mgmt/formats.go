package mgmt

// Format is a message format: one of the platform's, one that this server's configuration loaded at its start,
// or a draft, which nothing runs by.
type Format struct {
	Name string   `json:"name"`
	From string   `json:"from" enum:"builtin,server,draft"`
	Path string   `json:"path,omitempty"` // of its file on the server
	Used []string `json:"used"`           // hosts and channels by whose configuration the file is loaded at the start
}

// FormatText is a message format with the text of its file; Digest is the text's SHA-256.
type FormatText struct {
	Format
	YAML   string `json:"yaml"`
	Digest string `json:"digest"`
}

// FormatDraft is the body of PUT /formats/{name}: a draft under the name that its text has. Before is the digest of
// the draft that it replaces, empty when there is none.
type FormatDraft struct {
	YAML   string `json:"yaml" maxLength:"65536"`
	Before string `json:"before" maxLength:"64"`
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
