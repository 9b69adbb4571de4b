package codeline

import (
	"bytes"
	"strings"
	"testing"
)

func TestACodeEndsAtItsTail(t *testing.T) {
	for _, tc := range []struct {
		tail, in string
		want     []string
	}{
		{"\r", "6901234567892\r", []string{"6901234567892"}},
		{"\r\n", "a\rb\r\nc\r\n", []string{"a\rb", "c"}},
		{"\r", "\r\rx\r", []string{"x"}},
		{"\r", strings.Repeat("9", Max+1) + "\rok\r", []string{"ok"}},
	} {
		l, got := Line{Tail: tc.tail}, []string{}
		for i := range len(tc.in) {
			if c, ok := l.Add(tc.in[i]); ok {
				got = append(got, string(c))
			}
		}
		if strings.Join(got, "|") != strings.Join(tc.want, "|") {
			t.Errorf("%.40q: %.40q", tc.in, got)
		}
	}
}

func TestAnAIMIdentifierNamesTheSymbology(t *testing.T) {
	for in, want := range map[string]string{"]Q1abc": "qrCode", "]C11": "ean128", "]C01": "code128", "]E41": "ean8", "]E01": "ean13", "]?0x": "", "plain": ""} {
		rest, id, s := AIM([]byte(in))
		if s != want || id+string(rest) != in {
			t.Errorf("%q: %q %q %q", in, rest, id, s)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte("abc\r\n\r]Q1x\r"), "\r")
	f.Add([]byte{0, 0xFF, '\r', '\n'}, "\r\n")
	f.Fuzz(func(t *testing.T, b []byte, tail string) {
		if tail != "\r" && tail != "\r\n" {
			return
		}
		l := Line{Tail: tail}
		for _, c := range b {
			code, ok := l.Add(c)
			if ok && (len(code) == 0 || len(code) > Max || bytes.HasSuffix(code, []byte(tail))) {
				t.Fatalf("%q", code)
			}
			AIM(code)
		}
	})
}
