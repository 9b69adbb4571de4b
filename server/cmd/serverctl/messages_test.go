package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/messagelog"
	"zhigui/server/internal/store"
)

// req: TX-30
func TestTheMessageLogIsReadByThoseWhoMayAndEveryReadingIsAudited(t *testing.T) {
	b := newBank(t, "data: data\nmessages: {folder: messages}\n", person("anna", "admin", "", "secret"), person("mia", "manager", "0001", "secret"))
	cfg, do := b.cfg, b.do
	st, h, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	folder, at := filepath.Join(b.dir, "messages", messagelog.Channels), time.Now()
	for i, kind := range messagelog.Types {
		dir := filepath.Join(b.dir, "messages", kind)
		l, err := messagelog.Open(h, messagelog.Options{Dir: dir, Keep: time.Hour, Size: 1 << 20, Anchor: func(file string, n int64, hash string) {
			if err := st.AddAudit(context.Background(), store.Audit{User: "server", Action: messagelog.AnchorAction, Target: messagelog.AnchorTarget(dir), Note: fmt.Sprint(n, " ", hash, " ", file), At: time.Now()}); err != nil {
				t.Error(err)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		for j, terminal := range []string{"00000001", "00000002"} {
			l.Add(messagelog.Entry{At: at.Add(time.Duration(2*j+i) * time.Second), Terminal: terminal, Way: []string{"from", "host"}[i], Text: kind + ": asked by " + terminal})
		}
		l.Close()
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := do("", "messages", "verify"); err != nil || !strings.HasPrefix(out, "4 entries") || !strings.Contains(out, "2 marks") {
		t.Error(out, err)
	}
	for why, args := range map[string][]string{"a manager": {"secret", "mia"}, "a wrong password": {"wrong", "anna"}} {
		if out, err := do(args[0]+"\n", "messages", "read", "--by", args[1]); err == nil || strings.Contains(out, "asked") {
			t.Errorf("%s reads: %s", why, out)
		}
	}
	out, err := do("secret\n", "messages", "read", "--by", "anna", "--terminal", "00000002")
	if err != nil || !strings.Contains(out, "asked by 00000002") || strings.Contains(out, "00000001") {
		t.Error(out, err)
	}
	if i, k := strings.Index(out, "channels: asked"), strings.Index(out, "hosts: asked"); i < 0 || k < i {
		t.Errorf("what came first is not first: %s", out)
	}
	out, err = do("secret\n", "messages", "read", "--by", "anna", "--type", "hosts")
	if err != nil || strings.Count(out, "hosts: asked") != 2 || strings.Contains(out, "channels: asked") {
		t.Error("one type:", out, err)
	}
	files, _ := messagelog.Files(folder)
	raw, _ := os.ReadFile(files[0])
	if err := os.WriteFile(files[0], raw[:bytes.LastIndexByte(raw[:len(raw)-1], '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := do("", "messages", "verify"); err == nil || !strings.Contains(err.Error(), "channels") || !strings.Contains(err.Error(), "cut off") {
		t.Error("a cut log is whole:", out, err)
	}
	if st, _, err = open(cfg); err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	lines, err := st.Audits(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var trail []string
	for _, x := range lines {
		if x.Action == "messages.read" {
			trail = append(trail, x.User+": "+x.Note)
		}
	}
	if got := strings.Join(trail, "\n"); len(trail) != 6 || !strings.Contains(got, `anna: type "", terminal "00000002"`) || !strings.Contains(got, "anna: 2 messages") {
		t.Errorf("audit trail:\n%s", got)
	}
}
