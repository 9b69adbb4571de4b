package xfscdm

import "testing"

func TestNotesAreNeverMadeOutOfNothing(t *testing.T) {
	s := store{Boxes: map[string]*Box{"CU1": {Present: true, At: map[Place]int{}}}}
	if s.move("CU1", 1, InBox, Exit) == nil || s.move("CU2", 1, Outside, InBox) == nil || s.move("CU1", 0, Outside, InBox) == nil {
		t.Error("a note out of nothing")
	}
	if err := s.move("CU1", 2, Outside, InBox); err != nil || s.check() != nil {
		t.Error(err, s.check())
	}
	s.Boxes["CU1"].At[Exit]++
	if s.check() == nil {
		t.Error("a note too many")
	}
}

func FuzzCommand(f *testing.F) {
	f.Add([]byte(`{"header":{"type":"command","name":"CashDispenser.Dispense","requestId":1},"payload":{"denomination":{"denomination":{"app":{"counts":{"CU1":2}}}}}}`))
	f.Add([]byte(`{"header":{"type":"completion"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := command(b)
		if !ok {
			return
		}
		asked, err := order(m.Payload)
		for u, n := range asked {
			if err == nil && n <= 0 {
				t.Errorf("%s: %d", u, n)
			}
		}
	})
}
