package main

import (
	"context"
	"fmt"
	"time"

	"zhigui/server/internal/messagelog"
	"zhigui/server/internal/store"
)

// openMessages opens the sealed log of messages, if one is wanted. Where its chain stands goes into the
// audit trail.
func (s *services) openMessages() error {
	c := s.c.Messages
	if c.Folder == "" {
		return nil
	}
	l, err := messagelog.Open(s.hsm, messagelog.Options{Dir: c.Folder, Keep: time.Duration(c.KeepDays) * 24 * time.Hour, Size: c.FileMB << 20,
		Failed: func(err error) { s.log.Error("messages", "error", err.Error()) },
		Anchor: func(file string, number int64, hash string) {
			err := s.st.AddAudit(context.Background(), store.Audit{User: "server", Action: messagelog.AnchorAction, Target: messagelog.AnchorTarget(c.Folder), Note: fmt.Sprintf("%d %s %s", number, hash, file), At: time.Now()})
			if err != nil {
				s.log.Error("messages", "error", err.Error())
			}
		}})
	if err != nil {
		return err
	}
	s.messages = func(terminal, way, text string) {
		l.Add(messagelog.Entry{At: time.Now(), Terminal: terminal, Way: way, Text: text})
	}
	s.ends = append(s.ends, l.Close)
	return nil
}
