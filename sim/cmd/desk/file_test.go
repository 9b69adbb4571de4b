package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/sim/scene"
)

// flags are those of desk, made by the same function.
func set(t *testing.T, args ...string) (*flag.FlagSet, *scene.Options) {
	t.Helper()
	o := &scene.Options{}
	fl := flag.NewFlagSet("desk", flag.ContinueOnError)
	define(fl, o, &[][]string{})
	if err := fl.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fl, o
}

func TestASceneFileStartsABranchAndTheCommandLineWins(t *testing.T) {
	fl, o := set(t, "-pad-over", "1")
	if err := fromFile(fl, "branch.yaml"); err != nil {
		t.Fatal(err)
	}
	if o.Dir != "run/branch" || len(o.Scenes) != 1 || o.Scenes[0] != "counter" || o.Acceptor != scene.Recycler || o.CashTime != 45*time.Second || o.PadOver != 1 {
		t.Errorf("%+v", o)
	}
}

func TestASceneFileThatIsWrongSaysWhere(t *testing.T) {
	for text, want := range map[string]string{"windw: no\n": `"windw"`, "fast: perhaps\n": "fast", "a: [\n": "[1:", "file: x\n": `"file"`} {
		path := filepath.Join(t.TempDir(), "b.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fl, _ := set(t)
		if err := fromFile(fl, path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
