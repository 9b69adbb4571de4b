package message

import (
	"fmt"
	"strings"
)

// Describe prints the message for people, one field a line, with everything secret masked:
// PAN 6+4, tracks, PIN blocks, keys and chip data as their length only. There is no
// unmasked form.
func (m *Message) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", m.d.Name, m.MTI())
	for n := 2; n <= m.d.Fields; n++ {
		if !m.Has(n) {
			continue
		}
		f := m.d.table[n]
		fmt.Fprintf(&b, "%03d %-14s %s", n, f.Name, f.masked(m.Get(n)))
		if x := m.d.extract; x != nil && n == m.d.MAC {
			fmt.Fprintf(&b, " over %d characters of the fields %s", len(m.Covered()), strings.Trim(fmt.Sprint(x.has(m)), "[]"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (f *Field) masked(v []byte) string { return f.Mask.Show(f.Type, v) }

// Show prints a value of type t for people, hidden as m says.
func (m Mask) Show(t Type, v []byte) string {
	switch {
	case m == MaskPAN:
		return MaskedPAN(v)
	case m != MaskNone:
		return fmt.Sprintf("[%d hidden]", len(v))
	case t == TypeB:
		return fmt.Sprintf("%X", v)
	}
	return strings.ToValidUTF8(string(v), "?")
}

// MaskedPAN shows the first six and the last four digits; a shorter number only its length.
func MaskedPAN(pan []byte) string {
	if len(pan) < 13 {
		return fmt.Sprintf("[%d hidden]", len(pan))
	}
	out := append([]byte(nil), pan...)
	for i := 6; i < len(out)-4; i++ {
		out[i] = '*'
	}
	return string(out)
}
