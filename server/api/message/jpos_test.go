package message

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/peer"
)

// packager is jPOS's description of a dialect, made from our table.
func packager(d *Dialect) string {
	b := d.Digits == EncBCD
	class := func(f *Field) string {
		digits, text, octets := [3]string{"IFA_NUMERIC", "IFA_LLNUM", "IFA_LLLNUM"}, [3]string{"IF_CHAR", "IFA_LLCHAR", "IFA_LLLCHAR"}, [3]string{"IFB_BINARY", "IFA_LLBINARY", "IFA_LLLBINARY"}
		if b {
			digits, text, octets = [3]string{"IFB_NUMERIC", "IFB_LLNUM", "IFB_LLLNUM"}, [3]string{"IF_CHAR", "IFB_LLCHAR", "IFB_LLLCHAR"}, [3]string{"IFB_BINARY", "IFB_LLBINARY", "IFB_LLLBINARY"}
		}
		at := max(0, f.Var-1)
		switch f.Type {
		case TypeN, TypeZ:
			return digits[at]
		case TypeB:
			return octets[at]
		}
		return text[at]
	}
	var s strings.Builder
	line := func(n, size int, name, class string) {
		fmt.Fprintf(&s, "<isofield id=\"%d\" length=\"%d\" name=\"%s\" pad=\"false\" class=\"org.jpos.iso.%s\"/>\n", n, size, name, class)
	}
	s.WriteString("<!DOCTYPE isopackager PUBLIC \"-//jPOS/jPOS Generic Packager DTD 1.0//EN\" \"http://jpos.org/dtd/generic-packager-1.0.dtd\">\n<isopackager>\n")
	mti := &Field{Type: TypeN}
	line(0, 4, "mti", class(mti))
	line(1, d.Fields/8, "bitmap", "IFB_BITMAP")
	for n := 2; n <= d.Fields; n++ {
		if f := d.Field(n); f != nil {
			line(n, f.Max, f.Name, class(f))
		}
	}
	s.WriteString("</isopackager>\n")
	return s.String()
}

// jPOS, which many hosts are built on, reads what we pack and packs what we read, byte for byte.
//
// req: IS-01 IS-03
func TestJPOSReadsAndPacksTheSameMessages(t *testing.T) {
	for name, vals := range golden {
		t.Run(name, func(t *testing.T) {
			d := mustDialect(t, name)
			j := peer.StartJPOS(t, packager(d))
			for mti, drop := range map[string][]int{"0200": nil, "0210": {52, 53, 35, 36}, "0400": {52}, "0800": {2, 3, 35, 36, 52, 53}} {
				m := build(t, d, vals)
				if err := m.SetMTI(mti); err != nil {
					t.Fatal(err)
				}
				want := maps.Clone(vals)
				for _, n := range drop {
					m.Unset(n)
					delete(want, n)
				}
				for n, v := range want { // fixed text is filled up on the wire
					if f := d.Field(n); f.Var == 0 && f.Type != TypeB && f.Type != TypeN {
						want[n] = fmt.Sprintf("%-*s", f.Max, v)
					}
				}
				want[0] = mti
				frame, lay, err := m.Pack(nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := j.Unpack(frame[lay.MTI:])
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: what jPOS reads: %s", mti, diff)
				}
				out, err := j.Pack(want)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(fmt.Sprintf("%X", frame[lay.MTI:]), fmt.Sprintf("%X", out)); diff != "" {
					t.Errorf("%s: what jPOS packs: %s", mti, diff)
				}
				back, body := New(d), append(append([]byte(nil), frame[:lay.MTI]...), out...)
				strip, ok := d.Frame.Strip(body)
				if !ok || back.Unpack(d, strip) != nil {
					t.Fatalf("%s: what jPOS packs is not read", mti)
				}
				for n, v := range want {
					if n > 0 && string(back.Get(n)) != v {
						t.Errorf("%s: field %d: %q, want %q", mti, n, back.Get(n), v)
					}
				}
			}
			if _, err := j.Unpack([]byte{1, 2, 3}); err == nil {
				t.Error("jPOS reads anything")
			}
		})
	}
}
