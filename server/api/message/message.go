package message

import (
	"crypto/subtle"
	"encoding/hex"
	"math/bits"
	"strconv"
	"time"
)

type span struct {
	off, n int32
	own    bool // in buf, else in in
}

// Message is one message of one dialect, made to be reused. It is not safe for concurrent
// use. Slices returned by Get and Covered are valid until the next Reset or Unpack.
type Message struct {
	d            *Dialect
	in           []byte
	buf          []byte
	hdr          [64]byte
	mti          [4]byte
	bits         [2]uint64
	f            [MaxFields + 1]span
	mtiAt, macAt int // in in, after Unpack
	left         time.Duration
	leftIs       bool // left was set
	leftBad      bool // to what cannot be
}

// New returns an empty message of dialect d with the dialect's default header.
func New(d *Dialect) *Message {
	m := &Message{buf: make([]byte, 0, 512)}
	m.Reset(d)
	return m
}

// Reset empties m and makes it a message of d.
func (m *Message) Reset(d *Dialect) {
	m.d, m.in, m.buf = d, nil, m.buf[:0]
	m.bits = [2]uint64{}
	m.mti = [4]byte{'0', '0', '0', '0'}
	m.mtiAt, m.macAt = 0, 0
	m.leftIs, m.leftBad = false, false
	for i := range d.Header {
		p := &d.Header[i]
		copy(m.hdr[p.Off:p.Off+p.Len], p.Default)
	}
}

// Dialect returns the dialect of m.
func (m *Message) Dialect() *Dialect { return m.d }

// MTI returns the four digits of the message type, for instance "0200".
func (m *Message) MTI() string { return mtiString(m.mti) }

func mtiString(b [4]byte) string {
	switch b {
	case [4]byte{'0', '2', '0', '0'}:
		return "0200"
	case [4]byte{'0', '2', '1', '0'}:
		return "0210"
	case [4]byte{'0', '2', '2', '0'}:
		return "0220"
	case [4]byte{'0', '4', '0', '0'}:
		return "0400"
	case [4]byte{'0', '4', '2', '0'}:
		return "0420"
	case [4]byte{'0', '4', '3', '0'}:
		return "0430"
	}
	return string(b[:])
}

// SetMTI sets the message type; a string that is not four digits is refused.
func (m *Message) SetMTI(s string) error {
	if len(s) != 4 || !digits([]byte(s)) {
		return &FieldError{m.d.Name, 0, "MTI is not four digits"}
	}
	copy(m.mti[:], s)
	return nil
}

// Has tells whether data element n is present.
func (m *Message) Has(n int) bool {
	return n >= 2 && n <= MaxFields && m.bits[(n-1)>>6]&(1<<(63-uint(n-1)&63)) != 0
}

// Len is the number of data elements that m has.
func (m *Message) Len() int { return bits.OnesCount64(m.bits[0]) + bits.OnesCount64(m.bits[1]) }

// Get returns the canonical value of data element n, nil when absent.
func (m *Message) Get(n int) []byte {
	if !m.Has(n) {
		return nil
	}
	s := m.f[n]
	if s.own {
		return m.buf[s.off : s.off+s.n : s.off+s.n]
	}
	return m.in[s.off : s.off+s.n : s.off+s.n]
}

// Value returns the canonical field c, nil when absent or unknown to the dialect.
func (m *Message) Value(c Canon) []byte { return m.Get(int(m.d.canon[c])) }

// String returns data element n as a string (allocates).
func (m *Message) String(n int) string { return string(m.Get(n)) }

// Set checks and copies v into data element n. Fixed an and ans fields are filled up with
// spaces on the right; fixed digits and bytes must have their full length.
func (m *Message) Set(n int, v []byte) error {
	f := m.d.Field(n)
	if f == nil || n < 2 {
		return &FieldError{m.d.Name, n, "not in this dialect"}
	}
	pad := 0
	switch {
	case len(v) > f.Max:
		return &FieldError{m.d.Name, n, "too long"}
	case f.Var == 0 && len(v) < f.Max:
		if f.Type != TypeAN && f.Type != TypeANS {
			return &FieldError{m.d.Name, n, "too short"}
		}
		pad = f.Max - len(v)
	}
	if !valid(f.Type, v) {
		return &FieldError{m.d.Name, n, "character class"}
	}
	off := len(m.buf)
	m.buf = append(m.buf, v...)
	for ; pad > 0; pad-- {
		m.buf = append(m.buf, ' ')
	}
	m.mark(n, span{int32(off), int32(len(m.buf) - off), true})
	return nil
}

// SetString is Set for a string.
func (m *Message) SetString(n int, v string) error {
	var a [64]byte
	return m.Set(n, append(a[:0], v...))
}

// SetNumber sets a fixed numeric element, zero filled on the left.
func (m *Message) SetNumber(n int, v uint64) error {
	f := m.d.Field(n)
	if f == nil || f.Type != TypeN || f.Var != 0 {
		return &FieldError{m.d.Name, n, "not a fixed number"}
	}
	var a [20]byte
	s := strconv.AppendUint(a[:0], v, 10)
	if len(s) > f.Max {
		return &FieldError{m.d.Name, n, "too long"}
	}
	off := len(m.buf)
	for i := len(s); i < f.Max; i++ {
		m.buf = append(m.buf, '0')
	}
	m.buf = append(m.buf, s...)
	m.mark(n, span{int32(off), int32(f.Max), true})
	return nil
}

