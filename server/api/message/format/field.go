package format

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"zhigui/server/api/message"
)

var (
	errClass = errors.New("character class or length")
	errForm  = errors.New("not in its form")
	errLost  = errors.New("its value would not come back as it is")
)

// check tells whether v is a canonical value of the field.
func (f *Field) check(v string) error {
	ok := false
	switch f.Type {
	case message.TypeB:
		ok = len(v) <= f.Max
	case message.TypeANS:
		ok = (len(v) <= f.Max || utf8.RuneCountInString(v) <= f.Max) && printable(v)
	case message.TypeN:
		ok = len(v) <= f.Max && f.Type.Valid([]byte(v)) && (!f.Exact || len(v) == f.Max)
	default:
		ok = len(v) <= f.Max && f.Type.Valid([]byte(v))
	}
	if !ok {
		return errClass
	}
	return nil
}

// text is the wire form of a canonical value, in UTF-8.
func (f *Field) text(v string) (string, error) {
	if err := f.check(v); err != nil {
		return "", err
	}
	if f.toWire != nil {
		w, ok := f.toWire[v]
		if !ok {
			return "", errors.New("a value that its table does not have")
		}
		return w, nil
	}
	switch {
	case f.as == "hex":
		return strings.ToUpper(hex.EncodeToString([]byte(v))), nil
	case f.as == "base64":
		return base64.StdEncoding.EncodeToString([]byte(v)), nil
	case f.decimals > 0:
		s := strings.TrimLeft(v[:len(v)-f.decimals], "0")
		if s == "" {
			s = "0"
		}
		return s + "." + v[len(v)-f.decimals:], nil
	case f.as == "number":
		s := strings.TrimLeft(v, "0")
		if s == "" {
			s = "0"
		}
		return s, nil
	}
	return v, nil
}

// wire is text for a value that value gives back as it was.
func (f *Field) wire(v string) (string, error) {
	s, err := f.text(v)
	if err != nil || f.as == "text" && f.toWire == nil && f.decimals == 0 && (!f.Exact || f.Type == message.TypeN) {
		return s, err // and it is v
	}
	if back, err := f.value(s); err != nil || back != v {
		return "", errLost
	}
	return s, nil
}

// value is the inverse of text.
func (f *Field) value(s string) (string, error) {
	v := s
	if f.fromWire != nil {
		w, ok := f.fromWire[s]
		if !ok {
			return "", errors.New("a value that its table does not have")
		}
		return w, f.check(w)
	}
	switch {
	case f.as == "hex":
		b, err := hex.DecodeString(s)
		if err != nil || strings.ToUpper(s) != s {
			return "", errForm
		}
		v = string(b)
	case f.as == "base64":
		b, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil || base64.StdEncoding.EncodeToString(b) != s {
			return "", errForm
		}
		v = string(b)
	case f.decimals > 0:
		whole, frac, _ := strings.Cut(s, ".")
		if whole == "" || len(frac) > f.decimals || strings.HasSuffix(s, ".") {
			return "", errForm
		}
		v = whole + frac + strings.Repeat("0", f.decimals-len(frac))
	}
	if f.Exact && len(v) < f.Max {
		v = strings.Repeat("0", f.Max-len(v)) + v
	}
	if f.Exact && len(v) > f.Max { // 000100.00 of a partner that fills up with zeros
		if v = strings.TrimLeft(v[:len(v)-f.Max], "0") + v[len(v)-f.Max:]; len(v) > f.Max {
			return "", errClass
		}
	}
	return v, f.check(v)
}

// straight tells that v, filled up to f.len bytes, goes into a fixed structure as it is and comes
// back as it was: plain text that does not end in what it is filled up with. It is the short way
// round bytes and unbytes, which know everything else.
func (f *Field) straight(v string) bool {
	if v == "" || len(v) > f.len || f.as != "text" || f.toWire != nil || f.decimals != 0 || f.charset.page != nil || v[0] == '.' {
		return false
	}
	for i := range len(v) {
		if v[i] < 0x20 || v[i] >= 0x7f {
			return false
		}
	}
	if !f.whole() {
		for _, c := range [2]byte{v[0], v[len(v)-1]} {
			if c == ' ' || c == f.pad[0] {
				return false
			}
		}
	}
	return f.check(v) == nil
}

// whole tells that a value of f always fills its bytes, with digits.
func (f *Field) whole() bool {
	return f.Exact && f.Type == message.TypeN && f.Max == f.len && (f.isPadZero || f.pad[0] == ' ')
}

func (f *Field) appendStraight(b []byte, v string) []byte {
	if !f.right {
		b = append(b, v...)
	}
	pad := f.pad[0]
	if v == "" {
		pad = f.blank()
	}
	for range f.len - len(v) {
		b = append(b, pad)
	}
	if f.right {
		b = append(b, v...)
	}
	return b
}

