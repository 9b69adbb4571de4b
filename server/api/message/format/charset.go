package format

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// charsetOf translates between a character set of the wire and UTF-8. Without enc and page
// it is UTF-8. Plain ASCII is itself in all but EBCDIC.
type charsetOf struct {
	enc  encoding.Encoding
	page *charmap.Charmap // one byte a character
	only byte             // highest byte allowed without an encoding; 0 for all
}

var charsets = map[string]charsetOf{
	"utf-8": {}, "ascii": {only: 0x7f}, "gbk": {enc: simplifiedchinese.GBK}, "gb18030": {enc: simplifiedchinese.GB18030},
	"ebcdic": {page: charmap.CodePage037}, "ebcdic-1047": {page: charmap.CodePage1047},
}

const charsetNames = "charset must be ascii, utf-8, gbk, gb18030, ebcdic (code page 037) or ebcdic-1047"

var errCharset = errors.New("characters that its character set does not have")

func (c charsetOf) encode(v string) ([]byte, error) {
	if c.page != nil {
		b := make([]byte, 0, len(v))
		for _, r := range v {
			x, ok := c.page.EncodeRune(r)
			if !ok {
				return nil, errCharset
			}
			b = append(b, x)
		}
		return b, nil
	}
	if b := []byte(v); c.enc == nil || plain(b) {
		return b, c.check(b)
	}
	b, err := c.enc.NewEncoder().Bytes([]byte(v))
	if err != nil {
		return nil, errCharset
	}
	return b, nil
}

// onWire is encode; b itself where it stays as it is.
func (c charsetOf) onWire(b []byte) ([]byte, error) {
	if c.page == nil && plain(b) {
		return b, nil
	}
	return c.encode(string(b))
}

// decode is strict: bytes that would not be encoded to themselves again are refused, so
// that a MAC covers what was read and nothing is silently replaced.
func (c charsetOf) decode(b []byte) ([]byte, error) {
	if c.page != nil {
		v := make([]byte, 0, len(b))
		for _, x := range b {
			v = utf8.AppendRune(v, c.page.DecodeByte(x))
		}
		return v, nil
	}
	if c.enc == nil || plain(b) {
		return b, c.check(b)
	}
	v, err := c.enc.NewDecoder().Bytes(b)
	if err != nil {
		return nil, errCharset
	}
	back, err := c.enc.NewEncoder().Bytes(v)
	if err != nil || !bytes.Equal(back, b) {
		return nil, errCharset
	}
	return v, nil
}

// plain tells whether s is ASCII.
func plain[T []byte | string](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func (c charsetOf) check(b []byte) error {
	if !utf8.Valid(b) {
		return errCharset
	}
	if c.only != 0 {
		for _, x := range b {
			if x > c.only {
				return errCharset
			}
		}
	}
	return nil
}
