// Package archtest proves the shape of the house: who may import whom, that every
// package says what it is for, that files stay small, and that Wails, go-plugin and the
// SQL drivers stay where they belong. Nothing imports it; it runs with the tests.
package archtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"os"
)

const module = "zhigui"

type pkg struct {
	ImportPath string
	Dir        string
	Name       string
	Doc        string
	Imports    []string
	GoFiles    []string
	CgoFiles   []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,Doc,Imports,GoFiles,CgoFiles", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	var all []pkg
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

// rule allows the packages that match From to import, of this module, only what
// matches one of To (and themselves). The first rule that matches a package decides.
type rule struct {
	From string
	To   []string
}

// The import matrix of production code, most specific first. Contracts look only left:
// drivers/api ← terminal/api ← keeper/api ← server/api.
var matrix = []rule{
	{`^drivers/api(/|$)`, []string{`^drivers/api/?`}},
	{`^drivers/wire`, []string{`^drivers/api`}},
	{`^drivers/(sdk|host)(/|$)`, []string{`^drivers/(api|wire)`, `^drivers/(sdk|host)/internal`}},
	{`^drivers/conformance`, []string{`^drivers/(api|host|sdk|conformance)`}},
	{`^drivers/models`, []string{`^drivers/(api|sdk|models|internal)`}},
	{`^drivers/internal`, []string{`^drivers/(api|sdk|internal)`}},
	{`^drivers/cmd`, []string{`^drivers/`}},
	{`^terminal/api`, []string{`^drivers/api`, `^terminal/api`}},
	{`^terminal(/|$)`, []string{`^drivers/(api|host)`, `^terminal/`, `^keeper/api`, `^server/api`}},
	{`^keeper/api`, []string{`^drivers/api`, `^terminal/api`, `^keeper/api`}},
	{`^keeper/`, []string{`^drivers/api`, `^terminal/api`, `^keeper/`, `^server/api`}},
	{`^server/api`, []string{`^drivers/api`, `^terminal/api`, `^keeper/api`, `^server/api`}},
	{`^server/`, []string{`^drivers/api`, `^terminal/api`, `^keeper/api`, `^server/`}},
	{`^sim/`, []string{`^(drivers|terminal|keeper|server)/api`, `^drivers/(sdk|conformance)`, `^sim/`}},
	{`^bench/`, []string{`.*`}},
	{`^deploy/`, []string{`/api`, `^deploy/`}},
}

// contained names third-party packages that may be imported only by the matching
// packages of ours.
var contained = []struct{ Import, By string }{
	{`^github\.com/wailsapp/wails`, `^terminal$`},
	{`^github\.com/hashicorp/go-plugin`, `^drivers/(sdk|host|wire)(/|$)`},
	{`^(modernc\.org/sqlite|github\.com/go-sql-driver/mysql|github\.com/jackc/pgx)`, `^(server/internal/store|sim/dbserver)(/|$)`},
	{`^github\.com/redis/go-redis`, `^server/internal/cache$`},
	{`^go\.bug\.st/serial`, `^drivers/(internal|cmd)/`},
	{`^github\.com/moov-io/iso8583`, `^sim/`},
	{`^github\.com/tjfoc/gmsm`, `^(sim|server/internal/link)(/|$)`}, // elsewhere its SM4 blocks are a trap; only it has TLCP
}

func TestPackagesImportOnlyWhatTheMatrixAllows(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		var to []string
		matched := false
		for _, r := range matrix {
			if regexp.MustCompile(r.From).MatchString(from) {
				to, matched = r.To, true
				break
			}
		}
		if !matched {
			t.Errorf("%s is in no room of the house: add a rule or move it", from)
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module+"/"); ok {
				if !any(to, ours) {
					t.Errorf("%s must not import %s", from, ours)
				}
				continue
			}
			for _, c := range contained {
				if regexp.MustCompile(c.Import).MatchString(imp) && !regexp.MustCompile(c.By).MatchString(from) {
					t.Errorf("%s imports %s, which only %s may", from, imp, c.By)
				}
			}
		}
	}
}

// What is inside a device is behind its line: a driver opens a serial port and imports nothing of a device, nor any other way
// to one. Those for which the line is not serial are named.
//
// req: D-10
func TestADriverReachesItsDeviceByItsLineOnly(t *testing.T) {
	ways := regexp.MustCompile(`^(C|net|net/.*|os/exec|plugin|syscall|unsafe|zhigui/(sim|server|terminal|keeper)/.*)$|^[a-z]+\.[a-z]+/`)
	letters := regexp.MustCompile(`^(golang\.org/x/text/|rsc\.io/qr$)`)
	other := map[string]string{"pcsc": "a service", "v4l2camera": "the kernel's camera", "xfs4iot": "a maker's service", "xfs3x": "a maker's library"}
	serial := 0
	for _, p := range packages(t) {
		model, ok := strings.CutPrefix(p.ImportPath, module+"/drivers/models/")
		if !ok || other[strings.Split(model, "/")[0]] != "" {
			continue
		}
		for _, imp := range p.Imports {
			if ways.MatchString(imp) && !letters.MatchString(imp) {
				t.Errorf("%s imports %s", model, imp)
			}
			if imp == module+"/drivers/internal/serialport" {
				serial++
			}
		}
	}
	if serial < 10 {
		t.Errorf("only %d drivers open a serial port", serial)
	}
}

func TestDriverContractImportsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if !strings.HasPrefix(p.ImportPath, module+"/drivers/api") {
			continue
		}
		for _, imp := range p.Imports {
			if strings.Contains(strings.Split(imp, "/")[0], ".") {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles)+len(p.CgoFiles) == 0 {
			continue // tests only
		}
		want := "Package " + p.Name
		if p.Name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: package comment must begin with %q", p.ImportPath, want)
		}
	}
}

func TestFilesStaySmall(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "node_modules", "dist", "bin", "run":
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(path) {
		case ".go", ".ts", ".vue":
		default:
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines, generated := 0, false
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			lines++
			if lines < 10 && strings.Contains(sc.Text(), "DO NOT EDIT") {
				generated = true
			}
		}
		if lines > 800 && !generated {
			t.Errorf("%s has %d lines (the limit is 800)", strings.TrimPrefix(path, root+"/"), lines)
		}
		return sc.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func any(patterns []string, s string) bool {
	for _, p := range patterns {
		if regexp.MustCompile(p).MatchString(s) {
			return true
		}
	}
	return false
}
