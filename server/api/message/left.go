package message

import (
	"errors"
	"strconv"
	"time"
)

// TimeLeft is how long the sender of a request still waits for its answer, counted from when it sent it.
// It is a remaining time and no clock time, as the clocks of two machines differ.

// MostTimeLeft is the longest wait that is believed.
const MostTimeLeft = 10 * time.Minute

// ErrTimeLeft is a time left that is none: no digits, or more than MostTimeLeft.
var ErrTimeLeft = errors.New("message: the time left is not 0 to 600000 milliseconds")

// ParseTimeLeft reads milliseconds as they travel: one to ten digits, nothing else.
func ParseTimeLeft[T string | []byte](s T) (time.Duration, error) {
	if len(s) < 1 || len(s) > 10 {
		return 0, ErrTimeLeft
	}
	v := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, ErrTimeLeft
		}
		v = v*10 + int64(s[i]-'0')
	}
	if v > MostTimeLeft.Milliseconds() {
		return 0, ErrTimeLeft
	}
	return time.Duration(v) * time.Millisecond, nil
}

// FormatTimeLeft is the inverse: whole milliseconds, what is less is lost; 0 when nothing is left.
func FormatTimeLeft(d time.Duration) string {
	return strconv.FormatInt(max(0, min(d, MostTimeLeft)).Milliseconds(), 10)
}

// Place is where an 8583 dialect carries the time left: behind a tag in a data element, or a whole one.
type Place struct {
	Field int // 0: nowhere
	Tag   string
}

// leftDigits is how many digits are written; it holds MostTimeLeft.
const leftDigits = 6

// SetTimeLeft says how long the sender waits. It travels where the dialect has a place for it.
func (m *Message) SetTimeLeft(d time.Duration) {
	d = max(0, min(d, MostTimeLeft)).Truncate(time.Millisecond)
	m.left, m.leftIs, m.leftBad = d, true, false
	p := m.d.Left
	if p.Field == 0 {
		return
	}
	off := len(m.buf)
	m.buf = append(m.buf, p.Tag...)
	v := uint64(d.Milliseconds())
	for unit := uint64(100_000); unit > 0; unit /= 10 {
		m.buf = append(m.buf, byte('0'+v/unit%10))
	}
	m.mark(p.Field, span{int32(off), int32(len(m.buf) - off), true})
}

// TimeLeft is what the sender said; ok is false when it said nothing. An error is one that cannot be.
func (m *Message) TimeLeft() (d time.Duration, ok bool, err error) {
	switch {
	case m.leftBad:
		return 0, true, ErrTimeLeft
	case m.leftIs:
		return m.left, true, nil
	case !m.CarriesTimeLeft(m.d.Left.Field):
		return 0, false, nil
	}
	d, err = ParseTimeLeft(m.Get(m.d.Left.Field)[len(m.d.Left.Tag):])
	return d, true, err
}

// CarriesTimeLeft tells whether data element n of m is the place of the time left.
func (m *Message) CarriesTimeLeft(n int) bool {
	p := m.d.Left
	if n == 0 || n != p.Field || !m.Has(n) {
		return false
	}
	v := m.Get(n)
	return len(v) >= len(p.Tag) && string(v[:len(p.Tag)]) == p.Tag
}

// PutTimeLeft is SetTimeLeft for a value as it came in another dialect; one that is none is kept as that.
func (m *Message) PutTimeLeft(s string) {
	d, err := ParseTimeLeft(s)
	if m.SetTimeLeft(d); err != nil {
		m.leftBad = true
	}
}

func (d *Dialect) fillLeft(f *filePlace, at errAt) error {
	if f.Field == 0 && f.Tag == "" {
		return nil
	}
	p := d.Field(f.Field)
	switch {
	case p == nil || f.Field == d.MAC:
		return at("$.timeLeft", "field: want a data element of the table")
	case p.Type != TypeN && p.Type != TypeAN && p.Type != TypeANS || p.Type == TypeN && f.Tag != "":
		return at("$.timeLeft", "field: want an n field, or an an or ans field")
	case p.Canon != CanonNone && f.Tag == "":
		return at("$.timeLeft", "tag: field %d carries %s: want a tag that tells the two apart", f.Field, p.Canon)
	case len(f.Tag) > 8 || !TypeAN.Valid([]byte(f.Tag)):
		return at("$.timeLeft", "tag: want up to eight letters or digits")
	case p.Max < len(f.Tag)+leftDigits || p.Var == 0 && p.Max != len(f.Tag)+leftDigits:
		return at("$.timeLeft", "field: want room for the tag and %d digits", leftDigits)
	}
	d.Left = Place(*f)
	return nil
}
