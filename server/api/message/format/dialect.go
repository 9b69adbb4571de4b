// Package format packs and unpacks the canonical transaction in any dialect: 8583 (through
// the package message), fixed structures, delimited text, XML, JSON and SOP. A dialect is a
// data file, as docs/tutorial-dialect.md shows; the code knows no bank. Anybody may import
// it. Messages on the hot path are 8583 and use the package message directly.
//
// Sources: requirements TX-01, TX-10 to TX-15; transaction.md §2 and §3.3. Of SOP no full
// document is public: sop.go says what was found and what was assumed.
package format

import (
	"bufio"
	"fmt"
	"slices"

	"zhigui/server/api/message"
	"zhigui/server/api/message/frame"
)

// Dialect is a loaded, validated dialect of any kind. It is immutable and safe for
// concurrent use.
type Dialect struct {
	Name  string
	Kind  string // 8583, fixed, delimited, xml, json or sop
	Frame frame.Frame

	codec   codec
	charset charsetOf
	fields  []*Field
	mac     *macSpec
}

// Field is one field of a dialect that is not 8583.
type Field struct {
	Name  string
	Canon message.Canon
	Type  message.Type
	Mask  message.Mask
	Max   int      // characters of a text, digits of a number, bytes
	Exact bool     // numbers: always Max digits, zero filled on the left
	Rows  []*Field // a repeating group

	key      string // in Transaction.Values or Lists
	required bool
	fixed    string // the value it always has
	isFixed  bool
	toWire   map[string]string
	fromWire map[string]string
	as       string
	decimals int
	charset  charsetOf
	mac      bool
	total    bool

	len       int // fixed structures
	pad       []byte
	right     bool
	countLen  int
	maxRows   int
	path      []string // XML and JSON
	object    string   // SOP
	isPadZero bool
}

// typeKey is the key of the message type among the values while a codec works on them.
const typeKey = "type"

// Sign computes the MAC of the covered bytes.
type Sign func(cover []byte) ([]byte, error)

// Seal is the MAC of a received message and the bytes it covers; both nil without a MAC.
type Seal struct{ Cover, MAC []byte }

type codec interface {
	pack(d *Dialect, t *Transaction, sign Sign) ([]byte, error)
	unpack(d *Dialect, body []byte) (*Transaction, Seal, error)
}

// Error tells which field is wrong and why. It never holds a value.
type Error struct {
	Dialect, Field, Reason string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("message %s: %s", e.Dialect, e.Reason)
	}
	return fmt.Sprintf("message %s: field %s: %s", e.Dialect, e.Field, e.Reason)
}

func (d *Dialect) wrong(f *Field, reason string) error {
	if f == nil {
		return &Error{d.Name, "", reason}
	}
	return &Error{d.Name, f.Name, reason}
}

// HasMAC tells whether messages of d carry a MAC.
func (d *Dialect) HasMAC() bool { return d.mac != nil }

// Pack appends t as a whole frame to dst. Values that the dialect does not have are left
// out. sign may be nil only for a dialect without a MAC.
func (d *Dialect) Pack(dst []byte, t *Transaction, sign Sign) ([]byte, error) {
	if d.mac != nil && sign == nil {
		return dst, d.wrong(nil, "its messages carry a MAC and there is nobody to compute it")
	}
	if e, ok := d.codec.(*iso); ok {
		return e.frame(d, dst, t, sign)
	}
	body, err := d.codec.pack(d, t, sign)
	if err != nil {
		return dst, err
	}
	at := len(dst)
	out, err := d.Frame.Finish(append(d.Frame.Begin(dst), body...), at)
	if err != nil {
		return dst, d.wrong(nil, err.Error())
	}
	return out, nil
}

// Unpack reads body, one message without its frame.
func (d *Dialect) Unpack(body []byte) (*Transaction, Seal, error) {
	if len(body) > d.Frame.Max {
		return nil, Seal{}, d.wrong(nil, "longer than the dialect allows")
	}
	return d.codec.unpack(d, body)
}

// ReadFrame reads one frame from r and returns its message; see frame.Frame.Read.
func (d *Dialect) ReadFrame(r *bufio.Reader, buf []byte) ([]byte, error) { return d.Frame.Read(r, buf) }

// values returns t's values with its type among them, as codecs want them.
func values(t *Transaction) func(key string) (string, bool) {
	return func(key string) (string, bool) {
		if key == typeKey {
			return t.Type, t.Type != ""
		}
		v, ok := t.Values[key]
		return v, ok
	}
}

// transaction is an empty one with room for d's fields.
func (d *Dialect) transaction() *Transaction {
	return &Transaction{Values: make(map[string]string, len(d.fields)), Lists: map[string][]map[string]string{}}
}

// store puts an unpacked value where it belongs.
func (t *Transaction) store(key, v string) {
	if key == typeKey {
		t.Type = v
		return
	}
	t.Values[key] = v
}

// ISO is the 8583 dialect behind d, nil when d is of another kind.
func (d *Dialect) ISO() *message.Dialect {
	if e, ok := d.codec.(*iso); ok {
		return e.d
	}
	return nil
}

// HasType tells whether messages of d say what they are.
func (d *Dialect) HasType() bool {
	return slices.ContainsFunc(d.fields, func(f *Field) bool { return f.key == typeKey })
}

// Requires tells whether every message of d must have the canonical value c.
func (d *Dialect) Requires(c message.Canon) bool {
	for _, f := range d.fields {
		if f.Canon == c && f.required {
			return true
		}
	}
	return false
}

// Carries tells whether messages of d have a field for the canonical value c.
func (d *Dialect) Carries(c message.Canon) bool {
	if e, ok := d.codec.(*iso); ok {
		return e.d.Number(c) != 0 || c == message.TimeLeft && e.d.Left.Field != 0
	}
	for _, f := range d.fields {
		if f.Canon == c {
			return true
		}
	}
	return false
}
