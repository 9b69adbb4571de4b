package f2_test

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/golden"
)

// The frames are the published ones, whose CRC was computed by another program.
func TestFramesAreTheGoldenOnes(t *testing.T) {
	for text, frame := range map[string]string{
		"C10":          "F2 00 03 43 31 30 C5 2A",
		"P1002":        "F2 00 05 50 31 30 30 32 18 64",
		"N10B0":        "F2 00 05 4E 31 30 42 30 9D EF",
		"C00324100100": "F2 00 0C 43 30 30 33 32 34 31 30 30 31 30 30 67 A7",
	} {
		want := golden.Hex(t, frame)
		if got := f2.CRC.Append(nil, []byte(text)); !bytes.Equal(got, want) {
			t.Errorf("%s: % X, want % X", text, got, want)
		}
		got, err := f2.CRC.ReadRest(golden.Line(want[1:]), 0)
		if err != nil || string(got) != text {
			t.Errorf("%s: read %q, %v", text, got, err)
		}
	}
}

// The first frame is published, the others were computed with the rule that it proves.
func TestFramesWithAddressAndBCCAreTheGoldenOnes(t *testing.T) {
	v := f2.Variant{Addr: true, BCC: true}
	for text, frame := range map[string]string{
		"C10":    "F2 00 00 03 43 31 30 03 B0",
		"P10020": "F2 00 00 06 50 31 30 30 32 30 03 94",
		"C21":    "F2 00 00 03 43 32 31 03 B2",
		"N21A0":  "F2 00 00 05 4E 32 31 41 30 03 C8",
	} {
		want := golden.Hex(t, frame)
		if got := v.Append(nil, []byte(text)); !bytes.Equal(got, want) {
			t.Errorf("%s: % X, want % X", text, got, want)
		}
		got, err := v.ReadRest(golden.Line(want[1:]), 0)
		if err != nil || string(got) != text {
			t.Errorf("%s: read %q, %v", text, got, err)
		}
	}
}

func TestEveryVariantReadsWhatItWrites(t *testing.T) {
	for _, v := range []f2.Variant{{}, {BCC: true}, {Addr: true, Address: 7, BCC: true}, {Addr: true, Address: 1}} {
		b := v.Append(nil, []byte{'C', 0xF2, 0x03, 0x00, 0xFF})
		got, err := v.ReadRest(golden.Line(b[1:]), 0)
		if err != nil || !bytes.Equal(got, []byte{'C', 0xF2, 0x03, 0x00, 0xFF}) {
			t.Errorf("%+v: % X, %v", v, got, err)
		}
	}
}

func FuzzReadRest(f *testing.F) {
	f.Add([]byte{0x00, 0x03, 0x43, 0x31, 0x30, 0xC5, 0x2A}, false, false)
	f.Add([]byte{0x01, 0x00, 0x03, 0x43, 0x31, 0x30, 0x03, 0xB1}, true, true)
	f.Add([]byte{0xFF, 0xFF}, false, true)
	f.Fuzz(func(t *testing.T, b []byte, addr, bcc bool) {
		v := f2.Variant{Addr: addr, BCC: bcc, Address: 1}
		text, err := v.ReadRest(golden.Line(b), 0)
		if err != nil {
			if !errors.Is(err, f2.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if again := v.Append(nil, text); !bytes.HasPrefix(b, again[1:]) {
			t.Fatalf("read %q from % X but write % X", text, b, again)
		}
	})
}
