package omron3s4yr

import (
	"bytes"
	"testing"
	"time"

	"zhigui/drivers/internal/golden"
)

// Computed by hand from 1.4 of the specification.
func TestFramesAreThoseOfTheSpecification(t *testing.T) {
	for text, want := range map[string]string{
		"C10":     "\x10\x02C10\x10\x03\x41",
		"P1000":   "\x10\x02P1000\x10\x03\x52",
		"CF0\x10": "\x10\x02CF0\x10\x10\x10\x03\x26", // the doubled DLE is not in the checksum
	} {
		if got := string(frame([]byte(text))); got != want {
			t.Errorf("%q: % X, want % X", text, got, want)
		}
		ev, got, err := next(golden.Line([]byte(want)), time.Time{}, 0)
		if err != nil || ev != heardText || string(got) != text {
			t.Errorf("%q: read %v %q, %v", text, ev, got, err)
		}
	}
}

func TestADamagedTextIsDamageAndControlCodesAreHeard(t *testing.T) {
	src := golden.Line([]byte("\xFF\x10\x06\x10\x15\x10\x04\x10\x02C10\x10\x03\x40\x10\x02C1\x10\x02P1002\x10\x03\x50"))
	for i, want := range []event{heardACK, heardNAK, heardEOT, heardDamaged, heardText} {
		ev, text, err := next(src, time.Time{}, 0)
		if err != nil || ev != want || ev == heardText && string(text) != "P1002" {
			t.Errorf("%d: %v %q %v", i, ev, text, err)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x10\x06\x10\x02P1002\x10\x03\x50"))
	f.Add([]byte("\x10\x10\x10\x02\x10\x10\x10\x03\x13"))
	f.Add([]byte("\x10\x02\x10\x02\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := golden.Line(b)
		for {
			ev, text, err := next(src, time.Time{}, 0)
			if err != nil {
				return
			}
			if ev == heardText {
				_, again, err := next(golden.Line(frame(text)), time.Time{}, 0)
				if err != nil || !bytes.Equal(again, text) {
					t.Fatalf("%q does not survive", text)
				}
				_, _, _ = parse("C10", text)
			}
		}
	})
}
