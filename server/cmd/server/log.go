package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"zhigui/server/internal/config"
	"zhigui/server/internal/logfile"
)

// openLog is the server's own log. Without a folder for it all goes to the console. With one, lines of JSON go to files
// (time, level, goroutine, function, file, line, text), and the console has no more than that the server is up and going down, which say
// writes to both, and what the files cannot take. What the console had is a file, too, which names the release, and is put into the backup by the next start.
func openLog(c *config.Config, roles string, console io.Writer) (log *slog.Logger, say func(text string, more ...any), end func(), err error) {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log))
	shown := slog.New(newQuiet(slog.NewTextHandler(console, &slog.HandlerOptions{Level: level}), 10*time.Second))
	if c.Logs.Folder == "" {
		return shown, shown.Info, func() {}, nil
	}
	file := func(name string) (*logfile.File, error) {
		return logfile.Open(logfile.Options{Dir: c.Logs.Folder, Name: name + "-" + strings.ReplaceAll(roles, ",", "-"), Keep: time.Duration(c.Logs.KeepDays) * 24 * time.Hour, Size: c.Logs.FileMB << 20})
	}
	f, err := file("server")
	if err != nil {
		return nil, nil, nil, err
	}
	had, err := file("console")
	if err != nil {
		return nil, nil, nil, errors.Join(err, f.Close())
	}
	shown = slog.New(slog.NewTextHandler(both{console, had}, nil)).With("release", built())
	log = slog.New(traced{newQuiet(slog.NewJSONHandler(either{f, console}, &slog.HandlerOptions{Level: level, AddSource: true}), 10*time.Second)})
	say = func(text string, more ...any) {
		log.Info(text, more...)
		shown.Info(text, more...)
	}
	return log, say, func() { _, _ = f.Close(), had.Close() }, nil
}

// built is what this program was built from: its version, or the digest of its file.
func built() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	name, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	program, err := os.Open(name)
	if err != nil {
		return "unknown"
	}
	defer program.Close() //nolint:errcheck // reading
	sum := sha256.New()
	if _, err := io.Copy(sum, program); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// both writes to both, whether or not the first takes it.
type both [2]io.Writer

func (w both) Write(line []byte) (int, error) {
	_, err := w[0].Write(line)
	n, err2 := w[1].Write(line)
	return n, errors.Join(err, err2)
}

// either writes to the second what the first does not take: a full disk must not hide itself.
type either [2]io.Writer

func (e either) Write(line []byte) (int, error) {
	if n, err := e[0].Write(line); err == nil {
		return n, nil
	}
	return e[1].Write(line)
}

// traced adds the number of the goroutine that wrote a line.
type traced struct{ slog.Handler }

// Handle implements slog.Handler.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	var b [32]byte
	if words := bytes.Fields(b[:runtime.Stack(b[:], false)]); len(words) > 1 { // "goroutine 7 [running]:"
		if n, err := strconv.Atoi(string(words[1])); err == nil {
			r.AddAttrs(slog.Int("goroutine", n))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h traced) WithAttrs(as []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(as)} }

// WithGroup implements slog.Handler.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

// quiet keeps a fault that hits every request (a full disk, a database that is away) from filling the log:
// of lines with the same message and the same error the first is written, and then, once in a while, one
// with how often it was. Lines without an error pass.
type quiet struct {
	slog.Handler
	s *causes
}

type causes struct {
	every time.Duration
	mu    sync.Mutex
	seen  map[string]*cause
}

// cause is a line that was written, and what it stands for since.
type cause struct {
	last  slog.Record
	to    slog.Handler
	times int
}

// most is how many causes are told apart at a time; beyond, lines pass.
const most = 1000

func newQuiet(h slog.Handler, every time.Duration) slog.Handler {
	return quiet{h, &causes{every: every, seen: map[string]*cause{}}}
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	why := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			why = a.Value.String()
		}
		return why == ""
	})
	if why == "" {
		return q.Handler.Handle(ctx, r)
	}
	key := r.Level.String() + r.Message + "\x00" + why
	q.s.mu.Lock()
	if c := q.s.seen[key]; c != nil {
		c.last, c.to = r.Clone(), q.Handler
		c.times++
		q.s.mu.Unlock()
		return nil
	}
	if len(q.s.seen) < most {
		q.s.seen[key] = &cause{}
		time.AfterFunc(q.s.every, func() { q.s.tell(key) })
	}
	q.s.mu.Unlock()
	return q.Handler.Handle(ctx, r)
}

// tell writes what was held back; when nothing was, the cause is over.
func (s *causes) tell(key string) {
	s.mu.Lock()
	c := s.seen[key]
	if c.times == 0 {
		delete(s.seen, key)
		s.mu.Unlock()
		return
	}
	r, to := c.last, c.to
	r.AddAttrs(slog.Int("times", c.times))
	c.times = 0
	s.mu.Unlock()
	_ = to.Handle(context.Background(), r)
	time.AfterFunc(s.every, func() { s.tell(key) })
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(as []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(as), q.s} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.s} }
