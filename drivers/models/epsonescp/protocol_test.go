package epsonescp

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api/printer"
)

// The answers are in Epson's writing of its LX-300+II manual.
func TestAnswersAreFoundAndRead(t *testing.T) {
	for _, tc := range []struct {
		b    string
		want message
		ok   bool
		n    int
	}{
		{"@BDC ST\r\nST:04;PP:0000;CD:02;IG:0305NA,09NANA,0CNANA;TEC:06;\f", message{state: "04"}, true, 61},
		{"@BDC ST\r\nST:00;ER:06;\f@BDC", message{state: "00", err: "06"}, true, 22},
		{"@BDC PS\r\n??:0A3F;\f", message{echo: "0A3F"}, true, 18},
		{"@EJL ID\r\nMFG: EPSON;MDL: LX-300+II;\f", message{}, false, 36},
		{"@BDC ST\r\nST:04", message{}, false, 0},
		{"\xff\x00@BDC", message{}, false, 2},
		{"@BDC\f", message{}, false, 5},
	} {
		m, ok, n := answer([]byte(tc.b))
		if n != tc.n || ok != tc.ok || ok && m != tc.want {
			t.Errorf("%q: %+v %t %d", tc.b, m, ok, n)
		}
	}
}

func TestRemoteCommandsAreWrapped(t *testing.T) {
	want := []byte("\x1b(R\x08\x00\x00REMOTE1??\x05\x00\x010A3F\x1b\x00\x00\x00")
	if got := echo("0A3F"); !bytes.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func testProfile() *profile {
	return &profile{PageLength: 4209, PageWidth: 496, Bottom: 180, Columns: 20, ChineseOn: "1C26", ChineseOff: "1C2E", Eject: "0C"}
}

func TestFieldsGoFromTheTopDownToTheirPlaces(t *testing.T) {
	p := testProfile()
	got, err := p.page(printer.Page{Fields: []printer.Field{{X: 254, Y: 508, Text: "金额", Bold: true}, {Text: "a\x1bb", Big: true}}})
	want := []byte("\x1b(V\x02\x00\x00\x00\x1b$\x00\x00\x1bW\x01\x1bw\x01\x1cW\x01a b\x1bW\x00\x1bw\x00\x1cW\x00" +
		"\x1b(V\x02\x00\xd0\x02\x1b$\x68\x01\x1bE\x1c&\xbd\xf0\xb6\xee\x1c.\x1bF")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, f := range []printer.Field{{X: 2090, Text: "over"}, {Y: 2950, Text: "under"}, {X: -1, Text: "x"}, {X: 2000, QR: "https://example.com"}} {
		if _, err := p.page(printer.Page{Fields: []printer.Field{f}}); !errors.Is(err, errPlace) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestLinesGoOnWhereTheyEndedAndTurnThePage(t *testing.T) {
	p := testProfile()
	_, y, err := p.lines(printer.Receipt{Lines: []printer.Line{{Text: "a"}, {Text: "b", Big: true}}}, 60)
	if err != nil || y != 60+60+120 {
		t.Errorf("%d %v", y, err)
	}
	out, y, err := p.lines(printer.Receipt{Lines: []printer.Line{{Text: "x", Right: "9"}, {Text: "y", Align: "right"}}}, 3960)
	want := []byte("\x1b(V\x02\x00\x78\x0f\x1b$\x00\x00x                  9\x0c\x1b(V\x02\x00\x00\x00\x1b$\x3a\x02y")
	if diff := cmp.Diff(want, out); err != nil || y != 60 || diff != "" {
		t.Error(y, err, diff)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\xff@BDC ST\r\nST:00;ER:06;\f@BDC PS\r\n??:0001;\f"))
	f.Add([]byte("@@@\f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, _, n := answer(b)
			if n == 0 {
				if len(b) > longest {
					t.Fatalf("stuck at %q", b)
				}
				return
			}
			b = b[n:]
		}
	})
}
