package escp

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Places are in 1/360 inch from the upper left corner of the printable area.

// Mark is text that was printed at one place.
type Mark struct {
	X    int    `json:"x"`
	Y    int    `json:"y"`
	Text string `json:"text"`
	Half int    `json:"half"` // what a half-width character takes
	Full int    `json:"full"` // what a Chinese one takes
	High bool   `json:"high,omitempty"`
	Bold bool   `json:"bold,omitempty"`
}

// Dots is a row of 24 dots, three bytes a column, Step units apart.
type Dots struct {
	X    int    `json:"x"`
	Y    int    `json:"y"`
	Step int    `json:"step"`
	Rows []byte `json:"rows"`
}

// Page is a sheet with everything that was printed on it.
type Page struct {
	N     int       `json:"n"`
	At    time.Time `json:"at"`
	Marks []Mark    `json:"marks"`
	Dots  []Dots    `json:"dots,omitempty"`
	Taken bool      `json:"taken"`
}

func wide(r rune) bool { return r > 0x7F }

func (m Mark) width() (n int) {
	for _, r := range m.Text {
		if wide(r) {
			n += m.Full
		} else {
			n += m.Half
		}
	}
	return n
}

// Text is the page in lines, as far as lines can show it: a line for each height at which
// there is text, pieces at columns of 1/12 inch.
func (p Page) Text() string {
	marks := slices.Clone(p.Marks)
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Or(cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X)) })
	var sb strings.Builder
	line, at := "", 0
	for i, m := range marks {
		if i > 0 && m.Y != marks[i-1].Y {
			sb.WriteString(strings.TrimRight(line, " ") + "\n")
			line, at = "", 0
		}
		for at+15 < m.X {
			line, at = line+" ", at+30
		}
		line += m.Text
		at = m.X + m.width()
	}
	if line != "" {
		sb.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return sb.String()
}

// decode reads text: GB18030 in Chinese mode, else ASCII; what the other character set would
// show is a box.
func decode(b []byte, chinese bool) string {
	if !chinese {
		return strings.Map(func(r rune) rune {
			if r >= 0x80 {
				return '▯'
			}
			return r
		}, latin(b))
	}
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil {
		return latin(b)
	}
	return string(out)
}

func latin(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}
