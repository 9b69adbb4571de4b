package message

import (
	"fmt"

	"zhigui/server/api/message/frame"
)

// MaxFields is the largest data element number any dialect may use.
const MaxFields = 128

// Type is the character class of a field.
type Type uint8

// Character classes of ISO 8583 as far as the dialects use them.
const (
	TypeN   Type = iota + 1 // digits
	TypeZ                   // track data: digits and separator
	TypeAN                  // letters, digits, space
	TypeANS                 // printable characters, GB18030 bytes allowed
	TypeB                   // raw bytes
	TypeXN                  // C or D, then digits
)

// Mask says how Describe shows a field.
type Mask uint8

// Ways to show a value.
const (
	MaskNone   Mask = iota
	MaskPAN         // first six, last four
	MaskTrack       // length only
	MaskSecret      // length only: PIN blocks, keys, chip data
)

// Field describes one data element.
type Field struct {
	N     int
	Name  string // short English name
	Type  Type
	Max   int // characters (digits for n and z, bytes for b)
	Var   int // 0 fixed; 2 or 3: digits of the length prefix
	Canon Canon
	Mask  Mask

	Charset string // of an and ans text; empty for the dialect's
	code    *codePage

	page   *codePage // of its characters on the wire, nil for none
	packed bool      // two digits a byte
	width  int       // of its length prefix
}

// Enc is how digits travel.
type Enc uint8

// Encodings of digits and of length prefixes.
const (
	EncASCII  Enc = iota + 1
	EncBCD        // two digits a byte; an odd one is filled up with a zero nibble
	EncBinary     // a length prefix of one byte (two for var: 3 above 255), as VISA has it
	EncEBCDIC     // EBCDIC digits
)

// Prefix is the length prefix of a frame on a stream, where it is one of the two of
// UnionPay's links; 0 for all others, which are in Frame only.
type Prefix uint8

// Frame prefixes.
const (
	PrefixBinary2 Prefix = iota + 1 // two bytes, big endian, itself not counted
	PrefixASCII4                    // four ASCII digits, itself not counted; 0000 is an idle frame
)

// Part is one part of the header before the MTI.
type Part struct {
	Name    string
	Off     int
	Len     int
	Default []byte
	Total   bool // length of header and message: four ASCII digits, or two bytes
	Fixed   bool // what comes with anything but Default is no business message: CUPS sends back with a reject code what it cannot read
}

// MACForm is how a MAC sits in its field.
type MACForm uint8

// Forms of a MAC field.
const (
	MACBinary MACForm = iota + 1 // first 8 bytes of the MAC
	MACHex                       // first 4 bytes as 8 upper-case hexadecimal characters
)

// Dialect is a loaded, validated message dialect. It is immutable and safe for concurrent use.
type Dialect struct {
	Name    string
	Fields  int // 64 or 128
	Digits  Enc
	Lengths Enc
	Odd     bool // an odd number of BCD digits is filled up on the left (VISA), not on the right
	Hex     bool // the bitmap is 16 or 32 hexadecimal characters
	Charset string
	Prefix  Prefix
	Frame   frame.Frame
	MaxLen  int // largest frame without its prefix, bytes
	Header  []Part
	HdrLen  int
	MAC     int // field number of the MAC, the last field; 0 = none
	Form    MACForm
	Left    Place // of the time left

	code    *codePage // MTI and bitmap characters; nil for ASCII
	extract *extract  // what the MAC covers where it is chosen fields
	table   [MaxFields + 1]*Field
	canon   [canonCount]uint8
}

// Field returns the description of data element n, or nil when the dialect has none.
func (d *Dialect) Field(n int) *Field {
	if n < 0 || n > MaxFields {
		return nil
	}
	return d.table[n]
}

// Number returns the data element that carries c, or 0.
func (d *Dialect) Number(c Canon) int { return int(d.canon[c]) }

// part finds a header part by name.
func (d *Dialect) part(name string) *Part {
	for i := range d.Header {
		if d.Header[i].Name == name {
			return &d.Header[i]
		}
	}
	return nil
}

// FieldError tells which field is wrong and why. It never holds a value.
type FieldError struct {
	Dialect string
	Field   int // 0: header, MTI or bitmap
	Reason  string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("message %s: field %d: %s", e.Dialect, e.Field, e.Reason)
}
