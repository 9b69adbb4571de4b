package escp

import (
	"strings"
	"testing"
)

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x1b@\x1b(U\x01\x00\x0a\x1b(V\x02\x00\x10\x00\x1b$\x10\x00abc\x1c&\xd6\xc7\x1c.\x0c"), false)
	f.Add([]byte("\x1b(R\x08\x00\x00REMOTE1ST\x02\x00\x00\x01\x1b\x00\x00\x00"), false)
	f.Add([]byte("??\x05\x00\x010001\x1b\x00\x00\x00"), true)
	f.Add([]byte("\x1b*\x27\xff\xff\x1b\x01@EJL ID\r\n\x1bD\x01\x02\x00"), false)
	f.Fuzz(func(t *testing.T, b []byte, remote bool) {
		for len(b) > 0 {
			_, n := next(b, remote)
			if n < 0 || n > len(b) {
				t.Fatalf("%d of %d bytes", n, len(b))
			}
			if n == 0 {
				if len(b) > 4*most {
					t.Fatalf("waits for more after %d bytes", len(b))
				}
				return
			}
			b = b[n:]
		}
	})
}

func TestAPageShowsWhatLiesWhere(t *testing.T) {
	p := Page{Marks: []Mark{{X: 300, Y: 60, Text: "b", Half: 30, Full: 60}, {X: 0, Y: 60, Text: "存a", Half: 30, Full: 60}, {X: 60, Y: 0, Text: "top", Half: 30}}}
	if got := p.Text(); got != "  top\n存a       b\n" {
		t.Errorf("%q", got)
	}
	if svg := p.SVG(); !strings.Contains(svg, "存a") {
		t.Errorf("%.200s", svg)
	}
}
