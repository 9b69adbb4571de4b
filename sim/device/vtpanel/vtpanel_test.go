package vtpanel

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func drawn(rows, cols int, text string) *screen {
	s := newScreen(rows, cols)
	for _, b := range []byte(text) {
		s.take(b)
	}
	return s
}

// What the user guide says of the display.
func TestTheDisplayFollowsTheUserGuide(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		row, col   int
	}{
		{"text runs on", "AB", []string{"AB", "", ""}, 0, 2},
		{"the last column waits before it wraps", "ABCDE", []string{"ABCDE", "", ""}, 0, 4},
		{"the next character wraps", "ABCDEF", []string{"ABCDE", "F", ""}, 1, 1},
		{"a move ends the waiting", "ABCDE\x1b[1;5HX", []string{"ABCDX", "", ""}, 0, 4},
		{"the last line scrolls", "A\r\nB\r\nC\r\nD", []string{"B", "C", "D"}, 2, 1},
		{"positions count from one", "\x1b[2;3HX", []string{"", "  X", ""}, 1, 3},
		{"no position is home", "AB\x1b[HX", []string{"XB", "", ""}, 0, 1},
		{"a position off the screen is its edge", "\x1b[9;9HX", []string{"", "", "    X"}, 2, 4},
		{"all is erased, the cursor stays", "ABC\x1b[2J", []string{"", "", ""}, 0, 3},
		{"to the end", "ABC\r\nDEF\x1b[1;2H\x1b[J", []string{"A", "", ""}, 0, 1},
		{"up to the cursor", "ABC\r\nDEF\x1b[2;2H\x1b[1J", []string{"", "  F", ""}, 1, 1},
		{"a line alone", "ABC\r\nDEF\x1b[1;2H\x1b[2K", []string{"", "DEF", ""}, 0, 1},
		{"control inside a sequence", "\x1b[2\r;1HX", []string{"", "X", ""}, 1, 1},
		{"a broken sequence", "\x1b[2\x18;H", []string{";H", "", ""}, 0, 2},
		{"reset", "ABC\x1bc", []string{"", "", ""}, 0, 0},
	} {
		s := drawn(3, 5, c.text)
		if d := cmp.Diff(c.want, s.lines()); d != "" || s.row != c.row || s.col != c.col {
			t.Errorf("%s: at %d,%d\n%s", c.name, s.row, s.col, d)
		}
	}
}

func TestReportsAreAskedForByTheirSequences(t *testing.T) {
	for text, want := range map[string]string{"\x1b[5n": "5n", "\x1b[6n": "6n", "\x1b[c": "c", "\x1b[0c": "c", "\x1b[7n": "", "\x1b[?5n": "", "5n": ""} {
		s, got := newScreen(3, 5), ""
		for _, b := range []byte(text) {
			got += s.take(b)
		}
		if got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzScreen(f *testing.F) {
	f.Add([]byte("\x1b[2;3HX\x1b[1J\x1b[4;5;7mY\x1bcZ"))
	f.Add([]byte("\x1b[;;;99999999999999999999H\x1b[?25l"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := drawn(4, 7, string(b))
		if s.row < 0 || s.row >= 4 || s.col < 0 || s.col >= 7 || len(s.lines()) != 4 || len(s.seq) > longest+1 || strings.ContainsRune(strings.Join(s.lines(), ""), 0x1B) {
			t.Errorf("%d,%d %q", s.row, s.col, s.lines())
		}
	})
}
