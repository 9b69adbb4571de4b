package escpos

import (
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Columns of the paper: 48 half-width characters of 12 dots.
const Columns = 48

// Span is text in one style.
type Span struct {
	Text string `json:"text"`
	Bold bool   `json:"bold,omitempty"`
	W    int    `json:"w"` // times as wide
	H    int    `json:"h"` // times as high
}

// Line is one printed line, a QR code, or dots.
type Line struct {
	Align string `json:"align"` // left, center, right
	Spans []Span `json:"spans,omitempty"`
	QR    string `json:"qr,omitempty"`
	Dots  int    `json:"dots,omitempty"` // size of a QR module
	// Raster are the rows of a picture, eight dots a byte, Row bytes each.
	Raster []byte `json:"raster,omitempty"`
	Row    int    `json:"row,omitempty"`
}

// rows is how many rows of dots a picture has.
func (l Line) rows() int {
	if l.Row == 0 {
		return 0
	}
	return len(l.Raster) / l.Row
}

// runs calls f for each horizontal run of black dots of a picture.
func (l Line) runs(f func(x, y, n int)) {
	for y := range l.rows() {
		row := l.Raster[y*l.Row : (y+1)*l.Row]
		begin := -1
		for x := range 8*l.Row + 1 {
			black := x < 8*l.Row && row[x/8]&(0x80>>(x%8)) != 0
			switch {
			case black && begin < 0:
				begin = x
			case !black && begin >= 0:
				f(begin, y, x-begin)
				begin = -1
			}
		}
	}
}

// Ticket is what was printed between two cuts.
type Ticket struct {
	N     int       `json:"n"`
	At    time.Time `json:"at"`
	Lines []Line    `json:"lines"`
	// Gone says where it went: "" at the exit, taken, retracted, dropped (no presenter, or
	// pushed out by the next one).
	Gone string `json:"gone"`
}

// width is how many columns a character takes.
func width(r rune) int {
	if r < 0x80 || r >= 0xFF61 && r <= 0xFF9F || r == '¥' || r == '▯' {
		return 1
	}
	return 2
}

func (s Span) columns() int {
	n := 0
	for _, r := range s.Text {
		n += width(r) * s.W
	}
	return n
}

func (l Line) columns() int {
	n := 0
	for _, s := range l.Spans {
		n += s.columns()
	}
	return n
}

func (l Line) height() int {
	h := 1
	for _, s := range l.Spans {
		h = max(h, s.H)
	}
	return h
}

// indent is the column where the line begins.
func (l Line) indent() int {
	free := max(0, Columns-l.columns())
	switch l.Align {
	case "center":
		return free / 2
	case "right":
		return free
	}
	return 0
}

// Text is the ticket as plain text.
func (t Ticket) Text() string {
	var sb strings.Builder
	for i, l := range t.Lines {
		if l.QR != "" {
			sb.WriteString("[QR] " + l.QR + "\n")
			continue
		}
		if l.Row > 0 { // the strips of a picture are one
			if i == 0 || t.Lines[i-1].Row == 0 {
				sb.WriteString("[picture]\n")
			}
			continue
		}
		line := strings.Repeat(" ", l.indent())
		for _, s := range l.Spans {
			line += s.Text
		}
		sb.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return sb.String()
}

// decodeText reads GB18030, or single bytes, of which those above ASCII are shown as boxes: the
// code pages are not kept.
func decodeText(b []byte, single bool) string {
	if single {
		out := make([]rune, 0, len(b))
		for _, c := range b {
			if c >= 0x80 {
				out = append(out, '▯')
			} else if c >= 0x20 {
				out = append(out, rune(c))
			}
		}
		return string(out)
	}
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "?")
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F {
			return -1
		}
		return r
	}, string(out))
}

// wrap breaks a line that is wider than the paper.
func wrap(l Line) []Line {
	if l.columns() <= Columns {
		return []Line{l}
	}
	out := []Line{{Align: l.Align}}
	used := 0
	for _, s := range l.Spans {
		cur := Span{Bold: s.Bold, W: s.W, H: s.H}
		flush := func() {
			if cur.Text != "" {
				k := &out[len(out)-1]
				k.Spans = append(k.Spans, cur)
				cur.Text = ""
			}
		}
		for _, r := range s.Text {
			w := width(r) * s.W
			if used+w > Columns && used > 0 {
				flush()
				out = append(out, Line{Align: l.Align})
				used = 0
			}
			cur.Text += string(r)
			used += w
		}
		flush()
	}
	return out
}
