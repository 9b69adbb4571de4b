package message

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Unpack reads body, one frame without its length prefix, as dialect d. The message keeps
// slices into body: body must not change while m is in use. On error m is empty or partly
// filled and must not be used except to Reset it.
func (m *Message) Unpack(d *Dialect, body []byte) error {
	m.Reset(d)
	if len(body) > d.MaxLen {
		return &FieldError{d.Name, 0, "frame too long"}
	}
	if len(body) < d.HdrLen {
		return &FieldError{d.Name, 0, "header cut short"}
	}
	m.in = body
	copy(m.hdr[:], body[:d.HdrLen])
	for i := range d.Header {
		p := &d.Header[i]
		if p.Total {
			n, ok := ascii(body[p.Off : p.Off+p.Len])
			if p.Len == 2 {
				n, ok = int(body[p.Off])<<8|int(body[p.Off+1]), true
			}
			if !ok || n != len(body) {
				return &FieldError{d.Name, 0, "header total length"}
			}
		}
		if p.Fixed && !bytes.Equal(body[p.Off:p.Off+p.Len], p.Default) {
			return &FieldError{d.Name, 0, "header part " + p.Name + ": the other side has rejected this message"}
		}
	}
	at := d.HdrLen
	m.mtiAt = at
	if d.Digits == EncBCD {
		if len(body) < at+2 {
			return &FieldError{d.Name, 0, "MTI cut short"}
		}
		a, b := body[at], body[at+1]
		m.mti = [4]byte{'0' + a>>4, '0' + a&15, '0' + b>>4, '0' + b&15}
		at += 2
	} else {
		if len(body) < at+4 {
			return &FieldError{d.Name, 0, "MTI cut short"}
		}
		copy(m.mti[:], body[at:])
		if d.code != nil {
			for i, c := range m.mti {
				m.mti[i] = d.code.toASCII[c]
			}
		}
		at += 4
	}
	if !digits(m.mti[:]) {
		return &FieldError{d.Name, 0, "MTI is not digits"}
	}
	var set [2]uint64
	var ok bool
	if set[0], at, ok = d.bitmap(body, at); !ok {
		return &FieldError{d.Name, 0, "bitmap"}
	}
	if set[0]>>63 == 1 {
		if d.Fields == 64 {
			return &FieldError{d.Name, 1, "second bitmap in a 64-field dialect"}
		}
		set[0] &^= 1 << 63
		if set[1], at, ok = d.bitmap(body, at); !ok {
			return &FieldError{d.Name, 1, "bitmap"}
		}
		if set[1] == 0 {
			return &FieldError{d.Name, 1, "second bitmap is empty"}
		}
	}
	for w := range 2 {
		for b := set[w]; b != 0; {
			i := bits.LeadingZeros64(b)
			b &^= 1 << (63 - uint(i))
			var err error
			if at, err = m.unpackField(w<<6+i+1, at); err != nil {
				return err
			}
		}
	}
	if at != len(body) {
		return &FieldError{d.Name, 0, "bytes after the last field"}
	}
	return nil
}

func (m *Message) unpackField(n, at int) (int, error) {
	d, in := m.d, m.in
	f := d.table[n]
	if f == nil {
		return at, &FieldError{d.Name, n, "not in this dialect"}
	}
	if n == d.MAC {
		m.macAt = at
	}
	size := f.Max
	if f.Var != 0 {
		w := f.width
		if len(in) < at+w {
			return at, &FieldError{d.Name, n, "length cut short"}
		}
		var ok bool
		size, ok = d.readLength(in[at : at+w])
		if !ok || size > f.Max {
			return at, &FieldError{d.Name, n, "length"}
		}
		at += w
	}
	if f.packed {
		return m.unpackDigits(f, at, size)
	}
	if len(in)-at < size {
		return at, &FieldError{d.Name, n, "cut short"}
	}
	if p := f.page; p != nil {
		off := len(m.buf)
		for _, c := range in[at : at+size] {
			m.buf = append(m.buf, p.toASCII[c])
		}
		if !valid(f.Type, m.buf[off:]) {
			return at, &FieldError{d.Name, n, "character class"}
		}
		m.mark(n, span{int32(off), int32(size), true})
		return at + size, nil
	}
	if !valid(f.Type, in[at:at+size]) {
		return at, &FieldError{d.Name, n, "character class"}
	}
	m.mark(n, span{int32(at), int32(size), false})
	return at + size, nil
}

func (m *Message) unpackDigits(f *Field, at, size int) (int, error) {
	w := (size + 1) / 2
	if len(m.in)-at < w {
		return at, &FieldError{m.d.Name, f.N, "cut short"}
	}
	off := len(m.buf)
	for _, c := range m.in[at : at+w] {
		m.buf = append(m.buf, '0'+c>>4, '0'+c&15)
	}
	if size&1 == 1 {
		fill := len(m.buf) - 1
		if m.d.Odd {
			fill = off
			off++
		}
		if m.buf[fill] != '0' {
			return at, &FieldError{m.d.Name, f.N, "padding nibble"}
		}
	}
	for i, c := range m.buf[off : off+size] {
		if c > '9' {
			if c != '0'+0xD || f.Type != TypeZ {
				return at, &FieldError{m.d.Name, f.N, "character class"}
			}
			m.buf[off+i] = '='
		}
	}
	m.mark(f.N, span{int32(off), int32(size), true})
	return at + w, nil
}

func ascii(b []byte) (int, bool) {
	v := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

func bcd(b []byte) (int, bool) {
	v := 0
	for _, c := range b {
		if c>>4 > 9 || c&15 > 9 {
			return 0, false
		}
		v = v*100 + int(c>>4)*10 + int(c&15)
	}
	return v, true
}

// bitmap reads eight bytes, or sixteen hexadecimal characters in upper case.
func (d *Dialect) bitmap(b []byte, at int) (v uint64, next int, ok bool) {
	if !d.Hex {
		if len(b) < at+8 {
			return 0, at, false
		}
		return binary.BigEndian.Uint64(b[at:]), at + 8, true
	}
	if len(b) < at+16 {
		return 0, at, false
	}
	for _, c := range b[at : at+16] {
		if d.code != nil {
			c = d.code.toASCII[c]
		}
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'A' && c <= 'F':
			v = v<<4 | uint64(c-'A'+10)
		default:
			return 0, at, false
		}
	}
	return v, at + 16, true
}
