package puloon_test

import (
	"bytes"
	"testing"
	"time"

	"zhigui/drivers/internal/golden"
	"zhigui/drivers/internal/puloon"
)

// The frame is the specification's own example.
func TestARequestIsTheOneOfTheSpecification(t *testing.T) {
	if got, want := puloon.Request(0x50, 0x45, '1', '0'), golden.Hex(t, "04 50 02 45 31 30 03 11"); !bytes.Equal(got, want) {
		t.Errorf("% X, want % X", got, want)
	}
}

func TestAFrameOfAnotherDeviceIsDamage(t *testing.T) {
	m, err := puloon.Next(golden.Line(golden.Hex(t, "01 50 02 45 31 30 31 30 30 30 30 30 03 15")), 0x30, time.Time{})
	if err != nil || m.Kind != puloon.GotDamaged {
		t.Errorf("%+v, %v", m, err)
	}
}

func FuzzNext(f *testing.F) {
	f.Add(byte(0x50), golden.Hex(f, "06 01 50 02 45 31 30 31 30 30 30 30 30 03 15"))
	f.Add(byte(0x50), golden.Hex(f, "01 8D 01 01 9C 3C 15 FF 01 50 02 46 30 30 A0 80 03 46"))
	f.Add(byte(0x30), golden.Hex(f, "06 FF 01 30 02 55 52 20 30 03 67 04"))
	f.Fuzz(func(t *testing.T, id byte, b []byte) {
		src := golden.Line(b)
		for {
			m, err := puloon.Next(src, id, time.Time{})
			if err != nil {
				return
			}
			if m.Kind == puloon.GotFrame && bytes.IndexByte(m.Data, 0x03) >= 0 {
				t.Fatalf("% X holds an ETX", m.Data)
			}
		}
	})
}