// trimmed is b without what it was filled up with.
func (f *Field) trimmed(b []byte) string {
	switch {
	case f.whole():
	case f.right:
		for len(b) > 0 && b[0] == f.pad[0] {
			b = b[1:]
		}
	default:
		for len(b) > 0 && b[len(b)-1] == f.pad[0] {
			b = b[:len(b)-1]
		}
	}
	return string(b)
}

// bytes is a value in exactly f.len bytes of a fixed structure; "" is no value.
func (f *Field) bytes(v string) ([]byte, error) {
	b, err := f.rawBytes(v)
	if err != nil {
		return nil, err
	}
	back, err := f.unbytes(b)
	if err != nil {
		return nil, err
	}
	if back != v && (v != "" || f.as == "text" || f.as == "hex") {
		return nil, errLost
	}
	return b, nil
}

func (f *Field) rawBytes(v string) ([]byte, error) {
	out := make([]byte, f.len)
	switch f.as {
	case "raw":
		if v != "" && len(v) != f.len {
			return nil, errClass
		}
		copy(out, v)
		return out, nil
	case "bcd":
		if v == "" {
			return out, nil
		}
		if err := f.check(v); err != nil || len(v) > 2*f.len {
			return nil, errClass
		}
		_, err := hex.Decode(out, []byte(strings.Repeat("0", 2*f.len-len(v))+v))
		return out, err
	case "binary", "little":
		if v == "" {
			return out, nil
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil || f.len < 8 && n>>(8*f.len) != 0 {
			return nil, errClass
		}
		var a [8]byte
		binary.LittleEndian.PutUint64(a[:], n)
		for i := range out {
			if f.as == "little" {
				out[i] = a[i]
			} else {
				out[f.len-1-i] = a[i]
			}
		}
		return out, f.check(v)
	}
	pad, right := f.pad, f.right
	var b []byte
	if v == "" {
		pad = []byte{f.blank()}
	} else {
		s, err := f.text(v)
		if err != nil {
			return nil, err
		}
		if b, err = f.charset.encode(s); err != nil {
			return nil, err
		}
	}
	if len(b) > f.len {
		return nil, errors.New("too long")
	}
	at := 0
	if right {
		at = f.len - len(b)
	}
	for i := range out {
		out[i] = pad[0]
	}
	copy(out[at:], b)
	return out, nil
}

// counted is a value as it stands behind the number of its bytes; "" is no value.
func (f *Field) counted(v string) ([]byte, error) {
	if v == "" {
		return nil, nil
	}
	s, err := f.wire(v)
	if err != nil {
		return nil, err
	}
	b, err := f.charset.encode(s)
	if err == nil && len(b) > f.len {
		err = errors.New("too long")
	}
	return b, err
}

// blank is a space on the wire.
func (f *Field) blank() byte {
	if f.charset.page != nil {
		return 0x40 // in every EBCDIC code page
	}
	return ' '
}

// unbytes is the inverse of bytes. Packed and binary numbers are always there: zero is a value.
func (f *Field) unbytes(b []byte) (string, error) {
	switch f.as {
	case "raw":
		if allAre(b, 0) {
			return "", nil
		}
		return string(b), nil
	case "bcd", "binary", "little":
		var v string
		if f.as == "bcd" {
			v = hex.EncodeToString(b)
		} else {
			var n uint64
			for i := range b {
				c := b[i]
				if f.as == "little" {
					c = b[len(b)-1-i]
				}
				n = n<<8 | uint64(c)
			}
			v = strconv.FormatUint(n, 10)
		}
		v = strings.TrimLeft(v, "0")
		if v == "" {
			v = "0"
		}
		if f.Exact && len(v) < f.Max {
			v = strings.Repeat("0", f.Max-len(v)) + v
		}
		return v, f.check(v)
	}
	if allAre(b, f.blank()) || allAre(b, f.pad[0]) && !f.isPadZero {
		return "", nil
	}
	lo, hi := 0, len(b)
	if f.right {
		for lo < hi-1 && b[lo] == f.pad[0] {
			lo++
		}
	} else {
		for hi > 1 && b[hi-1] == f.pad[0] {
			hi--
		}
	}
	u, err := f.charset.decode(b[lo:hi])
	if err != nil {
		return "", err
	}
	if f.isPadZero && u[0] == '.' {
		u = append([]byte{'0'}, u...)
	}
	return f.value(string(u))
}

func allAre(b []byte, c byte) bool {
	for _, x := range b {
		if x != c {
			return false
		}
	}
	return true
}
