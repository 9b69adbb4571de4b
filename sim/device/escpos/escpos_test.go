package escpos

import (
	"bytes"
	"testing"
)

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x1b@\x1d(k\x03\x001C\x06abc\n\x1dV\x00"))
	f.Add([]byte("\x1d(\x00\xff\xff"))
	f.Add([]byte("\x1c(A\x02\x000\x01\x1d8L\x0b\x00\x00\x000p01\x01\x011\x08\x00\x01\x00\xff"))
	f.Add([]byte("\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"))
	f.Add([]byte("\x1dv0\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, n := next(b)
			if n < 0 || n > len(b) {
				t.Fatalf("%d of %d bytes", n, len(b))
			}
			if n == 0 {
				if len(b) > maxBlock+16 {
					t.Fatalf("waits for more after %d bytes", len(b))
				}
				return
			}
			b = b[n:]
		}
	})
}

func FuzzTap(f *testing.F) {
	f.Add([]byte("\x10\x04\x01\x10\x10\x04\x14"))
	f.Add([]byte("\x10\x14\x08\x01\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &Model{phy: physical{PaperTenths: 1e6, Status: map[string]string{"cover": "closed", "jam": "no", "cutter": "ok", "head": "ok", "voltage": "ok", "unit": "ok"}}}
		for _, c := range b {
			if bytes.HasSuffix(m.rt, dropSequence[:len(dropSequence)-1]) {
				return // the last byte needs a device
			}
			if r, _ := m.Tap(c); len(r) == 1 && r[0]&0x93 != 0x12 {
				t.Errorf("status byte %02X", r[0])
			}
			if len(m.rt) > len(dropSequence) {
				t.Fatalf("%d bytes pending", len(m.rt))
			}
		}
	})
}

func FuzzTicket(f *testing.F) {
	f.Add([]byte("\xd6\xc7\xb9\xf1 abc"), 2)
	f.Add([]byte{0x81, 0x30, 0xFF}, 8)
	f.Fuzz(func(t *testing.T, b []byte, w int) {
		w = 1 + (w&0x7fffffff)%8
		for _, l := range wrap(Line{Align: "center", Spans: []Span{{Text: decodeText(b, w > 4), W: w, H: 1}}}) {
			if l.columns() > Columns && len([]rune(l.Spans[0].Text)) > 1 {
				t.Errorf("%d columns", l.columns())
			}
		}
	})
}
