package main

import (
	"context"
	"fmt"
	"sync"
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
	o.Refused = s.cipherAlarm(name)
	return c.Encrypted(o, s.hsm, l.Signature != nil)
}

// cipherAlarm tells people that messages of a peer are refused, of one cause once in an hour.
func (s *services) cipherAlarm(name string) func(error) {
	var mu sync.Mutex
	told := map[error]time.Time{}
	return func(cause error) {
		now := time.Now()
		mu.Lock()
		at, ok := told[cause]
		if ok && now.Sub(at) < time.Hour {
			mu.Unlock()
			return
		}
		told[cause] = now
		mu.Unlock()
		s.log.Error("encrypted messages are refused", "peer", name, "error", cause.Error())
		go func() {
			a := &store.Alarm{ID: fmt.Sprintf("cipher-%s-%d", name, now.UnixNano()), Code: code.CipherRefused, Severity: "critical", Module: name, Detail: cause.Error(), At: now.UTC(), Received: now.UTC()}
			if err := s.st.AddAlarm(context.Background(), a); err != nil {
				s.log.Error("alarm", "error", err.Error())
				return
			}
			s.broker.Publish("alarm", "")
		}()
	}
}
