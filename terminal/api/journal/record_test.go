package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

func chain(t testing.TB, n int) (data []byte, bodies [][]byte) {
	t.Helper()
	prev := ""
	for i := 1; i <= n; i++ {
		body, err := json.Marshal(Record{Seq: uint64(i), Kind: Note, Data: json.RawMessage(fmt.Sprintf(`{"i":%d}`, i)), Prev: prev})
		if err != nil {
			t.Fatal(err)
		}
		prev = Hash(body)
		bodies = append(bodies, body)
		data = AppendFrame(data, body)
	}
	return data, bodies
}

func TestSegmentReadsWhatWasWritten(t *testing.T) {
	data, _ := chain(t, 5)
	var seqs []uint64
	whole, err := Segment(data, &Verifier{}, func(r Record, _ []byte) error { seqs = append(seqs, r.Seq); return nil })
	if err != nil || whole != len(data) || len(seqs) != 5 {
		t.Fatalf("whole %d of %d, records %v, err %v", whole, len(data), seqs, err)
	}
}

func TestSegmentFindsATornTailAtEveryLength(t *testing.T) {
	data, _ := chain(t, 2)
	_, first, err := NextFrame(data)
	if err != nil {
		t.Fatal(err)
	}
	keep := len(data) - len(first)
	for cut := keep + 1; cut < len(data); cut++ {
		whole, err := Segment(data[:cut], &Verifier{}, func(Record, []byte) error { return nil })
		if !errors.Is(err, ErrTorn) || whole != keep {
			t.Fatalf("cut at %d: whole %d, err %v", cut, whole, err)
		}
	}
}

func TestVerifierSeesEveryKindOfTampering(t *testing.T) {
	_, b := chain(t, 4)
	changed := []byte(string(b[1][:len(b[1])-1]) + " }")
	for _, c := range []struct {
		name   string
		bodies [][]byte
	}{
		{"a record taken out", [][]byte{b[0], b[2], b[3]}},
		{"a record changed", [][]byte{b[0], changed, b[2]}},
		{"a record repeated", [][]byte{b[0], b[1], b[1]}},
		{"two records exchanged", [][]byte{b[0], b[2], b[1]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := &Verifier{}
			for _, body := range c.bodies {
				if _, err := v.Next(body); err != nil {
					if !errors.Is(err, ErrChain) {
						t.Errorf("got %v", err)
					}
					return
				}
			}
			t.Error("accepted")
		})
	}
}

func FuzzSegment(f *testing.F) {
	data, _ := chain(f, 3)
	f.Add(data)
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, '{'})
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, _ := Segment(b, &Verifier{}, func(Record, []byte) error { return nil })
		if whole < 0 || whole > len(b) {
			t.Errorf("whole %d of %d", whole, len(b))
		}
	})
}
