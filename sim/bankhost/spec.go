// Package bankhost simulates the bank's host at the other end of the interchange link: real
// accounts, a durable double-entry ledger, PIN verification, card states, reversals, and
// scenarios that misbehave on request. It shares no code with the server: messages go
// through moov-io/iso8583, SM4 through tjfoc/gmsm, so that every test is a test against an
// independent implementation. Tests and sim programs only; production never imports it.
package bankhost

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/moov-io/iso8583"
	"github.com/moov-io/iso8583/encoding"
	"github.com/moov-io/iso8583/field"
	"github.com/moov-io/iso8583/prefix"
)

const headerLen = 46

// The interchange table of transaction.md §2.3, written down a second time on purpose. Lengths
// are exact for fixed fields and the most for the others.
var (
	fixedFields = map[int]int{3: 6, 4: 12, 7: 10, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 18: 4, 22: 3, 23: 3, 25: 2, 26: 2,
		37: 12, 38: 6, 39: 2, 41: 8, 42: 15, 43: 40, 49: 3, 53: 16, 70: 3, 90: 42, 95: 42, 128: 8}
	llFields  = map[int]int{2: 19, 32: 11, 33: 11, 35: 37, 44: 25, 100: 11, 102: 28, 103: 28}
	lllFields = map[int]int{36: 104, 48: 512, 54: 40, 57: 100, 60: 100, 61: 200, 62: 512, 63: 512, 121: 100, 122: 100, 123: 100}
)

// spec is the table for moov. pinBytes is 8 in a 3DES zone and 16 in an SM4 zone.
func spec(pinBytes int) *iso8583.MessageSpec {
	text := func(n int, p prefix.Prefixer) field.Field {
		return field.NewString(&field.Spec{Length: n, Enc: encoding.ASCII, Pref: p})
	}
	s := &iso8583.MessageSpec{Fields: map[int]field.Field{
		0:  text(4, prefix.ASCII.Fixed),
		1:  field.NewBitmap(&field.Spec{Enc: encoding.Binary, Pref: prefix.Hex.Fixed}),
		52: field.NewBinary(&field.Spec{Length: pinBytes, Enc: encoding.Binary, Pref: prefix.Binary.Fixed}),
		55: field.NewBinary(&field.Spec{Length: 255, Enc: encoding.Binary, Pref: prefix.ASCII.LLL}),
	}}
	for n, l := range fixedFields {
		s.Fields[n] = text(l, prefix.ASCII.Fixed)
	}
	for n, l := range llFields {
		s.Fields[n] = text(l, prefix.ASCII.LL)
	}
	for n, l := range lllFields {
		s.Fields[n] = text(l, prefix.ASCII.LLL)
	}
	// Names in GBK, and keys: bytes, not ASCII.
	for _, n := range []int{48, 62} {
		s.Fields[n] = field.NewString(&field.Spec{Length: lllFields[n], Enc: encoding.Binary, Pref: prefix.ASCII.LLL})
	}
	return s
}

var errFrame = errors.New("bankhost: bad frame")

// frame wraps a packed message into length and 46-byte header; the addresses of the request
// are exchanged.
func frame(req, msg []byte) []byte {
	total := headerLen + len(msg)
	out := make([]byte, 0, 4+total)
	out = fmt.Appendf(out, "%04d", total)
	h := append([]byte(nil), req[:headerLen]...)
	copy(h[2:6], fmt.Sprintf("%04d", total))
	copy(h[6:17], req[17:28])
	copy(h[17:28], req[6:17])
	return append(append(out, h...), msg...)
}

// checkHeader checks the header of a received body (without the four length digits).
func checkHeader(body []byte) error {
	if len(body) < headerLen+4+8 || body[0] != headerLen || string(body[2:6]) != fmt.Sprintf("%04d", len(body)) {
		return errFrame
	}
	return nil
}

// hasMAC tells whether the bitmap of the message has field 128.
func hasMAC(msg []byte) bool {
	return len(msg) >= 20 && msg[4]&0x80 != 0 && binary.BigEndian.Uint64(msg[12:20])&1 == 1
}
