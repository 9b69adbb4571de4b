package r30x

import (
	"bytes"
	"testing"
)

// The frames are the maker's examples: verify password, and its answer.
func TestPacketsAreTheMakersExamples(t *testing.T) {
	f, n, state := cut([]byte{0xEF, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 7, 0x13, 0, 0, 0, 0, 0, 0x1B})
	if state != "good" || n != 16 || f.pid != 1 || f.data[0] != 0x13 {
		t.Errorf("%+v %d %s", f, n, state)
	}
	if got := wrap(7, 0); !bytes.Equal(got, []byte{0xEF, 1, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 3, 0, 0, 0x0A}) {
		t.Errorf("% X", got)
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte{0xEF, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 3, 1, 0, 5})
	f.Add([]byte{0xEF, 0xEF, 1, 0, 0, 0, 0, 2, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := New(t.TempDir(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		m.open = true
		for len(b) > 0 {
			p, n, state := cut(b)
			if n < 0 || n > len(b) || state != "" && n == 0 {
				t.Fatalf("%d of %d", n, len(b))
			}
			if n == 0 {
				return
			}
			if state == "good" && p.pid == 1 && len(p.data) > 0 {
				if out, _ := m.perform(p.data); len(out) == 0 {
					t.Fatal("no answer")
				}
			}
			b = b[n:]
		}
	})
}
