package epsonescp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"rsc.io/qr"

	"zhigui/drivers/api/printer"
)

// Units: the vertical and horizontal unit is 1/360 inch, a tenth of a millimetre is 360/254 of
// it.
const (
	unit      = 360
	lineUnits = 60 // 1/6 inch
	colUnits  = 30 // 1/12 inch
	dotUnits  = 2  // 1/180 inch
	pins      = 24
	module    = 6 // dots of a QR code's module
)

func word(n int) []byte { return []byte{byte(n), byte(n >> 8)} }

// begin are the settings that every job brings along.
func (p *profile) begin() []byte {
	out := append([]byte{0x1B, 0x40, 0x1B, 0x28, 0x55, 1, 0, 3600 / unit, 0x1B, 0x28, 0x43, 2, 0}, word(p.PageLength)...)
	return append(out, unhex(p.Pitch)...)
}

// remote wraps a command of remote mode: two letters, whether it asks, and what follows.
func remote(name string, asks byte, more string) []byte {
	out := []byte("\x1b(R\x08\x00\x00REMOTE1" + name)
	out = append(append(out, word(1+len(more))...), asks)
	return append(append(out, more...), 0x1B, 0, 0, 0)
}

var tellState = remote("ST", 0, "\x01")

func echo(tag string) []byte { return remote("??", 1, tag) }

var errPlace = errors.New("a field lies outside the page")

// place moves to a point of the page, in units.
func place(x, y int) []byte {
	out := append([]byte{0x1B, 0x28, 0x56, 2, 0}, word(y)...)
	return append(append(out, 0x1B, 0x24), word(x)...)
}

// text converts to GB18030; what it has not becomes a question mark, control characters a
// blank: a text must not be able to command the printer.
func (p *profile) text(s string) []byte {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F {
			return ' '
		}
		return r
	}, s)
	b, err := encoding.ReplaceUnsupported(simplifiedchinese.GB18030.NewEncoder()).Bytes([]byte(s))
	if err != nil {
		b = bytes.Repeat([]byte{'?'}, len([]rune(s)))
	}
	if width(s) == len(s) {
		return b
	}
	return append(append(unhex(p.ChineseOn), b...), unhex(p.ChineseOff)...)
}

// width is the number of columns: two for each character that is not ASCII.
func width(s string) (n int) {
	for _, r := range s {
		n++
		if r > 0x7F {
			n++
		}
	}
	return n
}

// piece is text or a QR code at a point.
type piece struct {
	x, y      int
	text, qr  string
	bold, big bool
}

// size in units.
func (f piece) size() (w, h int) {
	if f.qr != "" {
		if c, err := qr.Encode(f.qr, qr.M); err == nil {
			return c.Size * module * dotUnits, c.Size * module * dotUnits
		}
		return 0, 0
	}
	w, h = width(f.text)*colUnits, lineUnits
	if f.big {
		w, h = 2*w, 2*h
	}
	return w, h
}

// strip is what is printed in one pass of the head, and where.
type strip struct {
	x, y int
	data []byte
}

func (p *profile) piece(f piece) ([]strip, error) {
	w, h := f.size()
	if f.x < 0 || f.y < 0 || f.x+w > p.PageWidth*unit/60 || f.y+h > p.PageLength-p.Bottom {
		return nil, errPlace
	}
	if f.qr != "" {
		return symbol(f)
	}
	var out []byte
	if f.bold {
		out = append(out, 0x1B, 0x45)
	}
	if f.big {
		out = append(out, 0x1B, 0x57, 1, 0x1B, 0x77, 1, 0x1C, 0x57, 1)
	}
	out = append(out, p.text(f.text)...)
	if f.big {
		out = append(out, 0x1B, 0x57, 0, 0x1B, 0x77, 0, 0x1C, 0x57, 0)
	}
	if f.bold {
		out = append(out, 0x1B, 0x46)
	}
	return []strip{{f.x, f.y, out}}, nil
}

// symbol draws a QR code in rows of 24 dots.
func symbol(f piece) (out []strip, err error) {
	c, err := qr.Encode(f.qr, qr.M)
	if err != nil {
		return nil, fmt.Errorf("a QR code: %w", err)
	}
	dots := c.Size * module
	for top := 0; top < dots; top += pins {
		row := append([]byte{0x1B, 0x2A, 39}, word(dots)...)
		for x := range dots {
			var column [pins / 8]byte
			for y := range min(pins, dots-top) {
				if c.Black(x/module, (top+y)/module) {
					column[y/8] |= 0x80 >> (y % 8)
				}
			}
			row = append(row, column[:]...)
		}
		out = append(out, strip{f.x, f.y + top*dotUnits, row})
	}
	return out, nil
}

func write(out []byte, strips []strip) []byte {
	for _, s := range strips {
		out = append(append(out, place(s.x, s.y)...), s.data...)
	}
	return out
}

// page turns fields into the printer's language, from the top down: paper does not go back.
func (p *profile) page(g printer.Page) ([]byte, error) {
	var all []strip
	for i, f := range g.Fields {
		s, err := p.piece(piece{x: f.X * unit / 254, y: f.Y * unit / 254, text: f.Text, qr: f.QR, bold: f.Bold, big: f.Big})
		if err != nil {
			return nil, fmt.Errorf("field %d: %w", i, err)
		}
		all = append(all, s...)
	}
	slices.SortStableFunc(all, func(a, b strip) int { return a.y - b.y })
	return write(nil, all), nil
}

// lines sets a receipt by columns from y on; it answers where it ended. A page that is full is
// ended and the next one begun.
func (p *profile) lines(r printer.Receipt, y int) (out []byte, end int, err error) {
	full := p.Columns * colUnits
	for i, l := range r.Lines {
		f := piece{text: l.Text, qr: l.QR, bold: l.Bold, big: l.Big}
		if l.Rule {
			f = piece{text: strings.Repeat("-", p.Columns)}
		}
		if l.Right != "" {
			cols := p.Columns
			if l.Big {
				cols /= 2
			}
			f.text += strings.Repeat(" ", max(1, cols-width(l.Text)-width(l.Right))) + l.Right
		}
		w, h := f.size()
		switch l.Align {
		case "", "left":
		case "center":
			f.x = max(0, full-w) / 2
		case "right":
			f.x = max(0, full-w)
		default:
			return nil, 0, fmt.Errorf("line %d: align must be left, center or right", i)
		}
		if y+h > p.PageLength-p.Bottom {
			out, y = append(out, unhex(p.Eject)...), 0
		}
		f.y = y
		s, err := p.piece(f)
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", i, err)
		}
		out = write(out, s)
		y += max(h, lineUnits)
	}
	return out, y, nil
}
