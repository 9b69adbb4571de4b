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

	"golang.org/x/crypto/bcrypt"

	"zhigui/server/internal/messagelog"
	"zhigui/server/internal/store"
)

// req: TX-30
func TestTheMessageLogIsReadByThoseWhoMayAndEveryReadingIsAudited(t *testing.T) {
	dir := t.TempDir()
	cfg := filepath.Join(dir, "server.yaml")
	if err := os.WriteFile(cfg, []byte("data: data\nmessages: {folder: messages}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	st, h, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]string{"anna": "admin", "mia": "manager"} {
		hash, _ := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
		if err := st.AddUser(t.Context(), &store.User{Name: name, Display: name, Role: role, Branch: "0001", Hash: string(hash), Enabled: true, Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(dir, "messages")
	l, err := messagelog.Open(h, messagelog.Options{Dir: folder, Keep: time.Hour, Size: 1 << 20, Anchor: func(file string, n int64, hash string) {
		if err := st.AddAudit(context.Background(), store.Audit{User: "server", Action: messagelog.AnchorAction, Target: messagelog.AnchorTarget(folder), Note: fmt.Sprint(n, " ", hash, " ", file), At: time.Now()}); err != nil {
			t.Error(err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, terminal := range []string{"00000001", "00000002"} {
		l.Add(messagelog.Entry{At: time.Now(), Terminal: terminal, Way: "from", Text: "asked by " + terminal})
	}
	l.Close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	do := func(input string, args ...string) (string, error) {
		var out bytes.Buffer
		stdin, stdout = strings.NewReader(input), &out
		defer func() { stdin, stdout = os.Stdin, os.Stdout }()
		err := run(append(args[:2:2], append([]string{"--config", cfg}, args[2:]...)...))
		return out.String(), err
	}
	if out, err := do("", "messages", "verify"); err != nil || !strings.HasPrefix(out, "2 entries") || !strings.Contains(out, "1 marks") {
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
	files, _ := messagelog.Files(folder)
	b, _ := os.ReadFile(files[0])
	if err := os.WriteFile(files[0], b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := do("", "messages", "verify"); err == nil || !strings.Contains(err.Error(), "cut off") {
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
	if got := strings.Join(trail, "\n"); len(trail) != 4 || !strings.Contains(got, `anna: terminal "00000002"`) || !strings.Contains(got, "anna: 1 messages") {
		t.Errorf("audit trail:\n%s", got)
	}
}
