package scaffold

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module copies what a driver needs of the project into a folder of the test.
func module(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	for _, part := range []string{"go.mod", "go.sum", "Makefile", "drivers", "sim/device", "sim/epp", "sim/cmd/simctl", "server/api/keyload", "server/api/paycrypto", "bench/cmd/conform"} {
		from := filepath.Join("../../..", part)
		err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel("../../..", name)
			if err != nil {
				return err
			}
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, rel), b, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// goEnv makes what is built in one copy of the project serve in the next one: with -trimpath the
// build cache does not ask in which folder a package lies. The programs are built as make build
// builds them.
func goEnv() []string { return append(os.Environ(), "GOFLAGS=-trimpath", "CGO_ENABLED=0") }

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, goEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// req: D-09
func TestWhatIsMadeCompilesConformsAndPassesItsTests(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles and runs four drivers")
	}
	t.Parallel()
	dir := module(t)
	pkgs := []string{}
	for _, d := range [][]string{{"cardReader", "Acme", "R100"}, {"barcodeReader", "Acme", "Eye"}, {"printer", "Acme", "P1"}, {"X-idCard", "Acme", "Box"}} {
		m, err := New(dir, d[0], d[1], d[2])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(m.New, "drivers/models/"+m.Pkg+"/README.md") || len(m.Changed) != 4 {
			t.Errorf("%+v", m)
		}
		pkgs = append(pkgs, "./drivers/models/"+m.Pkg, "./sim/device/"+m.Sim)
	}
	if out := run(t, dir, append([]string{"vet", "./drivers/models", "./sim/device", "./drivers/conformance"}, pkgs...)...); out != "" {
		t.Error(out)
	}
	gofmt := exec.Command("gofmt", "-l", "drivers", "sim")
	gofmt.Dir = dir
	if out, err := gofmt.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v %s", err, out)
	}
	run(t, dir, append([]string{"test"}, pkgs...)...)
	out := run(t, dir, "test", "-v", "-run", "TestTheAcme.*Conforms", "./drivers/conformance")
	for _, name := range []string{"acmer100", "acmeeye", "acmep1", "acmebox"} {
		if !strings.Contains(out, "/"+name+"/drained,_it_gives_the_port_up") {
			t.Errorf("%s did not run the rules", name)
		}
	}
}

func TestAWrongRequestIsRefusedAndNothingIsWritten(t *testing.T) {
	dir := module(t)
	before := files(t, dir)
	for _, tc := range []struct{ class, maker, model, want string }{
		{"toaster", "Acme", "T1", `class "toaster" is none of`},
		{"printer", "Ac me", "T1", `maker "Ac me": want a letter`},
		{"printer", "Acme", "9000", `model "9000": want a letter`},
		{"printer", "Acme", "../x", "want a letter"},
		{"printer", "Acme", "type", "means something in Go"},
		{"printer", "Acme", "gm65", "sim/device/gm65 is there already"},
		{"barcodeReader", "g", "m65", "drivers/models/gm65 is there already"},
		{"printer", "Acme", "slices", `the name "slices" is taken`},
	} {
		if _, err := New(dir, tc.class, tc.maker, tc.model); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v", tc, err)
		}
	}
	if after := files(t, dir); after != before {
		t.Error("files were written")
	}
}

// files is every name and size below dir.
func files(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, ierr := d.Info()
			if ierr != nil {
				return ierr
			}
			b.WriteString(name + " " + info.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheRootIsFoundFromBelowAndNowhereElse(t *testing.T) {
	if _, err := Root(mustAbs(t, ".")); err != nil {
		t.Error(err)
	}
	if _, err := Root(t.TempDir()); err == nil || !strings.Contains(err.Error(), "inside the project") {
		t.Error(err)
	}
}

func mustAbs(t *testing.T, p string) string {
	t.Helper()
	a, err := filepath.Abs(p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
