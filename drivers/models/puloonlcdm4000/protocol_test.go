package puloonlcdm4000

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/internal/golden"
	"zhigui/drivers/internal/puloon"
)

// Computed by hand from the layout: XOR of 04 30 02 52 25 22 20×13 03.
func TestADispenseOfFiveAndTwoIsTheFrameOfTheSpecification(t *testing.T) {
	want := []byte("\x04\x30\x02\x52\x25\x22\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x03\x40")
	if got := request(cmdDispense, quantity([]int{5, 2, 0, 0}, bytes.Repeat([]byte{0x20}, 9))...); !bytes.Equal(got, want) {
		t.Errorf("% X, want % X", got, want)
	}
	if got := quantity([]int{1, 0, 0, 3}, []byte{0x27}); !bytes.Equal(got, []byte("\x21\x20\x20\x23\x20\x20\x27")) {
		t.Errorf("with a serial: % X", got)
	}
}

func TestAResultHasItsCountsByCassette(t *testing.T) {
	data := []byte("\x24\x30\x23\x21\x31\x20\x20\x30\x20\x20\x33\x22\x20\x34" + "         ")
	got, err := layout{}.Result(cmdDispense, data)
	want := puloon.Result{Err: 4, Units: []puloon.Paid{{Exit: 3, Rejects: 1}, {}, {}, {Exit: 2}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := (layout{}).Result(cmdDispense, []byte("\x20\x30\x1F")); err == nil {
		t.Error("a short result was taken")
	}
}

func TestTheStatusSaysWhichCassettesAreThere(t *testing.T) {
	l := layout{profile: &profile{BlockedBit: 1, NearEndBit: 3}}
	s, err := l.Sensors([]byte("\x20\x28" + "\x28\x31\x20\x20" + "\x20\x30\x20\x20" + "\x20\x33\x20\x20" + "\x20\x34\x20\x20"))
	want := puloon.Sensors{Exit: true, Missing: []bool{false, true, false, false}, NearEnd: []bool{true, false, false, false}}
	if diff := cmp.Diff(want, s); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x01\x30\x02\x55\x52\x20\x30\x23\x20\x31\x20\x20\x32\x20\x20\x33\x20\x20\x34\x03\x00"))
	f.Add(append([]byte("\x06\xFF\x01\x30\x02\x50"), "\x20\x20\x28\x31\x20\x20"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := layout{profile: &profile{}}
		_, _ = l.Sensors(b)
		if r, err := l.Result(cmdDispense, b); err == nil {
			for _, u := range r.Units {
				if u.Exit < 0 || u.Exit > 100 || u.Rejects < 0 {
					t.Fatalf("%+v", r)
				}
			}
		}
		for src := golden.Line(b); ; {
			if _, err := puloon.Next(src, commID, time.Time{}); err != nil {
				return
			}
		}
	})
}
