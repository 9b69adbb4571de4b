package mgmt_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "zhigui/server/api/mgmt"
)

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sum(text string) string {
	d := sha256.Sum256([]byte(text))
	return hex.EncodeToString(d[:])
}

func TestTheServersOwnFormatsAreOpenedAsTheyRun(t *testing.T) {
	r := newRig(t)
	olga := r.as("olga")
	if err := os.WriteFile(filepath.Join(r.dir, "acme.yaml"), []byte("changed since the start"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got api.FormatText
	if st, _ := olga.do("GET", "/formats/bookacme?from=server", nil, &got); st != 200 {
		t.Fatal(st)
	}
	want := api.FormatText{Format: api.Format{Name: "bookacme", From: "server", Path: filepath.Join(r.dir, "acme.yaml"), Used: []string{"core"}}, YAML: acme, Digest: sum(acme)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, path := range []string{"/formats/bookacme", "/formats/bookacme?from=draft", "/formats/pos64?from=server", "/formats/..%2Facme?from=draft", "/formats/unknown?from=server"} {
		if st, _ := olga.do("GET", path, nil, nil); st != 404 {
			t.Errorf("%s: %d", path, st)
		}
	}
}

// A draft is stored by an administrator, opened by head office, and changed by whoever knows what is there. What runs stays.
func TestADraftIsStoredOpenedAndChanged(t *testing.T) {
	r := newRig(t)
	root, olga := r.as("root"), r.as("olga")
	first, second := strings.Replace(acme, "max: 512", "max: 600", 1), strings.Replace(acme, "max: 512", "max: 700", 1)
	var v, back api.FormatText
	if st, code := root.do("PUT", "/formats/bookacme", api.FormatDraft{YAML: first}, &v); st != 200 || v.From != "draft" || v.Digest != sum(first) || v.Path != filepath.Join(r.dir, "formats", "bookacme.yaml") {
		t.Fatal(st, code, v)
	}
	if st, _ := olga.do("GET", "/formats/bookacme?from=draft", nil, &back); st != 200 {
		t.Fatal(st)
	}
	if d := cmp.Diff(v, back); d != "" {
		t.Error(d)
	}
	if st, _ := root.do("PUT", "/formats/bookacme", api.FormatDraft{YAML: first, Before: sum(first)}, nil); st != 200 { // again: nothing changes
		t.Error(st)
	}
	if st, code := root.do("PUT", "/formats/bookacme", api.FormatDraft{YAML: second}, nil); st != 409 {
		t.Errorf("over one that was not seen: %d %s", st, code)
	}
	if st, _ := root.do("PUT", "/formats/bookacme", api.FormatDraft{YAML: second, Before: sum(first)}, &v); st != 200 {
		t.Error(st)
	}
	if b, err := os.ReadFile(v.Path); err != nil || string(b) != second {
		t.Errorf("%q %v", b, err)
	}
	if st, _ := olga.do("GET", "/formats/bookacme?from=server", nil, &back); st != 200 || back.YAML != acme {
		t.Errorf("what runs: %d %s", st, back.YAML)
	}
	var drafts []string
	var all []api.Format
	olga.do("GET", "/formats", nil, &all)
	for _, x := range all {
		if x.From == "draft" {
			drafts = append(drafts, x.Name)
		}
	}
	if d := cmp.Diff([]string{"bookacme"}, drafts); d != "" {
		t.Error(d)
	}
	for what, c := range map[string]struct {
		name, path string
		st         int
	}{
		"by an operator":           {"olga", "bookacme?before=" + sum(second), 403},
		"another than was seen":    {"root", "bookacme?before=" + sum(first), 409},
		"one that is not there":    {"root", "unknown?before=" + sum(first), 409},
		"without saying which":     {"root", "bookacme", 422},
		"another file of the disk": {"root", "..%2Facme?before=" + sum(acme), 404},
	} {
		if st, code := r.as(c.name).do("DELETE", "/formats/"+c.path, nil, nil); st != c.st {
			t.Errorf("deleted %s: %d %s", what, st, code)
		}
	}
	if b, err := os.ReadFile(v.Path); err != nil || string(b) != second {
		t.Errorf("%q %v", b, err)
	}
	if st, code := root.do("DELETE", "/formats/bookacme?before="+sum(second), nil, nil); st != 200 {
		t.Error(st, code)
	}
	if _, err := os.Stat(v.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still there:", err)
	}
	notes, err := r.st.AuditNotes(t.Context(), "format.draft", "bookacme")
	if d := cmp.Diff([]string{"SHA-256 " + sum(first) + ", new", "SHA-256 " + sum(second) + ", before " + sum(first), "deleted, before " + sum(second)}, notes); d != "" || err != nil {
		t.Error(err, d)
	}
}

func TestADraftThatMayNotBeIsRefused(t *testing.T) {
	r := newRig(t)
	named := func(name string) string { return strings.Replace(acme, "name: bookacme", "name: "+name, 1) }
	for name, c := range map[string]struct {
		who, path, yaml string
		st              int
		says            string
	}{
		"by an operator":                  {"olga", "bookacme", acme, 403, ""},
		"by an administrator of a branch": {"adam", "bookacme", acme, 403, ""},
		"by nobody":                       {"", "bookacme", acme, 401, ""},
		"with a fault":                    {"root", "bookacme", strings.Replace(acme, "type: an,", "type: any,", 1), 400, `"line":7,`},
		"with a fault in its YAML":        {"root", "bookacme", "kind: [", 400, `"line":1`},
		"under another name":              {"root", "other", acme, 400, ""},
		"out of the folder":               {"root", "..%2Facme", named(`"../acme"`), 400, ""},
		"out of the folder, absolute":     {"root", "%2Ftmp%2Facme", named("/tmp/acme"), 400, ""},
		"hidden":                          {"root", ".acme", named(".acme"), 400, ""},
		"with a name too long":            {"root", strings.Repeat("a", 41), named(strings.Repeat("a", 41)), 400, ""},
		"with a built-in name":            {"root", "corexml", named("corexml"), 400, ""},
		"in the place of what runs":       {"root", "running", named("running"), 400, ""},
	} {
		var data any
		if st, code := r.as(c.who).do("PUT", "/formats/"+c.path, api.FormatDraft{YAML: c.yaml}, &data); st != c.st || c.says != "" && !strings.Contains(text(t, data), c.says) {
			t.Errorf("%s: %d %s %s", name, st, code, text(t, data))
		}
	}
	if files, err := os.ReadDir(filepath.Join(r.dir, "formats")); len(files) != 0 {
		t.Error(files, err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "acme.yaml")); err != nil {
		t.Error(err)
	}
}
