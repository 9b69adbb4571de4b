package frame

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

var frames = map[string]struct {
	spec Spec
	want string // around "hello, bank"
}{
	"two bytes":                    {Spec{Prefix: "binary2", Max: 100}, "\x00\x0bhello, bank"},
	"two bytes, least first":       {Spec{Prefix: "little2", Max: 100}, "\x0b\x00hello, bank"},
	"four bytes, all counted":      {Spec{Prefix: "binary4", Counts: "all", Max: 100}, "\x00\x00\x00\x0fhello, bank"},
	"four digits packed":           {Spec{Prefix: "bcd2", Max: 100}, "\x00\x11hello, bank"},
	"four digits":                  {Spec{Prefix: "ascii4", Max: 100}, "0011hello, bank"},
	"eight digits, all counted":    {Spec{Prefix: "ascii8", Counts: "all", Max: 100}, "00000019hello, bank"},
	"four EBCDIC digits":           {Spec{Prefix: "ebcdic4", Max: 100}, "\xf0\xf0\xf1\xf1hello, bank"},
	"VISA: two bytes, two zeros":   {Spec{Prefix: "binary2", Skip: 2, Max: 100}, "\x00\x0b\x00\x00hello, bank"},
	"start and end marker":         {Spec{Prefix: "none", Start: "02", End: "03", Max: 100}, "\x02hello, bank\x03"},
	"length between two markers":   {Spec{Prefix: "ascii4", Start: "02", End: "03", Max: 100}, "\x020011hello, bank\x03"},
	"a line":                       {Spec{Prefix: "none", End: "0d0a", Max: 100}, "hello, bank\r\n"},
	"everything until the closing": {Spec{Prefix: "none", Max: 100}, "hello, bank"},
}

func TestAMessageIsPutInAFrameAndCutOutOfIt(t *testing.T) {
	for name, c := range frames {
		t.Run(name, func(t *testing.T) {
			f, err := New(c.spec)
			if err != nil {
				t.Fatal(err)
			}
			out, err := f.Finish(append(f.Begin([]byte("before")), "hello, bank"...), len("before"))
			if err != nil || string(out) != "before"+c.want {
				t.Fatalf("%q %v", out, err)
			}
			stream := c.want
			if f.form != none || len(f.end) > 0 {
				stream += c.want
			}
			r := bufio.NewReader(strings.NewReader(stream))
			for range len(stream) / len(c.want) {
				got, err := f.Read(r, nil)
				if err != nil || string(got) != "hello, bank" {
					t.Fatalf("%q %v", got, err)
				}
			}
			if _, err := f.Read(r, nil); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if body, ok := f.Strip([]byte(c.want)); !ok || string(body) != "hello, bank" {
				t.Fatalf("stripped %q %v", body, ok)
			}
		})
	}
}

func TestAFrameThatCannotBeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spec Spec
		in   string
		want error
	}{
		"longer than the maximum":         {Spec{Prefix: "binary4", Max: 100}, "\xff\xff\xff\xff", ErrFrame},
		"shorter than its own length":     {Spec{Prefix: "ascii4", Counts: "all", Max: 100}, "0003", ErrFrame},
		"letters for packed digits":       {Spec{Prefix: "bcd2", Max: 100}, "\x0a\x00", ErrFrame},
		"another start":                   {Spec{Prefix: "none", Start: "02", End: "03", Max: 100}, "x", ErrFrame},
		"another end":                     {Spec{Prefix: "ascii4", End: "03", Max: 100}, "0001xx", ErrFrame},
		"no end within the maximum":       {Spec{Prefix: "none", End: "0a", Max: 32}, strings.Repeat("x", 64), ErrFrame},
		"closed before the end":           {Spec{Prefix: "none", End: "0a", Max: 32}, "xx", io.ErrUnexpectedEOF},
		"more than the maximum, unmarked": {Spec{Prefix: "none", Max: 32}, strings.Repeat("x", 64), ErrFrame},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := New(c.spec)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Read(bufio.NewReader(strings.NewReader(c.in)), nil); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAMessageWithTheEndMarkerInsideIsNotSent(t *testing.T) {
	f, _ := New(Spec{Prefix: "none", End: "0a", Max: 100})
	if _, err := f.Finish([]byte("two\nlines"), 0); err == nil {
		t.Fatal("packed")
	}
}

func TestASpecificationThatCannotBeIsRefused(t *testing.T) {
	for _, s := range []Spec{
		{Prefix: "ascii3", Max: 100}, {Prefix: "ascii4", Max: 10000}, {Prefix: "binary1", Max: 256}, {Prefix: "bcd2", Max: 10000},
		{Prefix: "binary2", Max: 100, Skip: 17}, {Prefix: "none", Max: 100, Skip: 1}, {Prefix: "none", Max: 100, End: "q"},
		{Prefix: "ascii4", Max: 9996, Counts: "all"}, {Prefix: "binary2", Max: 10}, {Prefix: "binary4", Max: Limit + 1}, {Prefix: "none", Max: 50, Counts: "none"},
	} {
		if _, err := New(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}

func FuzzRead(f *testing.F) {
	var all []Frame
	for _, c := range frames {
		fr, err := New(c.spec)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, fr)
		f.Add([]byte(c.want))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for i := range all {
			fr := &all[i]
			body, err := fr.Read(bufio.NewReader(bytes.NewReader(b)), nil)
			if err != nil {
				continue
			}
			if len(body) > fr.Max {
				t.Fatalf("%s: %d bytes", fr.Name, len(body))
			}
			out, err := fr.Finish(append(fr.Begin(nil), body...), 0)
			if err != nil {
				t.Fatalf("%s: %v", fr.Name, err)
			}
			if fr.skip == 0 && !bytes.HasPrefix(b, out) {
				t.Fatalf("%s: %q became %q", fr.Name, b, out)
			}
		}
	})
}
