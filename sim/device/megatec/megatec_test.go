package megatec

import (
	"strings"
	"testing"
	"time"
)

// The line is the protocol document's example.
func TestAReadingHasTheDocumentsForm(t *testing.T) {
	s := status{in: 208.4, fault: 140, out: 208.4, load: 34, hertz: 59.9, battery: 2.05, celsius: 35, bits: [8]bool{2: true, 3: true}}
	if got, want := s.String(), "(208.4 140.0 208.4 034 59.9 2.05 35.0 00110000\r"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOrdersAreUnderstood(t *testing.T) {
	for in, want := range map[string]command{
		"T": {name: "T", length: 10 * time.Second}, "T05": {name: "T", length: 5 * time.Minute}, "S.2": {name: "S", minutes: 0.2, restore: -1},
		"S01R0003": {name: "S", minutes: 1, restore: 3}, "S11": {}, "S.1": {}, "T5": {}, "S01R3": {}, "": {}, "q1": {},
	} {
		if got := understand(in); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	f.Add("S.5R0010")
	f.Add("T99")
	f.Fuzz(func(t *testing.T, s string) {
		c := understand(s)
		if c.name != "" && !strings.HasPrefix(s, c.name) || c.minutes < 0 || c.minutes > 10 || c.restore < -1 || c.restore > 9999 {
			t.Fatalf("%q: %+v", s, c)
		}
	})
}
