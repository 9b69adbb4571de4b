package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	ej "zhigui/terminal/api/journal"
)

func open(t *testing.T, dir string, opt Options) (*Writer, []ej.Record) {
	t.Helper()
	var got []ej.Record
	w, err := Open(dir, opt, func(r ej.Record) error { got = append(got, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, got
}

func add(t *testing.T, w *Writer, n int) {
	t.Helper()
	for i := range n {
		if _, err := w.Append(ej.Record{Kind: ej.Note, Data: json.RawMessage(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReopenedJournalReplaysEverythingAndGoesOnInTheChain(t *testing.T) {
	dir := t.TempDir()
	w, _ := open(t, dir, Options{Epoch: "a"})
	add(t, w, 3)
	w.Close()
	w, got := open(t, dir, Options{Epoch: "b"})
	if len(got) != 3 {
		t.Fatalf("replayed %d records", len(got))
	}
	add(t, w, 2)
	w.Close()
	if _, got = open(t, dir, Options{}); len(got) != 5 || got[4].Epoch != "b" {
		t.Fatalf("got %+v", got)
	}
}

func TestATornTailIsCutOffAndTheChainGoesOn(t *testing.T) {
	dir := t.TempDir()
	w, _ := open(t, dir, Options{})
	add(t, w, 3)
	w.Close()
	segs, _ := Segments(dir)
	data, _ := os.ReadFile(segs[0])
	if err := os.WriteFile(segs[0], data[:len(data)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	w, got := open(t, dir, Options{})
	if len(got) != 2 {
		t.Fatalf("replayed %d", len(got))
	}
	add(t, w, 1)
	w.Close()
	if _, got = open(t, dir, Options{}); len(got) != 3 || got[2].Seq != 3 {
		t.Fatalf("got %+v", got)
	}
}

func TestAChangedRecordIsFoundAtOpen(t *testing.T) {
	dir := t.TempDir()
	w, _ := open(t, dir, Options{})
	add(t, w, 3)
	w.Close()
	segs, _ := Segments(dir)
	data, _ := os.ReadFile(segs[0])
	body, rest, _ := ej.NextFrame(data)
	forged := []byte(string(body[:len(body)-1]) + " }")
	if err := os.WriteFile(segs[0], append(ej.AppendFrame(nil, forged), rest...), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{}, func(ej.Record) error { return nil })
	if !errors.Is(err, ej.ErrChain) {
		t.Fatalf("got %v", err)
	}
}

type fakeSigner struct{ texts []string }

func (s *fakeSigner) Sign(b []byte) ([]byte, error) {
	s.texts = append(s.texts, string(b))
	return []byte("sig"), nil
}

func TestSegmentsRotateWithASnapshotAndAreSealed(t *testing.T) {
	dir := t.TempDir()
	sign := &fakeSigner{}
	opt := Options{SegmentSize: 300, Signer: sign, Snapshot: func() (json.RawMessage, error) { return json.RawMessage(`{"sum":1}`), nil }}
	w, _ := open(t, dir, opt)
	add(t, w, 10)
	segs, _ := Segments(dir)
	if len(segs) < 3 || len(sign.texts) != len(segs)-1 {
		t.Fatalf("%d segments, %d seals", len(segs), len(sign.texts))
	}
	all, err := w.Since(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	v := &ej.Verifier{}
	for _, b := range all {
		if _, err := v.Next(b); err != nil {
			t.Fatal(err)
		}
	}
	tail, _ := w.Since(w.Last()-2, 100)
	if len(tail) != 2 {
		t.Fatalf("tail %d", len(tail))
	}
	w.Close()
	if _, got := open(t, dir, opt); got[0].Kind != ej.Snapshot {
		t.Fatalf("replay begins with %s", got[0].Kind)
	}
}

func TestASegmentWithoutItsSnapshotFallsBackToTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	w, _ := open(t, dir, Options{})
	add(t, w, 2)
	w.Close()
	if err := os.WriteFile(dir+"/seg-00000000000000000003.ej", []byte{0, 0}, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, got := open(t, dir, Options{}); len(got) != 2 {
		t.Fatalf("got %d", len(got))
	}
}

func TestDamageInTheMiddleIsNotTakenForATornTail(t *testing.T) {
	for name, at := range map[string]int{"first": 0, "second": 1} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w, _ := open(t, dir, Options{})
			add(t, w, 3)
			w.Close()
			segs, _ := Segments(dir)
			data, _ := os.ReadFile(segs[0])
			rest := data
			for range at {
				_, rest, _ = ej.NextFrame(rest)
			}
			rest[12] ^= 1
			if err := os.WriteFile(segs[0], data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, Options{}, func(ej.Record) error { return nil }); !errors.Is(err, ErrDamaged) {
				t.Errorf("%v", err)
			}
			if after, err := os.ReadFile(segs[0]); err != nil || len(after) != len(data) {
				t.Errorf("%d of %d bytes are left (%v)", len(after), len(data), err)
			}
		})
	}
}
