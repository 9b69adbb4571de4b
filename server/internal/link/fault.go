package link

import (
	"sync/atomic"
	"time"
)

// Faults of those who come to us, as ListenerStats names them.
const (
	FaultFull      = "full"      // more connections or requests than may be at a time
	FaultGarbage   = "garbage"   // no frame, no body, or nothing that can be read
	FaultSignature = "signature" // missing or wrong
	FaultLink      = "link"      // a connection that should be there is not
	FaultLost      = "lost"      // our answer did not reach the peer
)

// faults keeps the last one. It takes no lock, and costs nothing while all is well.
type faults struct{ last atomic.Pointer[fault] }

type fault struct {
	name string
	at   time.Time
}

func (f *faults) note(name string) { f.last.Store(&fault{name, time.Now()}) }

// into completes s.
func (f *faults) into(s ListenerStats) ListenerStats {
	if x := f.last.Load(); x != nil {
		s.Fault, s.FaultAt = x.name, x.at
	}
	return s
}
