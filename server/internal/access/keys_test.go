package access

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"zhigui/server/internal/hsm"
)

// A refusal whose text has the moment in it (an expired certificate) is told once an hour like any other, and
// the list of what was told does not grow for ever.
func TestARefusalIsToldOnceAnHourWhateverItsText(t *testing.T) {
	s := &Service{refused: map[refusedKey]time.Time{}}
	now := time.Now()
	told := 0
	for i := range 200 {
		at := now.Add(time.Duration(i) * time.Minute)
		cause, answer := refusal(fmt.Errorf("%w: x509: certificate has expired or is not yet valid: current time %v", hsm.ErrMaker, at))
		if answer == nil {
			t.Fatal("no refusal")
		}
		if s.mayTell(refusedKey{"00000001", cause}, at) {
			told++
		}
	}
	if told != 4 || len(s.refused) != 1 {
		t.Errorf("told %d times in 200 minutes, %d entries; want 4 and 1", told, len(s.refused))
	}
	if cause, _ := refusal(hsm.ErrRevoked); !s.mayTell(refusedKey{"00000001", cause}, now) {
		t.Error("another cause of the same terminal is not told")
	}
	if cause, answer := refusal(errors.New("the database is away")); cause != nil || answer != nil {
		t.Error("what is not the pad's fault is a refusal")
	}
	for i := range 3 * refusedMost {
		s.mayTell(refusedKey{fmt.Sprint(i), hsm.ErrReplay}, now)
	}
	if len(s.refused) > refusedMost {
		t.Errorf("%d entries", len(s.refused))
	}
}
