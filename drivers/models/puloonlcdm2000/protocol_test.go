package puloonlcdm2000

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/internal/golden"
	"zhigui/drivers/internal/puloon"
)

// The frames are the specification's own examples.
func TestFramesAreThoseOfTheSpecification(t *testing.T) {
	if got, want := request(cmdUpper, '1', '0'), golden.Hex(t, "04 50 02 45 31 30 03 11"); !bytes.Equal(got, want) {
		t.Errorf("% X, want % X", got, want)
	}
	for _, tc := range []struct {
		frame string
		want  puloon.Result
	}{
		{"01 50 02 45 31 30 31 30 30 30 30 30 03 15", puloon.Result{Err: 0x30, Units: []puloon.Paid{{Exit: 10}, {}}}},
		{"01 50 02 45 30 37 30 35 38 31 30 32 03 1C", puloon.Result{Err: 0x38, Units: []puloon.Paid{{Exit: 5, Rejects: 2, NearEnd: true}, {}}}},
	} {
		m, err := puloon.Next(golden.Line(golden.Hex(t, tc.frame)), commID, time.Time{})
		if err != nil || m.Kind != puloon.GotFrame {
			t.Fatalf("%s: %+v, %v", tc.frame, m, err)
		}
		r, err := layout{}.Result(m.Cmd, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, r); diff != "" {
			t.Errorf("%s: %s", tc.frame, diff)
		}
	}
}

func TestTheAnswerForBothCassettesHasItsErrorInTheNinthPlace(t *testing.T) {
	r, err := layout{}.Result(cmdBoth, []byte("03030201\x48\x30\x310001"))
	want := puloon.Result{Err: 0x48, Units: []puloon.Paid{{Exit: 3}, {Exit: 1, Rejects: 1, NearEnd: true}}}
	if diff := cmp.Diff(want, r); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(byte(cmdUpper), []byte("1010\x30\x3000"))
	f.Add(byte(cmdBoth), []byte("03030201\x48\x30\x310001"))
	f.Fuzz(func(t *testing.T, cmd byte, data []byte) {
		l := layout{&profile{}}
		if r, err := l.Result(cmd, data); err == nil {
			for _, p := range r.Units {
				if p.Exit < 0 || p.Exit > 99 {
					t.Fatalf("%+v", r)
				}
			}
		}
		_, _ = l.Sensors(data)
	})
}
