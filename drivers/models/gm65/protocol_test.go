package gm65

import (
	"bytes"
	"testing"

	"zhigui/drivers/internal/golden"
)

// The frames are the maker's examples.
func TestCommandsAreTheMakersExamples(t *testing.T) {
	for want, got := range map[string][]byte{
		"7E 00 08 01 00 02 01 AB CD": command(opWrite, zoneTrigger, 1, false),
		"7E 00 07 01 00 2A 02 D8 0F": command(opRead, 0x002A, 2, true),
		"7E 00 09 01 00 00 00 DE C8": command(0x09, 0, 0, true),
		"7E 00 0A 01 00 00 00 30 1A": command(0x0A, 0, 0, true),
	} {
		if !bytes.Equal(got, golden.Hex(t, want)) {
			t.Errorf("% X, want %s", got, want)
		}
	}
}

func TestAnAnswerIsFoundBehindNoiseAndCheckedByItsSum(t *testing.T) {
	for _, tc := range []struct {
		in, data, before string
		ok               bool
	}{
		{"02 00 00 01 00 33 31", "00", "", true},
		{"FF 02 41 02 00 00 01 00 33 31", "00", "FF 02 41", true},
		{"02 02 00 00 01 00 AB CD", "00", "02", true},
		{"02 00 00 01 00 33 30", "", "", false},
		{"02 00 01 01 00 33 31", "", "", false},
		{"02 00 00 01", "", "", false},
	} {
		var before []byte
		data, err := answerAfter(&before)(golden.Next(golden.Hex(t, tc.in)))
		if (err == nil) != tc.ok || !bytes.Equal(data, golden.Hex(t, tc.data)) || tc.ok && !bytes.Equal(before, golden.Hex(t, tc.before)) {
			t.Errorf("%s: % X after % X, %v", tc.in, data, before, err)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(golden.Hex(f, "02 00 00 01 00 33 31"))
	f.Add(golden.Hex(f, "FF 00 5A 7F 02 02 00 00 FF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		data, err := readAnswer(golden.Next(b))
		if err == nil && len(data) > 255 {
			t.Fatalf("%d bytes", len(data))
		}
	})
}
