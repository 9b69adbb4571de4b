package crt288k

import (
	"bytes"
	"fmt"
	"testing"
)

func reader(b []byte) func() (byte, bool) {
	return func() (byte, bool) {
		if len(b) == 0 {
			return 0, false
		}
		c := b[0]
		b = b[1:]
		return c, true
	}
}

func TestAFrameIsPackedAndUnpacked(t *testing.T) {
	f := pack([]byte("C10"))
	if got := fmt.Sprintf("%X", f); got != "F2000343313003B0" {
		t.Error(got)
	}
	if text, _, v := unpack(reader(f[1:])); v != fine || string(text) != "C10" {
		t.Errorf("%s %d", text, v)
	}
	f[4] ^= 1
	if _, _, v := unpack(reader(f[1:])); v != bad {
		t.Error(v)
	}
}

func TestAStateThatNoReaderCanBeInIsRefused(t *testing.T) {
	for _, p := range []physical{{At: "nowhere"}, {At: Inside}, {At: Outside, Card: &Card{}}} {
		if p.check() == nil {
			t.Errorf("%+v", p)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack([]byte("C6107"))[1:])
	f.Add([]byte{0, 3, 'C'})
	f.Add([]byte{0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, raw, v := unpack(reader(b)); v == fine && !bytes.Equal(pack(text), raw) {
			t.Errorf("%X from %X", text, raw)
		}
	})
}
