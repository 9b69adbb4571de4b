package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/api/message/format"
)

// What comes with the platform serves both ways; a file whose messages could never be understood is refused at the start,
// and not with the first customer.
func TestADialectWithoutWhatItsMessagesNeedIsRefusedAtTheStart(t *testing.T) {
	needs := []string{"stan", "terminal", "response"}
	for _, name := range format.Builtins() {
		if c, err := codecOf(name, "pos64", "3des", needs...); err != nil || !c.HasMAC() {
			t.Error(name, err)
		}
	}
	whole := "kind: fixed\nname: x\ncharset: ascii\nframe: {prefix: ascii4, max: 999}\ntable:\n  - {name: t, canon: type, type: n, len: 4}\n  - {name: s, canon: stan, type: n, len: 6, exact: true}\n  - {name: term, canon: terminal, type: ans, len: 8}\n  - {name: r, canon: response, type: an, len: 2}\n"
	file := filepath.Join(t.TempDir(), "x.yaml")
	for without, want := range map[string]string{"": "", "canon: type": "type", "canon: stan": "stan", "canon: terminal": "terminal", "canon: response": "response"} {
		lines := strings.Split(whole, "\n")
		for i, l := range lines {
			if without != "" && strings.Contains(l, without) {
				lines = append(lines[:i], lines[i+1:]...)
				break
			}
		}
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := codecOf(file, "pos64", "3des", needs...)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "x.yaml has no field with canon: "+want) {
			t.Errorf("without %q: %v", without, err)
		}
	}
}
