package puloonlcdm4000

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/internal/puloon"
)

type bytesSource struct{ b []byte }

func (s *bytesSource) Byte(time.Time) (byte, error) {
	if len(s.b) == 0 {
		return 0, errLayout
	}
	b := s.b[0]
	s.b = s.b[1:]
	return b, nil
}

// Computed by hand from the layout: XOR of 04 30 02 52 25 22 20×13 03.
func TestADispenseOfFiveAndTwoIsTheFrameOfTheSpecification(t *testing.T) {
	want := []byte("\x04\x30\x02\x52\x25\x22\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x03\x40")
	if got := request(cmdDispense, quantity([4]int{5, 2}, bytes.Repeat([]byte{0x20}, 9))...); !bytes.Equal(got, want) {
		t.Errorf("% X, want % X", got, want)
	}
	if got := quantity([4]int{1, 0, 0, 3}, []byte{0x27}); !bytes.Equal(got, []byte("\x21\x20\x20\x23\x20\x20\x27")) {
		t.Errorf("with a serial: % X", got)
	}
}

func TestAResultHasItsCountsByCassette(t *testing.T) {
	data := []byte("\x24\x30\x23\x21\x31\x20\x20\x30\x20\x20\x33\x22\x20\x34" + "         ")
	got, err := parseResult(data)
	want := result{err: 4, units: [4]paid{{exit: 3, rejects: 1, present: true}, {}, {present: true}, {exit: 2, present: true}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{}, paid{})); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := parseResult([]byte("\x20\x30\x1F")); err == nil {
		t.Error("a short result was taken")
	}
}

func TestTheStatusSaysWhichCassettesAreThere(t *testing.T) {
	s, err := parseStatus([]byte("\x20\x28" + "\x28\x31\x20\x20" + "\x20\x30\x20\x20" + "\x20\x33\x20\x20" + "\x20\x34\x20\x20"))
	d := &driver{p: &profile{BlockedBit: 1, NearEndBit: 3}}
	if err != nil || !d.atExit(s) || d.onPath(s) || !d.nearEnd(s.stat[0]) || d.nearEnd(s.stat[1]) || s.present != [4]bool{true, false, true, true} {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x01\x30\x02\x55\x52\x20\x30\x23\x20\x31\x20\x20\x32\x20\x20\x33\x20\x20\x34\x03\x00"))
	f.Add(append([]byte("\x06\xFF\x01\x30\x02\x50"), "\x20\x20\x28\x31\x20\x20"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = parseLast(b)
		_, _ = parseStatus(b)
		if r, err := parseResult(b); err == nil {
			for _, u := range r.units {
				if u.exit < 0 || u.exit > 100 || u.rejects < 0 {
					t.Fatalf("%+v", r)
				}
			}
		}
		for src := (&bytesSource{b}); ; {
			if _, err := puloon.Next(src, commID, time.Time{}); err != nil {
				return
			}
		}
	})
}
