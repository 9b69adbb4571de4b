package load

import (
	"sync/atomic"
	"testing"
	"time"
)

// Users have no rendezvous: one whose request takes long holds nobody up. Without it, this test would not end.
//
// req: PT-07
func TestUsersDoNotWaitForEachOther(t *testing.T) {
	var others atomic.Int64
	enough := make(chan struct{})
	res, err := run(Config{Terminals: 5, Run: 300 * time.Millisecond}, func(i int) error {
		if i == 0 {
			<-enough
		} else if others.Add(1) == 20 {
			close(enough)
		}
		return nil
	})
	if err != nil || res.Total < 20 {
		t.Error(res, err)
	}
}

// A user pauses after each answer, and not less than asked.
//
// req: PT-09
func TestAUserPausesBetweenRequests(t *testing.T) {
	const think = 10 * time.Millisecond
	var last time.Time
	n := 0
	if _, err := run(Config{Terminals: 1, Run: 10 * think, Think: think}, func(int) error {
		if now := time.Now(); n > 0 && now.Sub(last) < think {
			t.Errorf("request %d comes after %v", n, now.Sub(last))
		}
		n++
		last = time.Now()
		return nil
	}); err != nil || n < 2 {
		t.Error(n, err)
	}
}
