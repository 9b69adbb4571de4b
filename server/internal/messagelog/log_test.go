package messagelog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/server/internal/flock"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/logfile"
)

type book struct {
	mu      sync.Mutex
	anchors map[int64]string
}

func sealer(t *testing.T) Sealer {
	t.Helper()
	v, err := hsm.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// filled makes a log of three runs over two days, in small files, and answers its folder and the anchors.
func filled(t *testing.T, s Sealer) (string, map[int64]string) {
	t.Helper()
	dir, b := t.TempDir(), &book{anchors: map[int64]string{}}
	now := time.Date(2026, 11, 22, 23, 59, 0, 0, time.UTC)
	for run := range 3 {
		l, err := Open(s, Options{Dir: dir, Keep: 184 * 24 * time.Hour, Size: 2000, Now: func() time.Time { return now }, Failed: func(err error) { t.Error(err) },
			Anchor: func(_ string, n int64, hash string) { b.mu.Lock(); b.anchors[n] = hash; b.mu.Unlock() }})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			l.Add(Entry{At: now.Add(time.Duration(run*20+i) * 5 * time.Second), Terminal: "00000001", Way: "from", Text: fmt.Sprintf("secret message %d", run*20+i)})
		}
		l.Close()
	}
	return dir, b.anchors
}

// text is what a file says, compressed or not; put writes it again.
func text(t *testing.T, name string) []byte {
	t.Helper()
	f, err := open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // reading
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, name string, b []byte) {
	t.Helper()
	if strings.HasSuffix(name, packed) {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(b)
		_ = w.Close()
		b = z.Bytes()
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file that is done is compressed, keeps its age, and a process that died in the midst of it leaves both or
// either: the log is whole all the same.
// req: LG-12
func TestFilesThatAreDoneAreCompressedAndReadAsBefore(t *testing.T) {
	s := sealer(t)
	dir, anchors := filled(t, s)
	files, _ := Files(dir)
	for i, f := range files {
		if is := filepath.Dir(f) == filepath.Join(dir, backup) && strings.HasSuffix(f, ".log.gz"); is != (i < len(files)-1) {
			t.Errorf("%d of %d: %s", i, len(files), f)
		}
	}
	if b, _ := os.ReadFile(files[0]); !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		t.Error("no gzip")
	}
	old := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	plain := logfile.Unpacked(files[1])
	put(t, plain, text(t, files[1])) // the original, which did not go
	_ = os.Chtimes(plain, old, old)
	put(t, files[2]+".new", []byte("half"))
	if n, err := Verify(dir, anchors); n != 60 || err != nil {
		t.Error(n, err)
	}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	l, err := Open(s, Options{Dir: dir, Keep: 184 * 24 * time.Hour, Size: 2000, Now: func() time.Time { return now }, Failed: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	l.Add(Entry{At: now, Text: "x"})
	l.Close()
	if _, err := os.Stat(plain); err == nil {
		t.Error("what was left is not compressed")
	}
	if fi, err := os.Stat(files[1]); err != nil || !fi.ModTime().Equal(old) {
		t.Error("its age is another", err)
	}
	if n, err := Verify(dir, anchors); n != 61 || err != nil {
		t.Error(n, err)
	}
	b, _ := os.ReadFile(files[0])
	_ = os.WriteFile(files[0], b[:len(b)-20], 0o600)
	if _, err := Verify(dir, anchors); err == nil {
		t.Error("a compressed file that was cut off is said to be whole")
	}
}

// req: TX-30 LG-06 LG-11 LG-15
func TestEntriesAreSealedChainedAndReadInTheirOrder(t *testing.T) {
	s := sealer(t)
	dir, anchors := filled(t, s)
	files, err := Files(dir)
	if err != nil || len(files) < 6 {
		t.Fatal(len(files), err)
	}
	days := map[string]bool{}
	for _, f := range files {
		b := text(t, f)
		if bytes.Contains(b, []byte("secret")) || bytes.Contains(b, []byte("00000001 ")) || len(b) > 2600 {
			t.Errorf("%s: %d bytes", f, len(b))
		}
		days[filepath.Base(f)[len(prefix):len(prefix)+8]] = true
	}
	if !days["20261122"] || !days["20261123"] {
		t.Error(days)
	}
	if n, err := Verify(dir, anchors); n != 60 || err != nil || len(anchors) != len(files) {
		t.Errorf("%d entries, %d anchors of %d files: %v", n, len(anchors), len(files), err)
	}
	var got []string
	if err := Read(dir, s, func(n int64, e Entry) error {
		if n != int64(len(got)+1) {
			t.Error(n)
		}
		got = append(got, e.Text)
		return nil
	}); err != nil || len(got) != 60 || got[59] != "secret message 59" {
		t.Error(len(got), err)
	}
	other, _ := hsm.NewVault(make([]byte, 32))
	if err := Read(dir, other, func(int64, Entry) error { return nil }); err == nil {
		t.Error("another key opens it")
	}
}

// req: TX-30
func TestWhatWasChangedTakenOutOrCutOffShows(t *testing.T) {
	s := sealer(t)
	edit := func(f func(lines []string) []string) func(t *testing.T, files []string) {
		return func(t *testing.T, files []string) {
			put(t, files[1], []byte(strings.Join(f(strings.SplitAfter(string(text(t, files[1])), "\n")), "")))
		}
	}
	for name, spoil := range map[string]func(t *testing.T, files []string){
		"a character":         edit(func(l []string) []string { l[2] = strings.Replace(l[2], "A", "B", 1); return l }),
		"a line":              edit(func(l []string) []string { return append(l[:2:2], l[3:]...) }),
		"two lines exchanged": edit(func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }),
		"the head of a file":  edit(func(l []string) []string { l[0] = header + start + "\n"; return l }),
		"a file":              func(t *testing.T, files []string) { _ = os.Remove(files[2]) },
		"the last file":       func(t *testing.T, files []string) { _ = os.Remove(files[len(files)-1]) },
		"the last line": func(t *testing.T, files []string) {
			b, _ := os.ReadFile(files[len(files)-1])
			_ = os.WriteFile(files[len(files)-1], b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1], 0o600)
		},
		"everything, written again": func(t *testing.T, files []string) {
			for _, f := range files {
				_ = os.Remove(f)
			}
			l, err := Open(s, Options{Dir: filepath.Dir(files[0]), Keep: time.Hour, Size: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				l.Add(Entry{At: time.Now(), Text: "forged"})
			}
			l.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, anchors := filled(t, s)
			files, err := Files(dir)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, files)
			if n, err := Verify(dir, anchors); err == nil {
				t.Errorf("%d entries are said to be whole", n)
			} else {
				t.Log(err)
			}
		})
	}
}

