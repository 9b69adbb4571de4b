package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/api/code"
	"zhigui/server/internal/link"
	"zhigui/server/internal/store"
)

// encrypted gives the codec of a host or partner its cipher. A refused message raises an alarm.
func (s *services) encrypted(c *link.Codec, o *link.Cipher, l *link.Spec, name string) (*link.Codec, error) {
	if o == nil {
		return c, nil
	}
	a := s.cipherAlarm(name, time.Now)
	o.Refused, o.Opened = a.refused, a.opened
	return c.Encrypted(o, s.hsm, l.Signature != nil)
}

// calm is how long the messages of a peer must have opened, and none was refused, for its alarms to end.
const calm = time.Hour

// cipherAlarm tells people that messages of a peer are refused, of one cause once in an hour, and that they open
// again: an hour after the last that was refused. The alarms of before a restart end the same way.
type cipherAlarm struct {
	s    *services
	name string
	now  func() time.Time
	due  atomic.Int64 // when a message that opens ends the alarms, Unix nanoseconds; 0: there are none

	mu   sync.Mutex
	told map[error]time.Time
}

func (s *services) cipherAlarm(name string, now func() time.Time) *cipherAlarm {
	a := &cipherAlarm{s: s, name: name, now: now, told: map[error]time.Time{}}
	a.due.Store(now().Add(calm).UnixNano())
	return a
}

func (a *cipherAlarm) refused(cause error) {
	s, now := a.s, a.now()
	a.due.Store(now.Add(calm).UnixNano())
	a.mu.Lock()
	at, ok := a.told[cause]
	if ok && now.Sub(at) < time.Hour {
		a.mu.Unlock()
		return
	}
	a.told[cause] = now
	n := len(a.told)
	a.mu.Unlock()
	s.log.Error("encrypted messages are refused", "peer", a.name, "error", cause.Error())
	go func() {
		x := &store.Alarm{ID: fmt.Sprintf("cipher-%s-%d-%d", a.name, now.UnixNano(), n), Code: code.CipherRefused, Severity: "critical", Module: a.name, Detail: cause.Error(), At: now.UTC(), Received: now.UTC()}
		if err := s.st.AddAlarm(context.Background(), x); err != nil {
			s.log.Error("alarm", "error", err.Error())
			return
		}
		s.broker.Publish("alarm", "")
	}()
}

func (a *cipherAlarm) opened() {
	due := a.due.Load()
	if due == 0 || a.now().UnixNano() < due || !a.due.CompareAndSwap(due, 0) {
		return
	}
	go func() {
		if err := a.end(context.Background()); err != nil {
			a.s.log.Error("alarm", "error", err.Error())
			a.due.CompareAndSwap(0, a.now().Add(time.Minute).UnixNano())
		}
	}()
}

// end clears the peer's alarms.
func (a *cipherAlarm) end(ctx context.Context) error {
	open, err := a.s.st.OpenAlarms(ctx, code.CipherRefused)
	if err != nil {
		return err
	}
	for _, x := range open {
		if x.Module != a.name {
			continue
		}
		x.Cleared, x.Received = true, a.now().UTC()
		if err := a.s.st.AddAlarm(ctx, x); err != nil {
			return err
		}
		a.s.log.Info("encrypted messages open again", "peer", a.name)
		a.s.broker.Publish("alarm", "")
	}
	return nil
}
