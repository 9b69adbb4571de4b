package cashcodeccnet

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"zhigui/drivers/internal/golden"
)

// The frames are from two other programs.
func TestFramesAreThoseOfTheProtocol(t *testing.T) {
	for data, frame := range map[string]string{"33": "02 03 06 33 DA 81", "14": "02 03 06 14 67 D4", "00": "02 03 06 00 C2 82"} {
		if got := encode(3, golden.Hex(t, data)); !bytes.Equal(got, golden.Hex(t, frame)) {
			t.Errorf("% X, want %s", got, frame)
		}
		got, err := decode(golden.Line(append([]byte{0xFF, 0x00}, golden.Hex(t, frame)...)), 3, time.Time{})
		if err != nil || !bytes.Equal(got, golden.Hex(t, data)) {
			t.Errorf("%s: % X, %v", frame, got, err)
		}
	}
	if _, err := decode(golden.Line(golden.Hex(t, "02 03 06 33 DA 82")), 3, time.Time{}); !errors.Is(err, errDamaged) {
		t.Errorf("a wrong checksum: %v", err)
	}
}

func TestTheBillTableNamesNotesWithTheirValue(t *testing.T) {
	tab, err := parseTable(golden.Hex(t, "01 43 4E 59 02 05 43 4E 59 01 00 00 00 00 00"))
	if err != nil || tab.byType(0) != "type100CNY1" || tab.byType(1) != "type50CNY1" || tab.byType(2) != "" || tab.types["type100CNY1"].Value != 10000 {
		t.Errorf("%+v, %v", tab, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(golden.Hex(f, "02 03 06 33 DA 81"))
	f.Add(golden.Hex(f, "01 43 4E 59 02 05 43 4E 59 01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for src := golden.Line(b); ; {
			data, err := decode(src, 3, time.Time{})
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil && len(data) == 0 {
				t.Fatal("a frame without data")
			}
		}
		tab, _ := parseTable(b)
		_ = tab.byType(0)
	})
}
