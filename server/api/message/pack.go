package message

import "math/bits"

// Layout tells where the MTI and the MAC field begin in a packed frame.
type Layout struct {
	MTI int
	MAC int // 0 when the message has no MAC field
	d   *Dialect

	text []byte // of a MAC over chosen fields
}

// Cover returns what the MAC of frame covers: its bytes from the MTI up to the MAC field, or the text of the fields
// that the dialect chooses.
func (l Layout) Cover(frame []byte) []byte {
	if l.text != nil {
		return l.text
	}
	return frame[l.MTI:l.MAC]
}

// PutMAC writes a computed MAC (8 bytes or more) into its place in frame, in the form of
// the dialect. It reports false when there is no place for it or mac is too short.
func (l Layout) PutMAC(frame, mac []byte) bool {
	return l.MAC != 0 && len(frame) >= l.MAC+8 && putMAC(frame[l.MAC:l.MAC+8], mac, l.d.Form)
}

const upperHex = "0123456789ABCDEF"

func putMAC(dst, mac []byte, form MACForm) bool {
	if form == MACHex {
		if len(mac) < 4 {
			return false
		}
		for i := range 4 {
			dst[2*i], dst[2*i+1] = upperHex[mac[i]>>4], upperHex[mac[i]&15]
		}
		return true
	}
	return len(mac) >= 8 && copy(dst, mac[:8]) == 8
}

// Pack appends the whole frame, length prefix and header included, to dst. When the MAC
// field is present its present value is packed (ReserveMAC's placeholder, to be replaced
// through the Layout).
func (m *Message) Pack(dst []byte) ([]byte, Layout, error) {
	d := m.d
	start := len(dst)
	dst = d.Frame.Begin(dst)
	body := len(dst)
	dst = append(dst, m.hdr[:d.HdrLen]...)
	lay := Layout{MTI: len(dst), d: d}
	if d.Digits == EncBCD {
		dst = append(dst, nibble(m.mti[0])<<4|nibble(m.mti[1]), nibble(m.mti[2])<<4|nibble(m.mti[3]))
	} else {
		dst = appendPage(dst, m.mti[:], d.code)
	}
	hi, lo := m.bits[0], m.bits[1]
	if lo != 0 {
		hi |= 1 << 63
	}
	dst = d.appendBitmap(dst, hi)
	if lo != 0 {
		dst = d.appendBitmap(dst, lo)
	}
	for w := range 2 {
		for b := m.bits[w]; b != 0; {
			i := bits.LeadingZeros64(b)
			b &^= 1 << (63 - uint(i))
			n := w<<6 + i + 1
			if n == d.MAC {
				lay.MAC = len(dst)
			}
			var err error
			if dst, err = m.packField(dst, n); err != nil {
				return dst[:start], Layout{}, err
			}
		}
	}
	n := len(dst) - body
	if n > d.MaxLen {
		return dst[:start], Layout{}, &FieldError{d.Name, 0, "frame too long"}
	}
	for i := range d.Header {
		switch p := &d.Header[i]; {
		case p.Total && p.Len == 2:
			dst[body+p.Off], dst[body+p.Off+1] = byte(n>>8), byte(n)
		case p.Total:
			put4(dst[body+p.Off:], n)
		}
	}
	out, err := d.Frame.Finish(dst, start)
	if err != nil {
		return dst[:start], Layout{}, &FieldError{d.Name, 0, "frame"}
	}
	if lay.MAC != 0 && d.extract != nil {
		lay.text = m.Covered()
	}
	return out, lay, nil
}

func (m *Message) packField(dst []byte, n int) ([]byte, error) {
	d, f, v := m.d, m.d.table[n], m.Get(n)
	if f == nil {
		return dst, &FieldError{d.Name, n, "not in this dialect"}
	}
	if f.Var != 0 {
		dst = d.appendLength(dst, f, len(v))
	}
	if !f.packed {
		if f.page == nil {
			return append(dst, v...), nil
		}
		return appendPage(dst, v, f.page), nil
	}
	if len(v)&1 == 1 && d.Odd {
		dst = append(dst, nibble(v[0]))
		v = v[1:]
	}
	for i := 0; i+1 < len(v); i += 2 {
		dst = append(dst, nibble(v[i])<<4|nibble(v[i+1]))
	}
	if len(v)&1 == 1 {
		dst = append(dst, nibble(v[len(v)-1])<<4)
	}
	return dst, nil
}

// appendPage appends v in the characters of p.
func appendPage(dst, v []byte, p *codePage) []byte {
	if p == nil {
		return append(dst, v...)
	}
	for _, c := range v {
		dst = append(dst, p.toWire[c])
	}
	return dst
}

func (d *Dialect) appendBitmap(dst []byte, v uint64) []byte {
	if !d.Hex {
		return appendU64(dst, v)
	}
	for s := 60; s >= 0; s -= 4 {
		c := upperHex[v>>s&15]
		if d.code != nil {
			c = d.code.toWire[c]
		}
		dst = append(dst, c)
	}
	return dst
}

func nibble(c byte) byte {
	if c >= '0' && c <= '9' {
		return c - '0'
	}
	return 0xD
}

func put4(b []byte, n int) {
	b[0], b[1], b[2], b[3] = byte('0'+n/1000%10), byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10)
}

func appendU64(b []byte, v uint64) []byte {
	return append(b, byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}
