package starline

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/receipt"
)

// Headers and bits as in Star's tables; 23 86 is what a TSP700 of version 3 sends.
func TestAStatusIsFoundAndRead(t *testing.T) {
	for _, tc := range []struct {
		name string
		b    []byte
		n    int
		want *state
	}{
		{"all is well", []byte{0x23, 0x06, 0, 0, 0, 0, 0, 0, 0}, 9, &state{}},
		{"ETB 9 reached, paper at the exit", []byte{0x23, 0x06, 0x02, 0, 0, 0, 0x02, 0x22, 0x06}, 9, &state{State: receipt.State{Exit: true}, reached: true, count: 9}},
		{"everything wrong", []byte{0x23, 0x06, 0x28, 0x08, 0x04, 0x0C, 0, 0, 0x0C}, 9, &state{State: receipt.State{Cover: true, Cutter: true, Jam: true, End: true, Near: true}, back: true}},
		{"an old printer without a counter", []byte{0x0F, 0x02, 0x02, 0x40, 0, 0, 0}, 7, &state{State: receipt.State{Other: true}, reached: true, count: -1}},
		{"not all there", []byte{0x23, 0x06, 0}, 0, nil},
		{"XON", []byte{0x11}, 1, nil},
		{"an ENQ answer", []byte{0x20, 0x23, 0x06}, 1, nil},
		{"too short a length", []byte{0x09, 0, 0, 0}, 1, nil},
		{"a header inside", []byte{0x23, 0x06, 0x23}, 1, nil},
	} {
		f, n := frame(tc.b)
		if n != tc.n || (f == nil) != (tc.want == nil) {
			t.Errorf("%s: % X, %d", tc.name, f, n)
			continue
		}
		if f == nil {
			continue
		}
		if diff := cmp.Diff(*tc.want, decode(f), cmp.AllowUnexported(state{})); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestAReceiptBecomesThePrintersLanguage(t *testing.T) {
	p := &profile{Columns: 16}
	got, err := p.render(printer.Receipt{Lines: []printer.Line{{Text: "金额", Right: "3.00", Bold: true}, {Rule: true}, {Text: "a", Big: true, Align: "center"}, {QR: "x"}}})
	want := []byte("\x1b@\x1b\x1da\x00\x1bE\xbd\xf0\xb6\xee        3.00\x1bF\n\x1b\x1da\x00----------------\n\x1b\x1da\x01\x1bi\x01\x01a\x1bi\x00\x00\n" +
		"\x1b\x1da\x00\x1b\x1dyS0\x02\x1b\x1dyS1\x01\x1b\x1dyS2\x06\x1b\x1dyD1\x00\x01\x00x\x1b\x1dyP\x1b\x1da\x00")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, want\n%q, %v", got, want, err)
	}
	if _, err := p.render(printer.Receipt{Lines: []printer.Line{{Align: "middle"}}}); err == nil {
		t.Error("an unknown alignment was taken")
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0x11, 0x23, 0x06, 0, 0, 0, 0, 0, 0, 0, 0x0F, 0x02, 0x02, 0x40, 0, 0, 0})
	f.Add([]byte{0x6F, 0x23})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			s, n := frame(b)
			if n == 0 {
				if len(b) >= 31 {
					t.Fatalf("stuck at % X", b)
				}
				return
			}
			if s != nil {
				decode(s)
			}
			b = b[n:]
		}
	})
}
