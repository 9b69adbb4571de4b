package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/messagelog"
	"zhigui/server/internal/store"
)

// Messages of terminals and partners, and messages of hosts, are two types of data: each has files and a chain of its own, and
// neither has an entry of the other. What a version before kept together goes after its time.
//
// req: LG-07
func TestEachTypeOfMessageIsInFilesOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(dir, "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	h, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), st)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "messages")
	together, err := messagelog.Open(h, messagelog.Options{Dir: folder, Keep: time.Hour, Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		together.Add(messagelog.Entry{At: time.Now(), Way: "from", Text: "of before"})
	}
	together.Close()
	old, err := messagelog.Files(folder)
	if err != nil || len(old) != 2 {
		t.Fatal(old, err)
	}
	if err := os.Chtimes(old[0], time.Now(), time.Now().Add(-185*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Messages.Folder = folder
	s := &services{c: &c, st: st, hsm: h, log: slog.New(slog.DiscardHandler)}
	if err := s.openMessages(); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{messagelog.Channels: {"from", "to"}, messagelog.Hosts: {"host", "answer"}}
	for _, way := range []string{"from", "host", "answer", "to"} {
		s.messages("00000001", way, "a message: "+way)
	}
	for _, f := range s.ends {
		f()
	}
	for kind, ways := range want {
		n := 0
		if err := messagelog.Read(filepath.Join(folder, kind), h, func(_ int64, e messagelog.Entry) error {
			if n >= len(ways) || e.Way != ways[n] || e.Text != "a message: "+ways[n] || e.At.IsZero() {
				t.Errorf("%s %d: %+v", kind, n, e)
			}
			n++
			return nil
		}); err != nil || n != len(ways) {
			t.Errorf("%s: %d entries (%v)", kind, n, err)
		}
	}
	if left, _ := messagelog.Files(folder); len(left) != 1 || left[0] != old[1] {
		t.Error("files of before:", left)
	}
	all := map[string]int{}
	if err := messagelog.ReadAll(folder, h, func(kind string, _ int64, _ messagelog.Entry) error { all[kind]++; return nil }); err != nil || all[messagelog.Channels] != 3 || all[messagelog.Hosts] != 2 || len(all) != 2 {
		t.Error(all, err)
	}
}
