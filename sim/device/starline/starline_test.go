package starline

import "testing"

// Star's tables of headers: nine bytes are 23, version 3 is 06, version 10 is 24.
func TestNumbersLieInTheBitsThatTheStatusHasForThem(t *testing.T) {
	for n, want := range map[int]byte{7: 0x0E, 9: 0x22, 3: 0x06, 8: 0x20, 10: 0x24, 16: 0x40, 30: 0x6C, 31: 0x6E} {
		if got := spread(n); got != want {
			t.Errorf("%d: %02X, want %02X", n, got, want)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x1b@\x1b\x1ea\x01\x1b\x1dyD1\x00\x03\x00abc\x1b\x1dyP\x1bd2\x17"))
	f.Add([]byte("\x1bk\x02\x00\x1b\x06\x01\x1b\x16\x30\x00"))
	f.Add([]byte("\x1b\x1dS\x01\xff\xff\xff\xff\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, n := next(b)
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
