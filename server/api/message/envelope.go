package message

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// An envelope is how fields of a message travel encrypted: they are taken out of the message, and the
// field of Private carries all of them as
//
//	one random block ‖ { number (1) ‖ length (2, big-endian) ‖ value } … ‖ 80 00 … to whole blocks
//
// in CBC with an IV of zeros: the encrypted random block is the IV of the rest. The third digit of
// Security is 1, as UnionPay's POS specification (Q/CUP 009, field 53.3) marks encrypted tracks; the
// layout of the envelope is the platform's own. A MAC is over the message with the envelope.

// ErrEnvelope is an envelope that cannot be opened. What was in it is not said.
var ErrEnvelope = errors.New("message: not an envelope of fields")

// EncloseAll, in the place of a field's name, encloses every field but those that a message needs to be
// found, answered and authenticated.
const EncloseAll = "all"

// staying are never enclosed: they tell whose message it is, and PIN blocks have a key of their own.
var staying = []Canon{ProcCode, STAN, LocalTime, LocalDate, Reference, Response, Terminal, Merchant, PINBlock, Security, Batch, Original, MACValue}

// Enclosed finds the data elements of canonical fields by name, or of EncloseAll. Private is always one
// of them: its place is the envelope's.
func (d *Dialect) Enclosed(names []string) ([]int, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if d.Number(Private) == 0 || d.Number(Security) == 0 {
		return nil, fmt.Errorf("message: dialect %s has no room for encrypted fields", d.Name)
	}
	var out []int
	for n := 2; n <= MaxFields; n++ {
		if d.Field(n) == nil || !d.encloses(n) {
			continue
		}
		if n == d.Number(Private) || slices.Contains(names, EncloseAll) || slices.ContainsFunc(names, func(s string) bool { return d.Number(CanonByName(s)) == n }) {
			out = append(out, n)
		}
	}
	for _, s := range names {
		if s != EncloseAll && !slices.Contains(out, d.Number(CanonByName(s))) {
			return nil, fmt.Errorf("message: field %q of dialect %s cannot be encrypted", s, d.Name)
		}
	}
	return out, nil
}

func (d *Dialect) encloses(n int) bool {
	return !slices.ContainsFunc(staying, func(c Canon) bool { return d.Number(c) == n })
}

// Plain appends what an envelope for those of the fields that m has is made of, in whole blocks; nothing
// when it has none of them.
func (m *Message) Plain(dst []byte, fields []int, block int) []byte {
	at := len(dst)
	for _, n := range fields {
		if !m.Has(n) {
			continue
		}
		if len(dst) == at {
			dst = append(dst, make([]byte, block)...)
			_, _ = rand.Read(dst[at:]) // never fails since Go 1.24
		}
		dst = m.AppendFields(dst, []int{n})
	}
	if len(dst) == at {
		return dst
	}
	dst = append(dst, 0x80)
	for (len(dst)-at)%block != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// Enclose puts the encrypted envelope into m in the place of the fields.
func (m *Message) Enclose(fields []int, secret []byte) error {
	mark := []byte("0000000000000000")
	if v := m.Value(Security); len(v) == len(mark) {
		copy(mark, v)
	}
	mark[2] = '1'
	for _, n := range fields {
		m.Unset(n)
	}
	return errors.Join(m.Put(Security, mark), m.Put(Private, secret))
}

// Envelope is the encrypted envelope of m, nil when its fields are in the clear.
func (m *Message) Envelope() []byte {
	if v := m.Value(Security); len(v) > 2 && v[2] == '1' {
		return m.Value(Private)
	}
	return nil
}

// Disclose puts the fields of a decrypted envelope into m in the place of the envelope.
func (m *Message) Disclose(plain []byte, block int) error {
	end := len(plain) - 1
	for end >= 0 && plain[end] == 0 {
		end--
	}
	if end < block || plain[end] != 0x80 || len(plain)-end > block {
		return ErrEnvelope
	}
	m.Unset(m.d.Number(Private))
	return m.fill(plain[block:end])
}

// Encloses tells whether data element n of d may travel encrypted: not what says whose message it is.
func (d *Dialect) Encloses(n int) bool { return d.Field(n) != nil && d.encloses(n) }

// AppendFields appends the fields that m has to dst: { number (1) ‖ length (2, big-endian) ‖ value } …
func (m *Message) AppendFields(dst []byte, fields []int) []byte {
	for _, n := range fields {
		if m.Has(n) {
			v := m.Get(n)
			dst = append(dst, byte(n), byte(len(v)>>8), byte(len(v))) //nolint:gosec // a field is at most 999 long
			dst = append(dst, v...)
		}
	}
	return dst
}

// TakeFields puts what AppendFields made into m, which has none of it.
func (m *Message) TakeFields(plain []byte) error { return m.fill(plain) }

func (m *Message) fill(plain []byte) error {
	for b := plain; len(b) > 0; {
		if len(b) < 3 || len(b)-3 < int(binary.BigEndian.Uint16(b[1:])) {
			return ErrEnvelope
		}
		n, size := int(b[0]), int(binary.BigEndian.Uint16(b[1:]))
		if m.d.Field(n) == nil || !m.d.encloses(n) || m.Has(n) || m.Set(n, b[3:3+size]) != nil {
			return ErrEnvelope
		}
		b = b[3+size:]
	}
	return nil
}
