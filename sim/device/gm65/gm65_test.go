package gm65

import (
	"bytes"
	"testing"
)

func TestAnAnswerHasTheMakersBytes(t *testing.T) {
	if got := answer(0x02, 0x00); !bytes.Equal(got, []byte{0x02, 0, 0, 1, 0, 0x33, 0x31}) {
		t.Errorf("% X", got)
	}
	r, n, ok := parse([]byte{0x7E, 0, 8, 1, 0, 2, 1, 0xAB, 0xCD, 0x7E})
	if !ok || n != 9 || r.op != writeZone || r.zone != 2 || len(r.data) != 1 || r.data[0] != 1 {
		t.Errorf("%+v %d %v", r, n, ok)
	}
	if _, n, ok := parse([]byte{0x7E, 0, 7, 1, 0, 0x2A, 2, 0xD8, 0x0E}); ok || n != 1 {
		t.Errorf("a wrong sum was taken: %d %v", n, ok)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x7E, 0, 8, 1, 0, 2, 1, 0xAB, 0xCD})
	f.Add([]byte{0x7E, 0x7E, 0, 7, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, n, ok := parse(b)
			if n < 0 || n > len(b) || ok && n < 8 {
				t.Fatalf("%d of %d", n, len(b))
			}
			if n == 0 {
				return
			}
			b = b[n:]
		}
	})
}
