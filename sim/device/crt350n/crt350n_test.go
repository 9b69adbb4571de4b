package crt350n

import (
	"bytes"
	"testing"
)

func TestADamagedTrackReadsAsItsError(t *testing.T) {
	raw, ok := EncodeTrack(2, "6225880000000001=4912")
	if !ok {
		t.Fatal("cannot encode")
	}
	for how, want := range map[string]string{"": "", "start": "26", "end": "27", "lrc": "28", "parity": "20", "blank": "23"} {
		if _, got := DecodeTrack(2, Damage(2, raw, how)); got != want {
			t.Errorf("damage %q reads as %q, want %q", how, got, want)
		}
	}
}

// The LRC of ";1?" is 0x5 by hand: B ^ 1 ^ F = 5, with odd parity 15.
func TestTheLRCIsTheColumnParity(t *testing.T) {
	raw, _ := EncodeTrack(2, "1")
	if !bytes.Equal(raw, []byte{0x0B, 0x01, 0x1F, 0x15}) {
		t.Errorf("%X", raw)
	}
}

func feed(b []byte) func() (byte, bool) {
	return func() (byte, bool) {
		if len(b) == 0 {
			return 0, false
		}
		c := b[0]
		b = b[1:]
		return c, true
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x00\x03C10\xC5\x2A"))
	f.Add([]byte("\xff\xff"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, raw, v := readFrame(feed(b))
		if v == good && !bytes.Equal(frame(text), raw) {
			t.Errorf("%X read from %X", text, raw)
		}
	})
}

func FuzzTrack(f *testing.F) {
	f.Add(2, []byte{0x0B, 0x01, 0x1F, 0x15})
	f.Add(1, []byte{})
	f.Fuzz(func(t *testing.T, n int, raw []byte) {
		n = 1 + (n&0x7fffffff)%3
		data, code := DecodeTrack(n, raw)
		if code == "" {
			again, ok := EncodeTrack(n, data)
			if d, c := DecodeTrack(n, again); !ok || d != data || c != "" {
				t.Errorf("%q does not survive", data)
			}
		}
	})
}
