package message

import "math/bits"

// Layout tells where the MTI and the MAC field begin in a packed frame.
type Layout struct {
	MTI int
	MAC int // 0 when the message has no MAC field
	d   *Dialect
}

// Cover returns the bytes of frame the MAC covers: from the MTI up to the MAC field.
func (l Layout) Cover(frame []byte) []byte { return frame[l.MTI:l.MAC] }

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
	switch d.Prefix {
	case PrefixBinary2:
		dst = append(dst, 0, 0)
	case PrefixASCII4:
		dst = append(dst, '0', '0', '0', '0')
	}
	body := len(dst)
	dst = append(dst, m.hdr[:d.HdrLen]...)
	lay := Layout{MTI: len(dst), d: d}
	if d.Digits == EncBCD {
		dst = append(dst, nibble(m.mti[0])<<4|nibble(m.mti[1]), nibble(m.mti[2])<<4|nibble(m.mti[3]))
	} else {
		dst = append(dst, m.mti[:]...)
	}
	hi, lo := m.bits[0], m.bits[1]
	if lo != 0 {
		hi |= 1 << 63
	}
	dst = appendU64(dst, hi)
	if lo != 0 {
		dst = appendU64(dst, lo)
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
		if p := &d.Header[i]; p.Total {
			put4(dst[body+p.Off:], n)
		}
	}
	switch d.Prefix {
	case PrefixBinary2:
		dst[start], dst[start+1] = byte(n>>8), byte(n)
	case PrefixASCII4:
		put4(dst[start:], n)
	}
	return dst, lay, nil
}

func (m *Message) packField(dst []byte, n int) ([]byte, error) {
	d, f, v := m.d, m.d.table[n], m.Get(n)
	if f == nil {
		return dst, &FieldError{d.Name, n, "not in this dialect"}
	}
	switch {
	case f.Var == 0:
	case d.Lengths == EncBCD && f.Var == 2:
		dst = append(dst, byte(len(v)/10<<4|len(v)%10))
	case d.Lengths == EncBCD:
		dst = append(dst, byte(len(v)/100), byte(len(v)/10%10<<4|len(v)%10))
	case f.Var == 2:
		dst = append(dst, byte('0'+len(v)/10), byte('0'+len(v)%10))
	default:
		dst = append(dst, byte('0'+len(v)/100), byte('0'+len(v)/10%10), byte('0'+len(v)%10))
	}
	if d.Digits == EncBCD && (f.Type == TypeN || f.Type == TypeZ) {
		for i := 0; i+1 < len(v); i += 2 {
			dst = append(dst, nibble(v[i])<<4|nibble(v[i+1]))
		}
		if len(v)&1 == 1 {
			dst = append(dst, nibble(v[len(v)-1])<<4)
		}
		return dst, nil
	}
	return append(dst, v...), nil
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
