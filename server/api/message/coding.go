package message

import (
	"fmt"

	"golang.org/x/text/encoding/charmap"
)

// A codePage translates single bytes between the wire and ASCII. Text of several bytes a
// character (GB18030, GBK, UTF-8) keeps ASCII in its place and is not translated here.
type codePage struct{ toASCII, toWire [256]byte }

var pages = map[string]*codePage{
	"": nil, "ascii": nil, "utf-8": nil, "gbk": nil, "gb18030": nil,
	"ebcdic": pageOf(charmap.CodePage037), "ebcdic-1047": pageOf(charmap.CodePage1047),
}

func pageOf(m *charmap.Charmap) *codePage {
	p := &codePage{}
	for i := range p.toASCII {
		p.toASCII[i], p.toWire[i] = 0xff, 0xff // in no class of characters
	}
	for i := range 256 {
		if r := m.DecodeByte(byte(i)); r >= 0x20 && r < 0x7f {
			p.toASCII[i], p.toWire[r] = byte(r), byte(i)
		}
	}
	return p
}

func codePageOf(name string) (*codePage, error) {
	p, ok := pages[name]
	if !ok {
		return nil, fmt.Errorf("charset must be ascii, utf-8, gbk, gb18030, ebcdic (code page 037) or ebcdic-1047")
	}
	return p, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (d *Dialect) fillCoding(f *fileDialect, own bool, at errAt) (err error) {
	encs := map[string]Enc{"ascii": EncASCII, "bcd": EncBCD, "ebcdic": EncEBCDIC}
	if f.Digits != "" || own {
		if d.Digits = encs[f.Digits]; d.Digits == 0 {
			return at("$.digits", "digits must be ascii, bcd or ebcdic")
		}
		if d.code = nil; d.Digits == EncEBCDIC {
			d.code = pages["ebcdic"]
		}
	}
	encs["binary"] = EncBinary
	if f.Lengths != "" || own {
		if d.Lengths = encs[f.Lengths]; d.Lengths == 0 {
			return at("$.lengths", "lengths must be ascii, bcd, ebcdic or binary")
		}
	}
	odd, okOdd := map[string]bool{"": d.Odd, "right": false, "left": true}[f.Odd]
	hex, okHex := map[string]bool{"": d.Hex, "binary": false, "hex": true}[f.Bitmap]
	if !okOdd || !okHex {
		return at("$", "odd must be left or right, bitmap must be binary or hex")
	}
	d.Odd, d.Hex = odd, hex
	d.Charset = or(f.Charset, d.Charset)
	if _, err := codePageOf(d.Charset); err != nil {
		return at("$.charset", "%v", err)
	}
	if f.Charset != "" { // of inherited fields too
		for n, old := range d.table {
			if old != nil {
				c := *old
				c.Charset = f.Charset
				c.code = pages[f.Charset]
				d.table[n] = &c
			}
		}
	}
	return nil
}

// settle works out what the hot path would ask of every field.
func (d *Dialect) settle() {
	for _, f := range d.table {
		if f == nil {
			continue
		}
		number := f.Type == TypeN || f.Type == TypeZ
		f.packed = number && d.Digits == EncBCD
		switch f.page = nil; {
		case f.packed || f.Type == TypeB:
		case number:
			f.page = d.code
		default:
			f.page = f.code
		}
		switch {
		case d.Lengths == EncBCD:
			f.width = (f.Var + 1) / 2
		case d.Lengths == EncBinary && f.Var != 0:
			f.width = 1
			if f.Max > 255 {
				f.width = 2
			}
		default:
			f.width = f.Var
		}
	}
}

func (d *Dialect) appendLength(dst []byte, f *Field, n int) []byte {
	switch w := f.width; d.Lengths {
	case EncBCD:
		if w == 2 {
			dst = append(dst, byte(n/100))
		}
		return append(dst, byte(n/10%10<<4|n%10))
	case EncBinary:
		if w == 2 {
			dst = append(dst, byte(n>>8))
		}
		return append(dst, byte(n))
	default:
		zero := byte('0')
		if d.Lengths == EncEBCDIC {
			zero = 0xF0
		}
		if w == 3 {
			dst = append(dst, zero+byte(n/100))
		}
		return append(dst, zero+byte(n/10%10), zero+byte(n%10))
	}
}

func (d *Dialect) readLength(b []byte) (int, bool) {
	switch d.Lengths {
	case EncBCD:
		return bcd(b)
	case EncBinary:
		n := 0
		for _, c := range b {
			n = n<<8 | int(c)
		}
		return n, true
	case EncEBCDIC:
		n := 0
		for _, c := range b {
			if c < 0xF0 || c > 0xF9 {
				return 0, false
			}
			n = n*10 + int(c-0xF0)
		}
		return n, true
	}
	return ascii(b)
}
