package itlnv200

import (
	"bytes"
	"crypto/aes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/internal/golden"
)

// The frames were seen on other programs' lines or computed by other tools.
func TestFramesAreThoseOfTheProtocol(t *testing.T) {
	for _, tc := range []struct{ data, frame string }{
		{"07", "7F 80 01 07 12 02"},
		{"F0 EE 03", "7F 80 03 F0 EE 03 C6 4C"},
		{"02 7F 00", "7F 80 03 02 7F 7F 00 2E 26"},
	} {
		if got := encode(0x80, golden.Hex(t, tc.data)); !bytes.Equal(got, golden.Hex(t, tc.frame)) {
			t.Errorf("% X, want %s", got, tc.frame)
		}
		src := golden.Line(append(golden.Hex(t, "00 F0 7F 80"), golden.Hex(t, tc.frame)...)) // noise and a broken-off frame before it
		head, data, err := decode(src, time.Time{})
		if err != nil || head != 0x80 || !bytes.Equal(data, golden.Hex(t, tc.data)) {
			t.Errorf("%s: %02X % X %v", tc.frame, head, data, err)
		}
	}
	if _, _, err := decode(golden.Line(golden.Hex(t, "7F 80 01 07 12 03")), time.Time{}); !errors.Is(err, errDamaged) {
		t.Errorf("a wrong checksum: %v", err)
	}
}

func TestAnEncryptedReplyMustHaveTheNextCount(t *testing.T) {
	block, err := aes.NewCipher(golden.Hex(t, "67 45 23 01 67 45 23 01 DF 82 00 00 00 00 00 00"))
	if err != nil {
		t.Fatal(err)
	}
	packet := golden.Hex(t, "7E 86 FC 82 E4 70 00 DF 2A 70 D0 D2 D7 31 5C AF A0") // count 1, payload 07
	for count, good := range map[uint32]bool{0: true, 1: false, 2: false} {
		got, err := (&session{block: block, count: count}).unwrap(packet)
		if good != (err == nil) || good && !bytes.Equal(got, []byte{0x07}) {
			t.Errorf("after %d: % X, %v", count, got, err)
		}
	}
	s := &session{block: block, count: 6}
	out, err := s.wrap([]byte{0x46, 1, 2, 3})
	if err != nil || len(out) != 17 || bytes.Contains(out, []byte{0x46, 1, 2, 3}) {
		t.Fatalf("% X, %v", out, err)
	}
	s.count = 5
	if back, err := s.unwrap(out); err != nil || !bytes.Equal(back, []byte{0x46, 1, 2, 3}) {
		t.Errorf("% X, %v", back, err)
	}
}

func TestEventsAreReadWithTheirData(t *testing.T) {
	for _, tc := range []struct {
		name, give string
		want       []event
	}{
		{"a note's way", "EF 00 EF 06 CC EE 06 EB", []event{{code: 0xEF}, {code: 0xEF, channel: 6}, {code: 0xCC}, {code: 0xEE, channel: 6}, {code: 0xEB}}},
		{"a payout", "DA 01 10 27 00 00 43 4E 59 CE 10 27 00 00 43 4E 59 E8", []event{{code: 0xDA, value: 10000}, {code: 0xCE, value: 10000}, {code: 0xE8}}},
		{"an interrupted payout", "F1 DC 01 10 27 00 00 30 75 00 00 43 4E 59", []event{{code: 0xF1}, {code: 0xDC, value: 10000, wanted: 30000}}},
	} {
		got, err := parseEvents(golden.Hex(t, tc.give), false)
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(event{})); diff != "" || err != nil {
			t.Errorf("%s: %s %v", tc.name, diff, err)
		}
	}
	if got, err := parseEvents([]byte{0xEB, 0x42, 0xEE}, false); len(got) != 1 || !errors.Is(err, errLayout) {
		t.Errorf("after an unknown event nothing is trusted: %+v, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(golden.Hex(f, "7F 80 03 02 7F 7F 00 2E 26"))
	f.Add(golden.Hex(f, "7F 80 11 7E A4 AD CA 37 19 A7 3E 1F 0E 54 86 B7 45 E6 70 F3 5D DA"))
	f.Add(golden.Hex(f, "F0 00 30 34 32 30 43 4E 59 00 00 01 01 64 02 00 00 64 06 43 4E 59 64 00 00 00"))
	f.Add(golden.Hex(f, "05 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00 05 00 00 00"))
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for src := golden.Line(b); ; {
			_, data, err := decode(src, time.Time{})
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				_, _ = (&session{block: block}).unwrap(data)
			}
		}
		_, _ = parseEvents(b, true)
		_, _ = parseEvents(b, false)
		s, _ := parseSetup(b)
		_, _ = s.parseLevels(b)
		_, _ = parseCounters(b)
	})
}
