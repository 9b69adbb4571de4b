package kmy3501

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/drivers/internal/golden"
)

// Computed by hand: 01^30 = 31; 03^46^00^30 = 75; 01^04 = 05.
func TestFramesAreHexWithTheXOROfTheirBytes(t *testing.T) {
	for want, body := range map[string][]byte{"\x02013031\x03": {0x30}, "\x020346003075\x03": {0x46, 0x00, 0x30}} {
		if got := frame(body); string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if st, err := readRest(golden.Line([]byte("010405\x03")), 0); err != nil || !bytes.Equal(st, []byte{0x04}) {
		t.Errorf("% X %v", st, err)
	}
	for _, bad := range []string{"010406\x03", "020405\x03", "01040\x03", "0G0405\x03", "0104"} {
		if b, err := readRest(golden.Line([]byte(bad)), 0); !errors.Is(err, errFrame) {
			t.Errorf("%q: % X %v", bad, b, err)
		}
	}
}

func FuzzReadRest(f *testing.F) {
	f.Add([]byte("010405\x03"))
	f.Add([]byte("0904AABBCCDDEEFF0011\x03"))
	f.Add([]byte("\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := readRest(golden.Line(b), 0)
		if err != nil {
			return
		}
		again, err := readRest(golden.Line(frame(body)[1:]), 0)
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("% X does not survive: %v", body, err)
		}
	})
}
