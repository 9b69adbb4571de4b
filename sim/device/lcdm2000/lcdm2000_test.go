package lcdm2000

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
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

func FuzzReadRequest(f *testing.F) {
	f.Add([]byte("\x50\x02\x45\x31\x30\x03\x11"))
	f.Add([]byte("\x50\x02\x45\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := readRequest(feed(b))
		if ok && !r.bad && bcc(r.raw) != 0 {
			t.Errorf("accepted %X", r.raw)
		}
	})
}

func TestTheSpecificationsShortDispense(t *testing.T) {
	got := response(0x45, []byte("070581\x30\x32"))
	if want := []byte("\x01\x50\x02\x45\x30\x37\x30\x35\x38\x31\x30\x32\x03\x1C"); !bytes.Equal(got, want) {
		t.Errorf("%X, want %X", got, want)
	}
}

func TestALedgerThatWouldMakeNotesIsRefused(t *testing.T) {
	n := newNotes()
	if err := n.apply(Entry{Kind: "move", Unit: "upper", N: 5, From: Outside, To: Cassette}); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]Entry{
		"more than there is": {Kind: "move", Unit: "upper", N: 6, From: Cassette, To: Exit},
		"of no cassette":     {Kind: "move", Unit: "middle", N: 1, From: Cassette, To: Exit},
		"none":               {Kind: "move", Unit: "upper", From: Cassette, To: Exit},
	} {
		if n.apply(e) == nil {
			t.Errorf("a move of %s was accepted", name)
		}
	}
}

func TestNotesAreConservedByAnySequenceOfMoves(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	places := []Place{Cassette, Chk, Div, Ejt, Exit, Reject, Customer, Operator}
	n := newNotes()
	for i := range 5000 {
		e := Entry{Kind: "move", Cmd: rng.IntN(4), Unit: Units[rng.IntN(2)], N: 1 + rng.IntN(3), From: places[rng.IntN(len(places))], To: places[rng.IntN(len(places))]}
		if i%50 == 0 {
			e.From, e.To, e.N = Outside, Cassette, 40
		}
		if onPath(e.From) && !hasBundle(n.path, Bundle{Unit: e.Unit, Cmd: e.Cmd, At: e.From}) {
			continue
		}
		for _, b := range n.path {
			if b.Unit == e.Unit && b.At == e.From && b.Cmd == e.Cmd {
				e.N = min(e.N, b.N)
			}
		}
		if n.check(e) == nil {
			if err := n.apply(e); err != nil {
				t.Fatalf("move %d %+v: %v", i, e, err)
			}
		}
	}
}

func TestATornLastLineOfTheLedgerIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), LedgerFile)
	whole := `{"seq":1,"kind":"move","unit":"upper","n":3,"from":"outside","to":"cassette"}` + "\n"
	if err := os.WriteFile(path, []byte(whole+`{"seq":2,"kind":"mo`), 0o600); err != nil {
		t.Fatal(err)
	}
	n := newNotes()
	l, err := OpenLedger(path, n.apply)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if b, _ := os.ReadFile(path); string(b) != whole || n.at["upper"][Cassette] != 3 {
		t.Errorf("ledger %q, %d notes", b, n.at["upper"][Cassette])
	}
}
