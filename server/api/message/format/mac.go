package format

import (
	"bytes"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// macSpec is how a MAC sits in a message: binary, or hexadecimal digits; size bytes of it.
// It covers everything before or after its field, or in XML and JSON one node.
type macSpec struct {
	field *Field
	hex   bool
	size  int
	after bool
	path  []string // the covered node
}

func (s *macSpec) width() int {
	if s.hex {
		return 2 * s.size
	}
	return s.size
}

// wire is the MAC as the message carries it.
func (s *macSpec) wire(mac []byte) ([]byte, bool) {
	if len(mac) < s.size {
		return nil, false
	}
	if s.hex {
		return []byte(strings.ToUpper(hex.EncodeToString(mac[:s.size]))), true
	}
	return mac[:s.size], true
}

func (s *macSpec) placeholder() []byte {
	return bytes.Repeat([]byte{'0'}, s.width())
}

// parse is the inverse of wire.
func (s *macSpec) parse(b []byte) ([]byte, bool) {
	if len(b) != s.width() {
		return nil, false
	}
	if !s.hex {
		return bytes.Clone(b), true
	}
	m := make([]byte, s.size)
	if _, err := hex.Decode(m, b); err != nil || strings.ToUpper(string(b)) != string(b) {
		return nil, false
	}
	return m, true
}

// Equals compares a computed MAC, which may be longer, with the received one in constant
// time. It is false when there is none.
func (s Seal) Equals(mac []byte) bool {
	return len(s.MAC) > 0 && len(mac) >= len(s.MAC) && subtle.ConstantTimeCompare(s.MAC, mac[:len(s.MAC)]) == 1
}
