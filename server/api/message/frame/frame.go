// Package frame cuts messages out of a byte stream and puts them in: a length before the
// message (binary, BCD, ASCII or EBCDIC digits), reserved bytes after it, start and end
// markers. A frame is data; the code knows no bank. Anybody may import it; it depends on
// the standard library only.
//
// Sources: transaction.md §2.1 (two bytes for POS, four digits for CUPS); the other kinds
// are those met at banks' front ends, and each is a line in a dialect file.
package frame

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrFrame is a frame whose length or marker cannot be right; the stream is out of step
// and the connection must be closed.
var ErrFrame = errors.New("message: frame length out of range")

// Spec is a frame as a dialect file writes it.
type Spec struct {
	Prefix string `yaml:"prefix"` // a name of prefixes, or none
	Max    int    `yaml:"max"`    // largest message, bytes
	Counts string `yaml:"counts"` // body (default), or all: the length counts itself and what is reserved
	Skip   int    `yaml:"skip"`   // reserved zero bytes after the length
	Start  string `yaml:"start"`  // marker before everything, hexadecimal
	End    string `yaml:"end"`    // marker after the message, hexadecimal; not counted
}

type form uint8

const (
	none form = iota
	big
	little
	bcd
	ascii
	ebcdic
)

var prefixes = map[string]struct {
	form  form
	width int
}{
	"none": {none, 0}, "binary1": {big, 1}, "binary2": {big, 2}, "binary4": {big, 4}, "little2": {little, 2}, "little4": {little, 4},
	"bcd2": {bcd, 2}, "ascii4": {ascii, 4}, "ascii5": {ascii, 5}, "ascii6": {ascii, 6}, "ascii8": {ascii, 8}, "ebcdic4": {ebcdic, 4},
}

// Limit is the largest message any frame may carry.
const Limit = 1 << 20

// Frame is a validated frame. It is immutable and safe for concurrent use.
type Frame struct {
	Name       string // of its prefix
	Max        int
	form       form
	width      int // of the length
	skip       int
	extra      int // what the length counts beside the message
	start, end []byte
}

// New validates a specification.
func New(s Spec) (Frame, error) {
	p, ok := prefixes[s.Prefix]
	if !ok {
		return Frame{}, errors.New("prefix must be none, binary1, binary2, binary4, little2, little4, bcd2, ascii4, ascii5, ascii6, ascii8 or ebcdic4")
	}
	f := Frame{Name: s.Prefix, Max: s.Max, form: p.form, width: p.width, skip: s.Skip}
	var err1, err2 error
	f.start, err1 = hex.DecodeString(s.Start)
	f.end, err2 = hex.DecodeString(s.End)
	if err1 != nil || err2 != nil || len(f.start) > 8 || len(f.end) > 8 {
		return Frame{}, errors.New("start and end are at most 8 bytes in hexadecimal")
	}
	if s.Skip < 0 || s.Skip > 16 || p.form == none && s.Skip > 0 {
		return Frame{}, errors.New("skip must be from 0 to 16 and needs a prefix")
	}
	switch s.Counts {
	case "", "body":
	case "all":
		f.extra = p.width + s.Skip
	default:
		return Frame{}, errors.New("counts must be body or all")
	}
	limit := Limit
	switch p.form {
	case big, little:
		limit = min(limit, 1<<(8*p.width)-1)
	case bcd, ascii, ebcdic:
		digits := p.width
		if p.form == bcd {
			digits *= 2
		}
		ten := 1
		for range min(digits, 7) {
			ten *= 10
		}
		limit = min(limit, ten-1)
	}
	if limit -= f.extra; s.Max < 32 || s.Max > limit {
		return Frame{}, fmt.Errorf("max must be from 32 to %d", limit)
	}
	return f, nil
}

// Idle tells whether a frame with an empty message is a sign of life.
func (f *Frame) Idle() bool { return f.form >= ascii }

// Endless tells whether a message ends only with its connection: no length and no end marker.
func (f *Frame) Endless() bool { return f.width == 0 && len(f.end) == 0 }

// Begin appends the room for what stands before the message.
func (f *Frame) Begin(dst []byte) []byte {
	dst = append(dst, f.start...)
	for range f.width + f.skip {
		dst = append(dst, 0)
	}
	return dst
}

// Finish writes the length of the message, which begins where Begin (called at offset at)
// ended, and appends the end marker.
func (f *Frame) Finish(dst []byte, at int) ([]byte, error) {
	head := at + len(f.start)
	body := head + f.width + f.skip
	n := len(dst) - body
	if n > f.Max {
		return dst, fmt.Errorf("message of %d bytes is longer than the frame allows", n)
	}
	if f.form == none && len(f.end) > 0 && bytes.Contains(dst[body:], f.end) {
		return dst, errors.New("the message contains the frame's end marker")
	}
	put(dst[head:head+f.width], n+f.extra, f.form)
	if len(f.end) > 0 {
		dst = append(dst, f.end...)
	}
	return dst, nil
}

// Strip returns the message of raw when raw is exactly one whole frame.
func (f *Frame) Strip(raw []byte) ([]byte, bool) {
	b, ok := bytes.CutPrefix(raw, f.start)
	if !ok || len(b) < f.width+f.skip+len(f.end) || !bytes.HasSuffix(b, f.end) {
		return nil, false
	}
	body := b[f.width+f.skip : len(b)-len(f.end)]
	if f.form == none {
		return body, len(body) <= f.Max && (len(f.end) == 0 || !bytes.Contains(body, f.end))
	}
	n, ok := get(b[:f.width], f.form)
	return body, ok && n-f.extra == len(body) && len(body) <= f.Max
}

func put(b []byte, n int, form form) {
	for i := range b {
		last := len(b) - 1 - i
		switch form {
		case big:
			b[last] = byte(n)
			n >>= 8
		case little:
			b[i] = byte(n)
			n >>= 8
		case bcd:
			b[last] = byte(n/10%10<<4 | n%10)
			n /= 100
		case ascii:
			b[last] = byte('0' + n%10)
			n /= 10
		case ebcdic:
			b[last] = byte(0xF0 + n%10)
			n /= 10
		}
	}
}

func get(b []byte, form form) (n int, ok bool) {
	for i, c := range b {
		switch form {
		case big:
			n = n<<8 | int(c)
		case little:
			n |= int(c) << (8 * i)
		case bcd:
			if c>>4 > 9 || c&15 > 9 {
				return 0, false
			}
			n = n*100 + int(c>>4)*10 + int(c&15)
		case ascii, ebcdic:
			d := int(c) - '0'
			if form == ebcdic {
				d = int(c) - 0xF0
			}
			if d < 0 || d > 9 {
				return 0, false
			}
			n = n*10 + d
		}
	}
	return n, true
}
