package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// req: T-07, LG-02
func TestALogThatHasGrownIsPutAsideWhileItsProgramWritesOnAndTheOldestGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.log")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640) // as a program has it
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := Policy{MaxMB: 1, Days: 15, TotalMB: 3}
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	look := func(after time.Duration) (kept []string) {
		t.Helper()
		at = at.Add(after)
		if err := p.Look(file, at); err != nil {
			t.Fatal(err)
		}
		kept, err := filepath.Glob(file + ".2*")
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	write := func(n int) {
		t.Helper()
		if _, err := f.Write(bytes.Repeat(fmt.Appendf(nil, "%7d\n", n), mb/8)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.WriteString("small\n"); err != nil || len(look(time.Minute)) != 0 {
		t.Fatalf("a small one was put aside: %v", err)
	}
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	for n, want := range []int{1, 2, 2} { // one more would be more than TotalMB with the file itself
		write(n)
		kept := look(time.Minute)
		if len(kept) != want {
			t.Fatalf("%d: %v", n, kept)
		}
		last, err := os.ReadFile(kept[len(kept)-1])
		if err != nil || !bytes.HasSuffix(last, fmt.Appendf(nil, "%7d\n", n)) {
			t.Fatalf("%d: the newest is not the one just written: %v", n, err)
		}
		if st, err := os.Stat(file); err != nil || st.Size() != 0 {
			t.Fatalf("%d: %v %v", n, st, err)
		}
	}
	if _, err := f.WriteString("after\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "after\n" {
		t.Errorf("the program's next line: %q, %v", got, err)
	}
	if kept := look(16 * 24 * time.Hour); len(kept) != 0 {
		t.Errorf("too old: %v", kept)
	}
	other := file + ".keep-me"
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look(365 * 24 * time.Hour)
	if _, err := os.Stat(other); err != nil {
		t.Error("a file of somebody else was removed")
	}
}

func TestAPolicyThatWouldKeepNothingIsRefused(t *testing.T) {
	for _, p := range []Policy{{}, {MaxMB: 1, Days: 1}, {MaxMB: 1, TotalMB: 9}, {MaxMB: 10, Days: 30, TotalMB: 9}} {
		if p.Validate() == nil {
			t.Errorf("%+v", p)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

// A configuration of before, which kept less, does not keep a machine from starting.
func TestLogsAreKeptForAFortnightThoughTheConfigurationSaysLess(t *testing.T) {
	file, now := filepath.Join(t.TempDir(), "x.log"), time.Now()
	aside := func(days int) string { return file + "." + now.AddDate(0, 0, -days).UTC().Format(stamp) }
	for _, days := range []int{10, 16} {
		if err := os.WriteFile(aside(days), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := Policy{MaxMB: 1, Days: 7, TotalMB: 9}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var said bytes.Buffer
	p.Watch(ctx, []string{file}, time.Hour, slog.New(slog.NewTextHandler(&said, nil)))
	if _, err := os.Stat(aside(10)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(aside(16)); !errors.Is(err, os.ErrNotExist) {
		t.Error("what is older stays:", err)
	}
	if !strings.Contains(said.String(), "level=WARN") {
		t.Errorf("nobody is told: %q", said.String())
	}
}
