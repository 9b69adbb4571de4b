package samv

import (
	"bytes"
	"testing"

	"zhigui/drivers/api/idcard"
)

// The frames are the protocol text's examples.
func TestFramesAreTheTextsExamples(t *testing.T) {
	a, n, v := look([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x20, 1, 0x22})
	if v != good || n != 10 || a.cmd != 0x20 || a.para != 1 || len(a.data) != 0 {
		t.Errorf("%+v %d %v", a, n, v)
	}
	if got := answer(0x9F, 0, 0, 0, 0); !bytes.Equal(got, []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 8, 0, 0, 0x9F, 0, 0, 0, 0, 0x97}) {
		t.Errorf("% X", got)
	}
	if got := answer(0x80); !bytes.Equal(got, []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0, 0, 0x80, 0x84}) {
		t.Errorf("% X", got)
	}
}

func TestTheReadsHaveTheLengthsOfTheText(t *testing.T) {
	for para, want := range map[byte]int{0x01: 1295, 0x10: 2321} {
		m, err := New(t.TempDir(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		m.body.Card, m.selected = People()[0].Name, true
		sw, data := m.perform(ask{0x30, para, nil})
		if got := len(answer(sw, data...)); got != want {
			t.Errorf("%02X: %d bytes, want %d", para, got, want)
		}
	}
}

func TestThePersonsAreInvented(t *testing.T) {
	for _, p := range People() {
		if err := p.check(); err != nil {
			t.Error(err)
		}
		if p.Number[:2] != "99" || !idcard.ValidNumber(p.Number) || p.Number[6:14] != p.Birth {
			t.Errorf("%s", p.Number)
		}
	}
}

func FuzzLook(f *testing.F) {
	f.Add([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x20, 1, 0x22})
	f.Add([]byte{0xAA, 0xAA, 0xAA, 0xAA, 0x96, 0x69, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, n, v := look(b)
			if n < 0 || n > len(b) || (n == 0) != (v == more) {
				t.Fatalf("%d of %d, %v", n, len(b), v)
			}
			if v == more {
				return
			}
			b = b[n:]
		}
	})
}
