package pr2

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/sim/device/escpos"
)

// Mark is text that was printed at one place. Marks are never removed: printing twice on one
// line shows.
type Mark struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// Page is one page with everything that was ever printed on it.
type Page []Mark

// Book is a passbook.
type Book struct {
	Name   string    `json:"name"`
	Stripe string    `json:"stripe"`
	Broken bool      `json:"broken,omitempty"` // the stripe cannot be read
	Pages  []Page    `json:"pages"`
	Used   time.Time `json:"used"`
}

// width is how many half-width columns a character takes.
func width(r rune) int {
	if r < 0x80 {
		return 1
	}
	return 2
}

// rows are the page's lines as they look; what lies over another mark shows as █.
func (p Page) rows(lines, columns int) []string {
	grid := make([][]rune, lines)
	for i := range grid {
		grid[i] = []rune(strings.Repeat(" ", columns))
	}
	for _, m := range p {
		at := m.Column
		for _, r := range m.Text {
			wide := width(r)
			if m.Line < 0 || m.Line >= lines || at+wide > columns {
				break
			}
			if old := grid[m.Line][at]; old != ' ' && r != ' ' {
				r = '█'
			}
			if r != ' ' {
				grid[m.Line][at] = r
				if wide == 2 {
					grid[m.Line][at+1] = 0 // the second half of a wide character
				}
			}
			at += wide
		}
	}
	out := make([]string, lines)
	for i, g := range grid {
		out[i] = strings.TrimRight(strings.Map(func(r rune) rune {
			if r == 0 {
				return -1
			}
			return r
		}, string(g)), " ")
	}
	return out
}

// Text is the page as plain text.
func (p Page) Text(lines, columns int) string {
	return strings.TrimRight(strings.Join(p.rows(lines, columns), "\n"), "\n") + "\n"
}

// picture is the page in the form that the panel draws.
func (b *Book) picture(n, lines, columns int) escpos.Ticket {
	t := escpos.Ticket{N: n, At: b.Used, Lines: []escpos.Line{{Align: "center", Spans: []escpos.Span{{Text: fmt.Sprintf("%s · %d", b.Name, n), Bold: true, W: 1, H: 1}}}}}
	for i, row := range b.Pages[n-1].rows(lines, min(columns, escpos.Columns-3)) {
		t.Lines = append(t.Lines, escpos.Line{Align: "left", Spans: []escpos.Span{{Text: fmt.Sprintf("%2d %s", i+1, row), W: 1, H: 1}}})
	}
	return t
}

func sorted(m map[string]*Book) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func decode(b []byte) string {
	s, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "?")
	}
	return string(s)
}
