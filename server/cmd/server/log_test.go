package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/server/internal/config"
	"zhigui/server/internal/logfile"
)

// page is what was logged.
type page struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) { p.mu.Lock(); defer p.mu.Unlock(); return p.b.Write(b) }

func (p *page) lines(with string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range strings.Lines(p.b.String()) {
		if strings.Contains(l, with) {
			out = append(out, l)
		}
	}
	return out
}

// A full disk refuses every transaction: the log says so once, and then how often, and never loses a count.
func TestAFaultOfEveryRequestIsALineAndACount(t *testing.T) {
	p := &page{}
	log := slog.New(newQuiet(slog.NewTextHandler(p, nil), 20*time.Millisecond))
	full, away := errors.New("database or disk is full"), errors.New("the database is away")
	for i := range 1000 {
		log.With("channel", "terminals").Error("journal refuses", "terminal", i, "error", full.Error())
	}
	log.Error("journal refuses", "error", away.Error())
	log.Error("upkeep", "error", full.Error())
	for range 3 {
		log.Info("signed on")
	}
	for len(p.lines("times=")) == 0 {
		time.Sleep(time.Millisecond)
	}
	said := p.lines("disk is full")
	if len(said) > 60 || len(p.lines("away")) != 1 || len(p.lines("upkeep")) != 1 || len(p.lines("signed on")) != 3 {
		t.Errorf("%d lines: %q", len(said), said[:min(3, len(said))])
	}
	if !strings.Contains(said[0], "terminal=0") || !strings.Contains(said[len(said)-1], "channel=terminals") {
		t.Errorf("the lines do not say where: %q", said)
	}
	log.Error("later", "error", full.Error())
	if len(p.lines("later")) != 1 {
		t.Error("another line was held back")
	}
}

// With a folder for it the log goes there, each line with all that says where it came from; the console has the start and the end
// only. A file that cannot be written does not hide what it should have taken.
// req: LG-05 LG-10
func TestInProductionTheConsoleHasTheStartAndTheEndOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	var console page
	log, say, end, err := openLog(&config.Config{Log: "info", Logs: config.Messages{Folder: dir, KeepDays: 184, FileMB: 1}}, "trade,access", &console)
	if err != nil {
		t.Fatal(err)
	}
	say("server is up", "number", 3)
	log.Error("a host is away", "host", "core", "error", "refused")
	log.Debug("too small to say")
	say("server is going down")
	if all, ends := console.lines(""), console.lines("server is "); len(all) != 2 || len(ends) != 2 {
		t.Errorf("on the console: %v", all)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "server-trade-access-*.log"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 3 {
		t.Fatalf("%s", b)
	}
	var x struct {
		Time             time.Time
		Level, Msg, Host string
		Goroutine        int
		Source           struct {
			Function, File string
			Line           int
		}
	}
	if err := json.Unmarshal([]byte(lines[1]), &x); err != nil {
		t.Fatal(err)
	}
	if x.Time.IsZero() || x.Level != "ERROR" || x.Goroutine == 0 || x.Msg != "a host is away" || x.Host != "core" ||
		!strings.HasSuffix(x.Source.Function, "TestInProductionTheConsoleHasTheStartAndTheEndOnly") || filepath.Base(x.Source.File) != "log_test.go" || x.Source.Line == 0 {
		t.Errorf("%+v", x)
	}
	end()
	log.Error("after the end")
	if len(console.lines("after the end")) != 1 {
		t.Error("what the file did not take is lost")
	}

	// the next start, of the next release, finds what the console had, and puts it away
	before, _ := filepath.Glob(filepath.Join(dir, "console-trade-access-*.log"))
	if len(before) != 1 {
		t.Fatal(before)
	}
	had, _ := os.ReadFile(before[0])
	if text := string(had); strings.Count(text, "\n") != 2 || strings.Count(text, "server is ") != 2 || strings.Count(text, "release=") != 2 {
		t.Errorf("the console had: %s", text)
	}
	_, _, end, err = openLog(&config.Config{Log: "info", Logs: config.Messages{Folder: dir, KeepDays: 184, FileMB: 1}}, "trade,access", &console)
	if err != nil {
		t.Fatal(err)
	}
	end()
	z, err := os.Open(filepath.Join(dir, logfile.Backup, filepath.Base(before[0])+logfile.Packed))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close() //nolint:errcheck // reading
	r, err := gzip.NewReader(z)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := io.ReadAll(r); err != nil || !bytes.Equal(kept, had) {
		t.Errorf("kept: %s (%v)", kept, err)
	}
}
