package bankhost

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/api/message/format"
)

func TestADoorSpeaksTheFormatOfAFileOrSaysWhereItIsWrong(t *testing.T) {
	text, err := format.BuiltinText("corefixed")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"a format of one's own": {strings.Replace(text, "name: corefixed", "name: acme", 1), ""},
		"a mistake in it":       {strings.Replace(text, "charset: gb18030", "charset: big5", 1), "acme.yaml:5:10: charset must be"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "acme.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			h, err := Start(Options{Listen: "127.0.0.1:0", Ledger: filepath.Join(dir, "ledger"), Doors: []Door{{Kind: "short", Dialect: file, Listen: "127.0.0.1:0"}},
				Zone: Zone{PIK: []byte("0123456789abcdef"), MAK: []byte("fedcba9876543210")}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
			if err == nil {
				defer h.Close() //nolint:errcheck // a test's
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