// Put sets the canonical field c.
func (m *Message) Put(c Canon, v []byte) error { return m.Set(int(m.d.canon[c]), v) }

// Unset removes data element n.
func (m *Message) Unset(n int) {
	if n >= 2 && n <= MaxFields {
		m.bits[(n-1)>>6] &^= 1 << (63 - uint(n-1)&63)
	}
}

func (m *Message) mark(n int, s span) {
	m.f[n] = s
	m.bits[(n-1)>>6] |= 1 << (63 - uint(n-1)&63)
}

// Number parses a numeric element; ok is false when it is absent or not digits.
func (m *Message) Number(n int) (v uint64, ok bool) {
	b := m.Get(n)
	if len(b) == 0 || len(b) > 18 || !digits(b) {
		return 0, false
	}
	for _, c := range b {
		v = v*10 + uint64(c-'0')
	}
	return v, true
}

// HeaderPart returns the bytes of a header part, nil when the dialect has no such part.
func (m *Message) HeaderPart(name string) []byte {
	p := m.d.part(name)
	if p == nil {
		return nil
	}
	return m.hdr[p.Off : p.Off+p.Len]
}

// SetHeaderPart sets a header part; text parts are filled up with spaces.
func (m *Message) SetHeaderPart(name, v string) error {
	p := m.d.part(name)
	if p == nil || len(v) > p.Len {
		return &FieldError{m.d.Name, 0, "header part " + name}
	}
	b := m.hdr[p.Off : p.Off+p.Len]
	for i := copy(b, v); i < len(b); i++ {
		b[i] = ' '
	}
	return nil
}

// ReplyTo takes the header of q with the parts "to" and "from" exchanged, and its MTI with
// the answer digit (0200 → 0210, 0220 → 0230, 0400 → 0410).
func (m *Message) ReplyTo(q *Message) {
	m.hdr = q.hdr
	to, from := m.d.part("to"), m.d.part("from")
	if to != nil && from != nil && to.Len == from.Len {
		copy(m.hdr[to.Off:to.Off+to.Len], q.hdr[from.Off:from.Off+from.Len])
		copy(m.hdr[from.Off:from.Off+from.Len], q.hdr[to.Off:to.Off+to.Len])
	}
	m.mti = q.mti
	m.mti[2]++
	if m.mti[3] == '1' { // a repeat is answered like the first
		m.mti[3] = '0'
	}
}

// Covered returns what the MAC of a message that was unpacked covers: its bytes from the MTI up to the MAC field, or
// the text of the fields that the dialect chooses. Nil without a MAC.
func (m *Message) Covered() []byte {
	switch {
	case m.d.MAC == 0 || !m.Has(m.d.MAC):
		return nil
	case m.d.extract != nil:
		at := len(m.buf)
		m.buf = m.d.extract.append(m.buf, m)
		return m.buf[at:len(m.buf):len(m.buf)]
	case m.in == nil:
		return nil
	}
	return m.in[m.mtiAt:m.macAt]
}

// MACEquals compares the received MAC with a computed one (at least 8 bytes, 4 for the
// hexadecimal form) in constant time.
func (m *Message) MACEquals(mac []byte) bool {
	var a [8]byte
	got := m.Get(m.d.MAC)
	if m.d.MAC == 0 || len(got) != 8 || !putMAC(a[:], mac, m.d.Form) {
		return false
	}
	return subtle.ConstantTimeCompare(a[:], got) == 1
}

// ReserveMAC adds the MAC field with a placeholder; PutMAC fills it after Pack.
func (m *Message) ReserveMAC() {
	if m.d.MAC == 0 {
		return
	}
	off := len(m.buf)
	m.buf = append(m.buf, "00000000"...)
	m.mark(m.d.MAC, span{int32(off), 8, true})
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Valid tells whether every byte of b is in the character class t.
func (t Type) Valid(b []byte) bool { return valid(t, b) }

func valid(t Type, b []byte) bool {
	switch t {
	case TypeN:
		return digits(b)
	case TypeZ:
		for _, c := range b {
			if (c < '0' || c > '9') && c != '=' && c != 'D' {
				return false
			}
		}
	case TypeAN:
		for _, c := range b {
			if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != ' ' {
				return false
			}
		}
	case TypeANS:
		for _, c := range b {
			if c < 0x20 || c == 0x7f || c == 0xff {
				return false
			}
		}
	case TypeXN:
		return len(b) > 1 && (b[0] == 'C' || b[0] == 'D') && digits(b[1:])
	}
	return true
}

// MACBytes returns the received MAC as bytes: eight, or the four that the hexadecimal form
// carries. Nil when there is none or it is no MAC.
func (m *Message) MACBytes() []byte {
	got := m.Get(m.d.MAC)
	if m.d.MAC == 0 || len(got) != 8 {
		return nil
	}
	if m.d.Form == MACBinary {
		return got
	}
	out := make([]byte, 4)
	if _, err := hex.Decode(out, got); err != nil {
		return nil
	}
	return out
}
