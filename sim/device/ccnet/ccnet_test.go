package ccnet

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
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

// The frames are from two other programs.
func TestFramesAreThoseOfTheProtocol(t *testing.T) {
	for data, want := range map[string]string{"33": "02 03 06 33 DA 81", "14": "02 03 06 14 67 D4", "00": "02 03 06 00 C2 82"} {
		if got := pack(unhex(t, data)...); !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("% X, want %s", got, want)
		}
		if raw, ok, bad := readFrame(feed(unhex(t, want)[1:])); !ok || bad || !bytes.Equal(raw[3:4], unhex(t, data)) {
			t.Errorf("%s: % X %v %v", want, raw, ok, bad)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(unhex(f, "03 06 33 DA 81"))
	f.Add(unhex(f, "03 0C 34 FF FF FF FF FF FF FE F7"))
	f.Fuzz(func(t *testing.T, b []byte) {
		raw, ok, _ := readFrame(feed(b))
		if ok && (len(raw) < minSize || len(raw) != int(raw[2])) {
			t.Fatalf("% X", raw)
		}
	})
}
