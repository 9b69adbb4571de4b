package logfile

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/flock"
)

// all reads every file of a folder, oldest first, and answers their names and what they say.
func all(t *testing.T, dir string) (names []string, text string) {
	t.Helper()
	done, _ := filepath.Glob(filepath.Join(dir, Backup, "*"))
	open, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	names = append(done, open...)
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	for _, n := range names {
		f, err := os.Open(n)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // test
		var r io.Reader = f
		if strings.HasSuffix(n, Packed) {
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatal(n, err)
			}
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(n, err)
		}
		text += string(b)
	}
	return names, text
}

// Files turn with size, day and process; what is done is compressed, and nothing is lost.
// req: LG-11 LG-12
func TestALogTurnsWithSizeDayAndProcessAndLosesNoLine(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var want strings.Builder
	for run := range 3 {
		f, err := Open(Options{Dir: dir, Name: "server", Keep: 184 * 24 * time.Hour, Size: 100, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if i == 5 {
				now = now.Add(24 * time.Hour)
			}
			line := fmt.Sprintf("run %d line %d: twenty and more\n", run, i)
			want.WriteString(line)
			if _, err := f.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	names, text := all(t, dir)
	if text != want.String() {
		t.Errorf("the files say\n%s", text)
	}
	for i, n := range names {
		if packed := strings.HasSuffix(n, Packed); packed != (i < len(names)-1) {
			t.Errorf("%d of %d: %s", i, len(names), n)
		}
	}
	for _, day := range []string{"20261122", "20261123", "20261124", "20261125"} {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "server-"+day) }) {
			t.Errorf("no file of %s in %v", day, names)
		}
	}
}

// req: LG-08 LG-09 LG-13
func TestAFileIsKeptForItsTimeAndThenRemoved(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const keep = 184 * 24 * time.Hour
	name := filepath.Join(dir, Backup, "server-20260101-00000%d.log.gz")
	if err := os.Mkdir(filepath.Join(dir, Backup), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, age := range []time.Duration{keep + time.Hour, keep - time.Hour, 15 * 24 * time.Hour} {
		if err := os.WriteFile(fmt.Sprintf(name, i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(fmt.Sprintf(name, i), now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Open(Options{Dir: dir, Name: "server", Keep: keep, Size: 100, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, true} {
		if _, err := os.Stat(fmt.Sprintf(name, i)); (err == nil) != want {
			t.Errorf("%d: kept %v, want %v", i, err == nil, want)
		}
	}
}

func TestTwoProcessesDoNotWriteOneLog(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Name: "server-trade", Keep: time.Hour, Size: 1 << 20}
	f, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, flock.ErrHeld) {
		t.Errorf("a second one writes there: %v", err)
	}
	if _, err := f.Write([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	other := o
	other.Name = "server-access"
	g, err := Open(other)
	if err != nil {
		t.Fatalf("another log of the folder: %v", err)
	}
	if err := errors.Join(f.Close(), g.Close()); err != nil {
		t.Fatal(err)
	}
	if _, text := all(t, o.Dir); text != "a line\n" {
		t.Errorf("%q", text)
	}
}