func TestALineThatWasCutOffByACrashIsDroppedAndTheChainGoesOn(t *testing.T) {
	s := sealer(t)
	dir, _ := filled(t, s)
	files, _ := Files(dir)
	last := files[len(files)-1]
	b, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(last, b[:len(b)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	l, err := Open(s, Options{Dir: dir, Keep: 184 * 24 * time.Hour, Size: 2000, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	l.Add(Entry{At: now, Text: "after the crash"})
	l.Close()
	if n, err := Verify(dir, nil); n != 60 || err != nil {
		t.Error(n, err)
	}
}

// req: LG-13 LG-14
func TestFilesGoAfterTheirTimeAndTheRestIsStillAChain(t *testing.T) {
	s := sealer(t)
	dir, anchors := filled(t, s)
	files, _ := Files(dir)
	old := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // six months, and four days over: no month is cut short
	for _, f := range files[:3] {
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
	now := old.Add(185 * 24 * time.Hour)
	for i, f := range files[3:] {
		age := now
		if i == 0 { // the longest six months there are
			age = now.Add(-184 * 24 * time.Hour)
		}
		if err := os.Chtimes(f, age, age); err != nil {
			t.Fatal(err)
		}
	}
	l, err := Open(s, Options{Dir: dir, Keep: 184 * 24 * time.Hour, Size: 2000, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	l.Add(Entry{At: now, Text: "x"})
	l.Close()
	left, _ := Files(dir)
	if len(left) != len(files)-3+1 || left[0] != files[3] {
		t.Errorf("%d of %d files are left", len(left), len(files))
	}
	if _, err := Verify(dir, anchors); err != nil {
		t.Error(err)
	}
}

// req: LG-04
func TestALogThatCannotKeepUpCountsAndNeverHoldsUp(t *testing.T) {
	dir := t.TempDir()
	stuck := make(chan struct{})
	l, err := Open(slow{sealer(t), stuck}, Options{Dir: dir, Keep: time.Hour, Size: 1 << 20, Queue: 4})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		l.Add(Entry{At: time.Now(), Text: "x"})
	}
	if l.lost.Load() < 990 {
		t.Error(l.lost.Load(), "were not written")
	}
	close(stuck)
	for l.lost.Load() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	l.Close()
	said := false
	if err := Read(dir, sealer(t), func(_ int64, e Entry) error { said = said || e.Way == "lost"; return nil }); err != nil || !said {
		t.Error("the log does not say that something is missing:", err)
	}
}

// slow seals when it may.
type slow struct {
	Sealer
	may chan struct{}
}

func (s slow) Seal(dst, plain, aad []byte) []byte { <-s.may; return s.Sealer.Seal(dst, plain, aad) }

// The disk takes nothing for a while: what is lost is counted, the chain goes on when it takes again.
func TestADiskThatWasFullIsUsedAgain(t *testing.T) {
	s, dir := sealer(t), t.TempDir()
	var mu sync.Mutex
	now, failed := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), 0
	l, err := Open(s, Options{Dir: dir, Keep: 184 * 24 * time.Hour, Size: 1 << 20, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now },
		Failed: func(error) { mu.Lock(); failed++; mu.Unlock() }})
	if err != nil {
		t.Fatal(err)
	}
	add := func(text string) {
		l.Add(Entry{At: now, Text: text})
		for len(l.ch) > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	add("before")
	files := func() int { fs, _ := Files(dir); return len(fs) }
	for files() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := os.Rename(dir, dir+".away"); err != nil { // the next file cannot be made
		t.Fatal(err)
	}
	mu.Lock()
	now = now.AddDate(0, 0, 1)
	mu.Unlock()
	for range 5 {
		add("lost")
	}
	for l.lost.Load() < 5 {
		time.Sleep(time.Millisecond)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	now = now.Add(pause)
	if failed == 0 {
		t.Error("nothing was reported")
	}
	mu.Unlock()
	add("after")
	for l.lost.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	l.Close()
	if n, err := Verify(dir, nil); n != 3 || err != nil {
		t.Error(n, err)
	}
	var got []string
	if err := Read(dir, s, func(_ int64, e Entry) error { got = append(got, e.Way+e.Text); return nil }); err != nil || !strings.Contains(strings.Join(got, "|"), "before|") || !strings.Contains(strings.Join(got, "|"), "5 messages could not be written") || !strings.Contains(strings.Join(got, "|"), "after") {
		t.Errorf("%q %v", got, err)
	}
}

// A process that dies, or a disk that is full, at the beginning of a file leaves it empty or with a part of
// its head: the chain goes on from the file before.
func TestAFileWithoutItsHeadDoesNotBreakTheChain(t *testing.T) {
	for name, head := range map[string]string{"empty": "", "a part of the head": "# messa"} {
		t.Run(name, func(t *testing.T) {
			s := sealer(t)
			dir, _ := filled(t, s)
			if err := os.WriteFile(filepath.Join(dir, "messages-20261124-000000000061.log"), []byte(head), 0o600); err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
			for range 2 {
				l, err := Open(s, Options{Dir: dir, Keep: 184 * 24 * time.Hour, Size: 2000, Now: func() time.Time { return now }})
				if err != nil {
					t.Fatal(err)
				}
				l.Add(Entry{At: now, Text: "after"})
				l.Close()
			}
			if n, err := Verify(dir, nil); n != 62 || err != nil {
				t.Error(n, err)
			}
		})
	}
}

func TestEntriesThatADiskDidNotTakeAfterAllAreCounted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := &Log{o: Options{Dir: t.TempDir(), Keep: time.Hour, Size: 1 << 20, Now: func() time.Time { return now }}, s: sealer(t), hash: start}
	add := func() { l.write(Entry{At: now, Text: "x"}) }
	add()
	if err := l.w.Flush(); err != nil {
		t.Fatal(err)
	}
	add()
	add()
	_ = l.f.Close() // the disk takes no more
	l.fail(l.w.Flush())
	now = now.Add(pause)
	add()
	if err := l.end(); err != nil || l.lost.Load() != 2 || l.number != 2 {
		t.Errorf("%d are counted and the last has number %d (%v): want 2 and 2", l.lost.Load(), l.number, err)
	}
	l.wg.Wait()
}

func TestAFolderOfMessagesIsOneProcesss(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Keep: time.Hour, Size: 1 << 20}
	l, err := Open(sealer(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(sealer(t), o); !errors.Is(err, flock.ErrHeld) {
		t.Errorf("a second one writes there: %v", err)
	}
	l.Close()
	if l, err = Open(sealer(t), o); err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// A process that ended with the head of a file, and one of the next day that began with the same number.
func TestFilesWithOneNumberAreInTheOrderOfTheirDays(t *testing.T) {
	t.Parallel()
	var want, files []string
	for n := range 20 {
		for day := range 2 {
			want = append(want, fmt.Sprintf("messages-2026112%d-%012d.log", day, n))
		}
	}
	for i := range want {
		files = append(files, want[(i*23+7)%len(want)])
	}
	byNumber(files)
	if !slices.Equal(files, want) {
		t.Errorf("%q", files)
	}
}
