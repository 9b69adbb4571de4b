// Package golden is for tests of frames: bytes written as sources print them, and a line that
// gives them one by one. Only tests below drivers import it.
package golden

import (
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"
)

// Hex is bytes as hexadecimal digits; blanks are for the eye.
func Hex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Source is a line with nothing but these bytes on it.
type Source struct{ left []byte }

// Line makes a Source.
func Line(b []byte) *Source { return &Source{b} }

// Byte gives the next byte; io.EOF at the end, at once.
func (s *Source) Byte(time.Time) (byte, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	b := s.left[0]
	s.left = s.left[1:]
	return b, nil
}

// Next is the Source of a dialog.
func Next(b []byte) func() (byte, error) {
	s := Line(b)
	return func() (byte, error) { return s.Byte(time.Time{}) }
}
