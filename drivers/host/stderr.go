package host

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
)

const keepLines = 200

// stderrLog takes a driver's standard error: the last lines are kept for the crash record,
// JSON lines go to the host's log at their own level.
type stderrLog struct {
	log *slog.Logger

	mu    sync.Mutex
	part  []byte
	lines []string
}

func (s *stderrLog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part = append(s.part, p...)
	for {
		i := bytes.IndexByte(s.part, '\n')
		if i < 0 {
			if len(s.part) > 64<<10 {
				s.line(s.part)
				s.part = nil
			}
			return len(p), nil
		}
		s.line(bytes.TrimRight(s.part[:i], "\r"))
		s.part = s.part[i+1:]
	}
}

func (s *stderrLog) line(b []byte) {
	if len(b) == 0 {
		return
	}
	s.lines = append(s.lines, string(b))
	if len(s.lines) > keepLines {
		s.lines = s.lines[len(s.lines)-keepLines:]
	}
	var m map[string]any
	if json.Unmarshal(b, &m) != nil {
		s.log.Warn("driver", "stderr", string(b))
		return
	}
	level := slog.LevelInfo
	if l, ok := m["level"].(string); ok {
		_ = level.UnmarshalText([]byte(l))
	}
	msg, _ := m["msg"].(string)
	attrs := make([]slog.Attr, 0, len(m))
	for k, v := range m {
		switch k {
		case "level", "msg", "time", "device", "model":
		default:
			attrs = append(attrs, slog.Any(k, v))
		}
	}
	s.log.LogAttrs(context.Background(), level, msg, attrs...)
}

func (s *stderrLog) last() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}
