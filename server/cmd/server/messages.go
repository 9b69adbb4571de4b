package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"zhigui/server/internal/messagelog"
	"zhigui/server/internal/store"
)

// openMessages opens the sealed log of messages, if one is wanted: one for each type of data. Where a chain stands goes into
// the audit trail.
func (s *services) openMessages() error {
	c := s.c.Messages
	if c.Folder == "" {
		return nil
	}
	keep := time.Duration(c.KeepDays) * 24 * time.Hour
	if err := messagelog.Expire(c.Folder, keep, time.Now()); err != nil { // files of a version that had all in one
		return err
	}
	logs := map[string]*messagelog.Log{}
	for _, kind := range messagelog.Types {
		dir := filepath.Join(c.Folder, kind)
		l, err := messagelog.Open(s.hsm, messagelog.Options{Dir: dir, Keep: keep, Size: c.FileMB << 20,
			Failed: func(err error) { s.log.Error("messages", "error", err.Error()) },
			Anchor: func(file string, number int64, hash string) {
				err := s.st.AddAudit(context.Background(), store.Audit{User: "server", Action: messagelog.AnchorAction, Target: messagelog.AnchorTarget(dir), Note: fmt.Sprintf("%d %s %s", number, hash, file), At: time.Now()})
				if err != nil {
					s.log.Error("messages", "error", err.Error())
				}
			}})
		if err != nil {
			return err
		}
		logs[kind] = l
		s.ends = append(s.ends, l.Close)
	}
	s.messages = func(terminal, way, text string) {
		logs[messagelog.TypeOf(way)].Add(messagelog.Entry{At: time.Now(), Terminal: terminal, Way: way, Text: text})
	}
	return nil
}
