package r30x

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/golden"
)

// The frames are the maker's examples: verify password, and its answer.
func TestPacketsAreTheMakersExamples(t *testing.T) {
	want := []byte{0xEF, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 7, 0x13, 0, 0, 0, 0, 0, 0x1B}
	if got := packet(0xFFFFFFFF, pidCommand, []byte{verifyPwd, 0, 0, 0, 0}); !bytes.Equal(got, want) {
		t.Errorf("% X", got)
	}
	a, err := readAck(golden.Next([]byte{0x55, 0xEF, 0xEF, 1, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 3, 0, 0, 0x0A}))
	if err != nil || !bytes.Equal(a, []byte{ok}) {
		t.Errorf("% X %v", a, err)
	}
	if _, err := readAck(golden.Next([]byte{0xEF, 1, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 3, 0, 0, 0x0B})); !errors.Is(err, dialog.ErrDamaged) {
		t.Errorf("a wrong sum: %v", err)
	}
}

func TestATemplateIsJoinedFromItsPackets(t *testing.T) {
	b := append(packet(1, pidAck, []byte{ok}), packet(1, pidData, []byte("abc"))...)
	b = append(b, packet(1, pidEnd, []byte("de"))...)
	if got, err := readTemplate(golden.Next(b)); err != nil || string(got) != "\x00abcde" {
		t.Errorf("%q %v", got, err)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(append(packet(1, pidAck, []byte{ok}), packet(1, pidEnd, []byte("de"))...))
	f.Add([]byte{0xEF, 1, 0, 0, 0, 0, 7, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		if out, err := readTemplate(golden.Next(b)); err == nil && (len(out) == 0 || len(out) > maxTemplate) {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
