package vtpanel

import (
	"strconv"
	"strings"
)

// look is the rendition of a character.
type look struct{ underline, blink, reverse bool }

type cell struct {
	c    byte
	look look
}

// screen is what the display shows. Rows and columns count from zero here, from one on the
// line.
type screen struct {
	cells    [][]cell
	row, col int
	pending  bool // the last column was written: the next character wraps first
	look     look
	hidden   bool // the cursor
	bells    int

	seq []byte // of an escape sequence that is not complete
}

func newScreen(rows, cols int) *screen {
	s := &screen{cells: make([][]cell, rows)}
	for i := range s.cells {
		s.cells[i] = blank(cols)
	}
	return s
}

func blank(cols int) []cell {
	line := make([]cell, cols)
	for i := range line {
		line[i].c = ' '
	}
	return line
}

func (s *screen) rows() int { return len(s.cells) }
func (s *screen) cols() int { return len(s.cells[0]) }

// take draws one byte. report is the name of a report that the host asks for, "" of none.
func (s *screen) take(b byte) (report string) {
	switch {
	case b == 0x18 || b == 0x1A: // CAN, SUB break a sequence off
		s.seq = nil
	case b == 0x1B:
		s.seq = []byte{b}
	case b < 0x20:
		s.control(b)
	case len(s.seq) > 0:
		return s.sequence(b)
	case b < 0x7F:
		s.put(b)
	}
	return ""
}

// control characters work also inside of a sequence.
func (s *screen) control(b byte) {
	switch b {
	case 0x07:
		s.bells++
	case 0x08:
		s.col, s.pending = max(0, s.col-1), false
	case 0x0A, 0x0B, 0x0C:
		s.lineFeed()
	case 0x0D:
		s.col, s.pending = 0, false
	}
}

func (s *screen) lineFeed() {
	s.pending = false
	if s.row++; s.row == s.rows() {
		s.row--
		s.cells = append(s.cells[1:], blank(s.cols()))
	}
}

func (s *screen) put(b byte) {
	if s.pending {
		s.col = 0
		s.lineFeed()
	}
	s.cells[s.row][s.col] = cell{b, s.look}
	if s.pending = s.col == s.cols()-1; !s.pending {
		s.col++
	}
}

const longest = 32

func (s *screen) sequence(b byte) (report string) {
	s.seq = append(s.seq, b)
	if len(s.seq) == 2 {
		switch b {
		case '[':
			return ""
		case 'c': // RIS
			*s = *newScreen(s.rows(), s.cols())
		}
		s.seq = nil
		return ""
	}
	if b < 0x40 {
		if len(s.seq) > longest {
			s.seq = nil
		}
		return ""
	}
	body := string(s.seq[2 : len(s.seq)-1])
	s.seq = nil
	private := strings.HasPrefix(body, "?")
	if private {
		body = body[1:]
	}
	var n []int
	for _, p := range strings.Split(body, ";") {
		v, err := strconv.Atoi(p)
		if err != nil && p != "" {
			return "" // intermediate characters: not known
		}
		n = append(n, v)
	}
	if private {
		if len(n) > 0 && n[0] == 25 && (b == 'h' || b == 'l') { // DECTCEM, from the VT220 on
			s.hidden = b == 'l'
		}
		return ""
	}
	return s.csi(b, n)
}

func (s *screen) csi(b byte, n []int) (report string) {
	arg := func(i int) int { // a missing or zero count is one
		if i < len(n) && n[i] > 0 {
			return n[i]
		}
		return 1
	}
	s.pending = s.pending && (b == 'm' || b == 'n' || b == 'c')
	switch b {
	case 'A':
		s.row = max(0, s.row-arg(0))
	case 'B':
		s.row = min(s.rows()-1, s.row+arg(0))
	case 'C':
		s.col = min(s.cols()-1, s.col+arg(0))
	case 'D':
		s.col = max(0, s.col-arg(0))
	case 'H', 'f':
		s.row, s.col = min(arg(0), s.rows())-1, min(arg(1), s.cols())-1
	case 'J':
		s.erase(n[0], func(row, col int) int { return row*s.cols() + col })
	case 'K':
		s.erase(n[0], func(row, col int) int {
			if row != s.row {
				return -1
			}
			return s.row*s.cols() + col
		})
	case 'm':
		s.render(n)
	case 'n':
		return map[int]string{5: "5n", 6: "6n"}[n[0]]
	case 'c':
		if n[0] == 0 {
			return "c"
		}
	}
	return ""
}

// erase: 0 from the cursor on, 1 up to it, 2 all. place numbers a cell; below zero it is not
// meant. Erased cells lose their rendition; the cursor stays.
func (s *screen) erase(how int, place func(row, col int) int) {
	here := s.row*s.cols() + s.col
	for row := range s.cells {
		for col := range s.cells[row] {
			p := place(row, col)
			if p >= 0 && (how == 2 || how == 0 && p >= here || how == 1 && p <= here) {
				s.cells[row][col] = cell{c: ' '}
			}
		}
	}
}

func (s *screen) render(n []int) {
	for _, v := range n {
		switch v {
		case 0:
			s.look = look{}
		case 4:
			s.look.underline = true
		case 5:
			s.look.blink = true
		case 7:
			s.look.reverse = true
		}
	}
}

// lines are the rows as text, without blanks at their ends.
func (s *screen) lines() []string {
	out := make([]string, s.rows())
	for i, row := range s.cells {
		b := make([]byte, len(row))
		for k, c := range row {
			b[k] = c.c
		}
		out[i] = strings.TrimRight(string(b), " ")
	}
	return out
}
