package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/config"
	"zhigui/server/internal/mgmt"
)

func TestTheConsoleIsGivenTheFormatsThatTheConfigurationLoads(t *testing.T) {
	dir := t.TempDir()
	write := func(file, text string) string {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const first, second = "name: mine\nextends: cups128\n", "name: mine\nextends: visa\n"
	one, two := write("one.yaml", first), write("two.yaml", second)
	s := &services{c: &config.Config{Data: dir, Hosts: []config.Host{{Name: "core", Dialect: one}, {Name: "network", Dialect: "cups128"}, {Name: "spare", Dialect: one}}, Channels: []config.Channel{{Name: "partner", Dialect: two}}}}
	got, err := s.ownFormats()
	if err != nil {
		t.Fatal(err)
	}
	want := []mgmt.OwnFormat{{Name: "mine", Path: one, YAML: first, Used: []string{"core", "spare"}}, {Name: "mine (2)", Path: two, YAML: second, Used: []string{"partner"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	s.c.Hosts[0].Dialect = filepath.Join(dir, "gone.yaml")
	if got, err := s.ownFormats(); err == nil || len(got) != 2 {
		t.Error("a file that is not there:", got, err)
	}
}
