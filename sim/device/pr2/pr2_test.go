package pr2

import (
	"strings"
	"testing"
)

func FuzzParser(f *testing.F) {
	f.Add([]byte("\x1C&\x1BL006\x1BH002\xB4\xE6 100\x1C.\x1Bj"))
	f.Add([]byte("\x1Bt12=34\x1D\x1B\\\x1B B\x1B]"))
	f.Add([]byte("\x1BL0x\x1B\x1BO"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &parser{digits: 3}
		for _, c := range b {
			for _, i := range p.push(c) {
				if i.n < 0 || i.n > 999 || len(i.data) > 500 {
					t.Fatalf("%+v", i)
				}
			}
		}
	})
}

func TestALineIsPrintedWhereTheHostSaysAndTwiceShows(t *testing.T) {
	p := Page{{Line: 2, Column: 3, Text: "存 100"}, {Line: 2, Column: 6, Text: "9"}}
	rows := p.rows(4, 20)
	if rows[2] != "   存 █00" || strings.Join(rows[:2], "") != "" {
		t.Errorf("%q", rows)
	}
}

func TestAPageCanBeSeenAsAPicture(t *testing.T) {
	b := &Book{Name: "demo", Pages: []Page{{{Line: 0, Column: 0, Text: "2026-11-22 存入 100.00"}}}}
	if svg := b.picture(1, 24, 45).SVG(); !strings.Contains(svg, "存入 100.00") || !strings.Contains(svg, "demo") {
		t.Errorf("%.300s", svg)
	}
}
