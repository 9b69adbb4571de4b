package samv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/golden"
)

// The frames are the protocol text's examples.
func TestFramesAreTheTextsExamples(t *testing.T) {
	if got := frame(cmdFind); !bytes.Equal(got, []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x20, 1, 0x22}) {
		t.Errorf("% X", got)
	}
	a, err := readAnswer(golden.Next([]byte{0x5A, 0xAA, 0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 8, 0, 0, 0x9F, 0, 0, 0, 0, 0x97}))
	if err != nil || !bytes.Equal(a, []byte{swFound, 0, 0, 0, 0}) {
		t.Errorf("% X %v", a, err)
	}
	for _, bad := range [][]byte{
		{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0, 0, 0x80, 0x85},
		{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0, 0, 0x10, 0x14},
		{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0xFF, 0xFF},
	} {
		if _, err := readAnswer(golden.Next(bad)); !errors.Is(err, dialog.ErrDamaged) {
			t.Errorf("% X: %v", bad, err)
		}
	}
}

func field(s string, n int) []byte {
	out := []byte{}
	for _, u := range utf16.Encode([]rune(s + strings.Repeat(" ", n))) {
		if len(out) < n {
			out = binary.LittleEndian.AppendUint16(out, u)
		}
	}
	return out
}

func TestTheTextBlockIsCutAtFixedPlaces(t *testing.T) {
	b := bytes.Join([][]byte{field("某某", 30), field("1", 2), field("05", 4), field("19900307", 16), field("某地", 70), field("990101199003070015", 36), field("某局", 30), field("20200101", 16), field("长期", 16), field("", 36)}, nil)
	c := text(b)
	if len(b) != textSize || c.Name != "某某" || c.NationName != "维吾尔" || c.Number != "990101199003070015" || c.Until != "长期" || c.Issuer != "某局" || c.From != "20200101" || c.Sex != "1" || c.Address != "某地" || c.Birth != "19900307" {
		t.Errorf("%d bytes: %q", len(b), []string{c.Name, c.NationName, c.Number, c.Until, c.Issuer, c.From})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0, 0, 0x90, 0x94}, 2)
	f.Add(append([]byte{0, 255, 0, 4}, make([]byte, 260)...), 2)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if a, err := readAnswer(golden.Next(b)); err == nil && (len(a) == 0 || len(a) > maxData) {
			t.Fatalf("%d bytes", len(a))
		}
		if n < 1 || n > 3 {
			return
		}
		if p, err := parts(b, n); err == nil {
			_ = text(p[0]).String()
		}
	})
}
