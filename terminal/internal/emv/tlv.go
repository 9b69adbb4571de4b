package emv

import "errors"

// ErrTLV is data that is not BER-TLV.
var ErrTLV = errors.New("emv: not BER-TLV")

// Tag is a tag of one to three bytes.
type Tag uint32

// Constructed reports whether the value is itself a list of objects.
func (t Tag) Constructed() bool {
	for t > 0xFF {
		t >>= 8
	}
	return t&0x20 != 0
}

// Object is one data object.
type Object struct {
	Tag   Tag
	Value []byte
}

// readTag takes a tag from the front of b; n is 0 when there is none.
func readTag(b []byte) (t Tag, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	t, n = Tag(b[0]), 1
	if b[0]&0x1F != 0x1F {
		return t, n
	}
	for {
		if n >= len(b) || n == 3 {
			return 0, 0
		}
		t = t<<8 | Tag(b[n])
		n++
		if b[n-1]&0x80 == 0 {
			return t, n
		}
	}
}

// Parse reads a list of objects. Zero bytes between them are padding (Book 3, annex B).
func Parse(b []byte) ([]Object, error) {
	var out []Object
	for len(b) > 0 {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		t, n := readTag(b)
		if n == 0 || n >= len(b) {
			return nil, ErrTLV
		}
		size, b2 := int(b[n]), b[n+1:]
		switch {
		case size == 0x81 && len(b2) >= 1:
			size, b2 = int(b2[0]), b2[1:]
		case size == 0x82 && len(b2) >= 2:
			size, b2 = int(b2[0])<<8|int(b2[1]), b2[2:]
		case size >= 0x80:
			return nil, ErrTLV
		}
		if size > len(b2) {
			return nil, ErrTLV
		}
		out = append(out, Object{t, b2[:size]})
		b = b2[size:]
	}
	return out, nil
}

// Append writes an object of at most 65535 bytes.
func Append(dst []byte, t Tag, v []byte) []byte {
	for shift := 16; shift >= 0; shift -= 8 {
		if t>>shift != 0 {
			dst = append(dst, byte(t>>shift))
		}
	}
	switch n := len(v); {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n < 0x100:
		dst = append(dst, 0x81, byte(n))
	default:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	}
	return append(dst, v...)
}

// Values are data objects by tag.
type Values map[Tag][]byte

// Add takes the primitive objects of b, also those within constructed ones. A second value for a tag
// is refused, as Book 3, 10.2 demands.
func (v Values) Add(b []byte) error { return v.add(b, 0) }

func (v Values) add(b []byte, depth int) error {
	list, err := Parse(b)
	if err != nil || depth > 4 {
		return ErrTLV
	}
	for _, o := range list {
		switch {
		case o.Tag.Constructed():
			if err := v.add(o.Value, depth+1); err != nil {
				return err
			}
		case v[o.Tag] != nil:
			return ErrTLV
		default:
			v[o.Tag] = append([]byte{}, o.Value...)
		}
	}
	return nil
}

// numeric tags are cut and filled at the left, the others at the right: Book 3, 5.4.
var numeric = map[Tag]bool{0x9F02: true, 0x9F03: true, 0x9F1A: true, 0x5F2A: true, 0x9A: true, 0x9C: true, 0x9F21: true, 0x9F35: true, 0x9F41: true}

// Fill writes the values that a data object list asks for, without tags.
func Fill(dol []byte, v Values) ([]byte, error) {
	var out []byte
	for len(dol) > 0 {
		t, n := readTag(dol)
		if n == 0 || n >= len(dol) {
			return nil, ErrTLV
		}
		size := int(dol[n])
		dol = dol[n+1:]
		val := v[t]
		if t.Constructed() {
			val = nil
		}
		field := make([]byte, size)
		switch {
		case !numeric[t]:
			copy(field, val)
		case len(val) >= size:
			copy(field, val[len(val)-size:])
		default:
			copy(field[size-len(val):], val)
		}
		out = append(out, field...)
		if len(out) > 255 {
			return nil, ErrTLV
		}
	}
	return out, nil
}
