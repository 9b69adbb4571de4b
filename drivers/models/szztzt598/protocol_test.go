package szztzt598

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/drivers/internal/golden"
)

// The frames were computed by another program from both sources' rule.
func TestFramesAreTheGoldenOnes(t *testing.T) {
	for body, want := range map[string]string{
		"3":                                     "\x02001\x33\x0301",
		"\xE4":                                  "\x02001\xE4\x03D6",
		"101120123456789ABCDEFFEDCBA9876543210": "\x02037101120123456789ABCDEFFEDCBA9876543210\x0304",
	} {
		if got := frame([]byte(body)); string(got) != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
		got, err := readRest(golden.Line([]byte(want)[1:]), 0)
		if err != nil || string(got) != body {
			t.Errorf("%q: %q, %v", want, got, err)
		}
	}
}

func FuzzReadRest(f *testing.F) {
	f.Add([]byte("001\x33\x0301"))
	f.Add([]byte("001\xE4\x03D6"))
	f.Add([]byte("999"))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := readRest(golden.Line(b), 0)
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Fatal(err)
			}
			return
		}
		if again := frame(body); !bytes.EqualFold(again[1:4], b[:3]) || !bytes.Equal(again[4:4+len(body)], b[3:3+len(body)]) {
			t.Fatalf("read % X from % X", body, b)
		}
		info(body)
	})
}
