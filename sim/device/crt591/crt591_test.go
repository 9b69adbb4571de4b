package crt591

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func feed(b []byte) func() (byte, bool) {
	return func() (byte, bool) {
		if len(b) == 0 {
			return 0, false
		}
		c := b[0]
		b = b[1:]
		return c, true
	}
}

// The first is published, the second follows from its rule.
func TestFramesAreTheGoldenOnes(t *testing.T) {
	for text, want := range map[string]string{"C10": "F2 00 00 03 43 31 30 03 B0", "N21A0": "F2 00 00 05 4E 32 31 41 30 03 C8"} {
		if got := strings.ToUpper(hex.EncodeToString(wrap(0, []byte(text)))); got != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte("\x00\x00\x03C10\x03\xB0"))
	f.Add([]byte("\x0F\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x03\xF1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, text, raw, v := unwrap(feed(b))
		if v == good && !bytes.Equal(wrap(addr, text), raw) {
			t.Errorf("%X read from %X", text, raw)
		}
	})
}

func TestTwoCardsInThePathAreImpossible(t *testing.T) {
	c := cards{List: []Card{{No: 1, At: Gate}, {No: 2, At: Stacker}}}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	c.List[1].At = IC
	if c.check() == nil {
		t.Error("two cards in the path were accepted")
	}
	c.List[1] = Card{No: 2, At: "nowhere"}
	if c.check() == nil {
		t.Error("a card that is nowhere was accepted")
	}
}
