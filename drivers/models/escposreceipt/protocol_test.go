package escposreceipt

import (
	"bytes"
	"testing"

	"zhigui/drivers/api/printer"
)

// The masks are those by which an independent host (npm receiptio) takes answers apart.
func TestAnswersAreToldApartByTheirFixedBits(t *testing.T) {
	for _, tc := range []struct {
		b []byte
		k kind
		n int
	}{
		{[]byte{0x12}, realtime, 1},
		{[]byte{0x32}, realtime, 1},
		{[]byte{0x14, 0x00, 0x00, 0x0F}, asb, 4},
		{[]byte{0x10, 0x0F, 0x20, 0, 0, 0}, full, 6},
		{[]byte{0x10, 0x0F, 0x20}, more, 0},
		{[]byte{0x00}, paper, 1},
		{[]byte{0x0C}, paper, 1},
		{[]byte{0xFF}, noise, 1},
	} {
		if k, n := classify(tc.b); k != tc.k || n != tc.n {
			t.Errorf("% X: %d %d, want %d %d", tc.b, k, n, tc.k, tc.n)
		}
	}
	if s := fromFull([]byte{0x10, 0x0F, 0x25, 0x02, 0x40, 0x01}); s != (state{End: true, Near: true, Exit: true, Cover: true, Jam: true, Cutter: true}) {
		t.Errorf("%+v", s)
	}
}

func TestAReceiptBecomesThePrintersLanguage(t *testing.T) {
	got, err := render(printer.Receipt{Lines: []printer.Line{{Text: "金额", Right: "3.00", Bold: true}, {Rule: true}}}, 16)
	want := []byte("\x1b@\x1c&\x1ba\x00\x1bE\x01\xbd\xf0\xb6\xee        3.00\n\x1bE\x00\x1ba\x00----------------\n\x1ba\x00")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, want %q, %v", got, want, err)
	}
	if _, err := render(printer.Receipt{Lines: []printer.Line{{Align: "middle"}}}, 16); err == nil {
		t.Error("an unknown alignment was taken")
	}
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte{0x12, 0x14, 0, 0, 0x0F, 0x10, 0x0F, 0x20, 0, 0, 0, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			k, n := classify(b)
			if n == 0 {
				if k != more || len(b) >= 6 {
					t.Fatalf("stuck at % X", b)
				}
				return
			}
			b = b[n:]
		}
	})
}
