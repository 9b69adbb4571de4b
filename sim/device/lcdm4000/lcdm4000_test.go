package lcdm4000

import (
	"bytes"
	"math/rand/v2"
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

func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x30\x02\x50\x03\x65"))
	f.Add([]byte("\x30\x02\x52\x21\x20\x20\x20\x20\x20\x27\x03\x00"))
	f.Add([]byte("\x50\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, ok := receive(feed(b))
		var x byte
		for _, c := range o.raw {
			x ^= c
		}
		if ok && !o.bad && (x != 0 || bytes.IndexByte(o.data, endText) >= 0) {
			t.Errorf("accepted % X", o.raw)
		}
	})
}

func TestTheStatusRequestIsTakenByHandComputedChecksum(t *testing.T) {
	o, ok := receive(feed([]byte("\x30\x02\x50\x03\x65"))) // 04^30^02^50^03 = 65
	if !ok || o.bad || o.cmd != cStatus {
		t.Errorf("%+v %v", o, ok)
	}
}

func TestNotesAreConservedByAnySequenceOfMoves(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := store{Boxes: map[string]*Box{}}
	for _, n := range Names {
		s.Boxes[n] = &Box{At: map[Place]int{}}
	}
	for i := range 5000 {
		from, to := Places[rng.IntN(len(Places))], Places[rng.IntN(len(Places))]
		if i%40 == 0 {
			from, to = Outside, Cassette
		}
		_ = s.move(Names[rng.IntN(4)], rng.IntN(4), from, to)
		if err := s.check(); err != nil {
			t.Fatal(err)
		}
	}
	s.Boxes["2"].Loaded++
	if s.check() == nil {
		t.Error("a note that is nowhere was accepted")
	}
}
