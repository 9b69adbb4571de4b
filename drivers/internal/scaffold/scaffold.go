// Package scaffold makes the beginning of a driver: driver, virtual device, their tests and
// the rows in the tables, from embedded templates with a small line protocol that works.
// Imported by drivers/cmd/driverctl only.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"zhigui/drivers/api"
)

//go:embed templates
var templates embed.FS

// kind is what a class of devices does, as far as the templates know.
type kind struct {
	Kind      string // card, code, paper, thing
	Typed     string // package of the typed payloads below drivers/api
	Const     string // of drivers/api
	ID        string // usual id of the virtual device
	Word      string // in errors
	Item      string
	Put, Take string // actions of a person
	Arg       string // of Put
	Example   string
}

var thing = kind{Kind: "thing", Word: "device", Item: "item", Put: "present", Take: "remove", Arg: "text", Example: "example"}

func (k kind) of(constant, id string) kind {
	k.Const, k.ID = constant, id
	return k
}

var classes = map[api.Class]kind{
	api.ClassCardReader: {Kind: "card", Typed: "card", Const: "ClassCardReader", ID: "card", Word: "card reader", Item: "card",
		Put: "insertCard", Take: "takeCard", Arg: "track2", Example: "6225880000000001=49121010000012300000"},
	api.ClassBarcodeReader: {Kind: "code", Typed: "barcode", Const: "ClassBarcodeReader", ID: "scanner", Word: "scanner", Item: "code",
		Put: "presentCode", Take: "removeCode", Arg: "code", Example: "6901234567892"},
	api.ClassPrinter: {Kind: "paper", Typed: "printer", Const: "ClassPrinter", ID: "printer", Word: "printer", Item: "paper",
		Put: "loadPaper", Take: "takePaper"},
	api.ClassCashDispenser: thing.of("ClassCashDispenser", "cash"),
	api.ClassPinPad:        thing.of("ClassPinPad", "pinpad"),
	api.ClassCashAcceptor:  thing.of("ClassCashAcceptor", "acceptor"),
	api.ClassCamera:        thing.of("ClassCamera", "camera"),
	api.ClassAuxiliaries:   thing.of("ClassAuxiliaries", "siu"),
	api.ClassBiometric:     thing.of("ClassBiometric", "finger"),
	api.ClassPower:         thing.of("ClassPower", "ups"),
	api.ClassIDCard:        thing.of("ClassIDCard", "idreader"),
	api.ClassSignature:     thing.of("ClassSignature", "signature"),
}

// Classes are the names that New takes.
func Classes() []string {
	out := []string{}
	for c := range classes {
		out = append(out, string(c))
	}
	slices.Sort(out)
	return out
}

// names is what the templates see.
type names struct {
	kind
	Maker, Model string // as given
	Pkg, Sim     string // folders below drivers/models and sim/device
	Title        string // exported identifier of both
	Field        string // of device.Config
	ClassName    string
}

// Class is the Go name of the class.
func (n names) Class() string { return "api." + n.Const }

// Moves tells whether the device moves card or paper.
func (n names) Moves() bool { return n.Kind == "card" || n.Kind == "paper" }

// Waits tells whether the device waits for a person.
func (n names) Waits() bool { return n.Kind != "paper" }

// Service begins the names of commands of a class without typed payloads.
func (n names) Service() string { return "X-" + n.Title }

// Actions are the virtual device's.
func (n names) Actions() []string {
	if n.Moves() {
		return []string{n.Put, n.Take, "clearJam"}
	}
	return []string{n.Put, n.Take}
}

// Made says what New has written, relative to the root.
type Made struct {
	Pkg, Sim string
	New      []string
	Changed  []string
}

// Root finds the module's folder above dir.
func Root(dir string) (string, error) {
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module zhigui\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("run it inside the project: no go.mod of module zhigui here or above")
		}
		dir = up
	}
}

// New writes a driver and its virtual device below root. Nothing is written if anything is
// wrong.
func New(root, class, maker, model string) (Made, error) {
	n, err := named(class, maker, model)
	if err != nil {
		return Made{}, err
	}
	m := Made{Pkg: n.Pkg, Sim: n.Sim}
	files := map[string][]byte{}
	for from, to := range map[string]string{"driver": "drivers/models/" + n.Pkg, "sim": "sim/device/" + n.Sim} {
		if _, err := os.Lstat(filepath.Join(root, to)); !errors.Is(err, fs.ErrNotExist) {
			return Made{}, fmt.Errorf("%s is there already: choose another model name, or remove it", to)
		}
		if err := render(from, to, n, files); err != nil {
			return Made{}, err
		}
	}
	if n.Kind == "card" { // a table for drivers/internal/motorcard in place of a driver of its own
		delete(files, "drivers/models/"+n.Pkg+"/commands.go")
		if err := render("card", "drivers/models/"+n.Pkg, n, files); err != nil {
			return Made{}, err
		}
	}
	m.New = slices.Sorted(maps.Keys(files))
	if m.Changed, err = tables(root, n, files); err != nil {
		return Made{}, err
	}
	for name, b := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return Made{}, err
		}
		if err := os.WriteFile(at, b, 0o644); err != nil {
			return Made{}, err
		}
	}
	return m, nil
}

// render fills the templates of one folder in.
func render(from, to string, n names, files map[string][]byte) error {
	list, err := fs.ReadDir(templates, "templates/"+from)
	if err != nil {
		return err
	}
	for _, e := range list {
		name := strings.TrimSuffix(e.Name(), ".tmpl")
		t, err := template.ParseFS(templates, path.Join("templates", from, e.Name()))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, n); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
		out := b.Bytes()
		if path.Ext(name) == ".go" {
			if out, err = format.Source(out); err != nil {
				return fmt.Errorf("%s: %w", e.Name(), err)
			}
		}
		if name == "sim_test.go" {
			name = n.Sim + "_test.go"
		}
		files[path.Join(to, name)] = out
	}
	return nil
}
