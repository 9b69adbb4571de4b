package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	p := filepath.Join(t.TempDir(), "keeper.yaml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(p)
}

func TestProgramsComeFromTheReleaseSet(t *testing.T) {
	c, err := load(t, "set: /opt/set\nprograms:\n  - {role: platformd, path: platformd, beats: true}\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Programs[0].Path != "/opt/set/platformd" || len(c.Policy.Delays) == 0 {
		t.Errorf("%+v", c)
	}
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"an unknown key has line and column", "programs: []\nprogrammes: []\n", "[2:1]"},
		{"no program", "set: .\n", "at least one"},
		{"a role twice", "programs:\n  - {role: a, path: a}\n  - {role: a, path: b}\n", "twice"},
		{"a program without a path", "programs:\n  - {role: a}\n", "path"},
		{"a policy without delays", "policy: {delays: []}\nprograms:\n  - {role: a, path: a}\n", "delays"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
