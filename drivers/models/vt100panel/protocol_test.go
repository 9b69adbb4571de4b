package vt100panel

import (
	"errors"
	"testing"
)

func tokens(text string) (out []token) {
	n := 0
	for {
		t, err := readToken(func() (byte, error) {
			if n == len(text) {
				return 0, errors.New("end")
			}
			n++
			return text[n-1], nil
		})
		if err != nil {
			return out
		}
		out = append(out, t)
	}
}

func TestKeysAndReportsAreToldApart(t *testing.T) {
	got := tokens("7\r\x1bOP\x1b[A\x1b[0n\x1b[3n\x1b[12;3R\x7f\x1bx")
	want := []token{{gotCharacter, "7", false}, {gotSequence, "\r", false}, {gotSequence, "\x1bOP", false}, {gotSequence, "\x1b[A", false}, {gotReport, "\x1b[0n", true},
		{gotReport, "\x1b[3n", false}, {gotSequence, "\x1b[12;3R", false}, {gotSequence, "\x7f", false}, {gotSequence, "\x1bx", false}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestKeypadsThatCannotWorkAreRefused(t *testing.T) {
	for name, keys := range map[string]map[string]string{
		"no such key": {"escape": "1B"}, "not hexadecimal": {"enter": "CR"}, "no sequence": {"enter": ""}, "a sequence twice": {"enter": "0D", "cancel": "0D"}, "a character": {"enter": "31"},
	} {
		if _, err := newKeypad("", keys); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add("7\r\x1bOP\x1b[0n")
	f.Add("\x1b[1111111111111111111111111111111111")
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for _, k := range tokens(s) {
			n += len(k.text)
			if k.text == "" || len(k.text) > maxPending || k.kind == gotCharacter && len(k.text) != 1 {
				t.Errorf("%q", k.text)
			}
		}
		if n > len(s) {
			t.Errorf("%d bytes out of %d", n, len(s))
		}
	})
}
