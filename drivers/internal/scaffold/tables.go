package scaffold

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// table is a Go file that gets a row.
type table struct {
	file    string
	imports []string
	// at finds where the row goes; row is the text.
	at  func(*ast.File) token.Pos
	row string
}

// tables adds the rows of a new model to the files that list the models.
func tables(root string, n names, files map[string][]byte) (changed []string, err error) {
	rows := []table{
		{"drivers/models/catalogue.go", []string{"zhigui/drivers/models/" + n.Pkg}, endOfList("All"), n.Pkg + ".Model,\n"},
		{"sim/device/catalogue.go", []string{"zhigui/sim/device/" + n.Sim}, endOfList("catalogue"),
			fmt.Sprintf("row(%q, %q, 9600, func(c Config) *%s.Config { return c.%s },\nfunc(c Config, s %[3]s.Config) (*%[3]s.Model, error) { return %[3]s.New(c.StateDir, s) }),\n", n.Sim, n.ID, n.Sim, n.Field)},
		{"sim/device/config.go", []string{"zhigui/sim/device/" + n.Sim}, fieldOf("Config", "Clock"),
			fmt.Sprintf("%s *%s.Config `yaml:%q json:%q`\n", n.Field, n.Sim, n.Pkg, n.Pkg+",omitempty")},
		{"drivers/conformance/models_test.go", []string{"zhigui/drivers/models/" + n.Pkg}, endOfFile, conformance(n)},
	}
	if n.Typed != "" {
		rows[3].imports = append(rows[3].imports, "zhigui/drivers/api/"+n.Typed)
	}
	for _, t := range rows {
		b, err := os.ReadFile(filepath.Join(root, t.file))
		if err != nil {
			return nil, err
		}
		if files[t.file], err = t.add(b); err != nil {
			return nil, fmt.Errorf("%s: %w", t.file, err)
		}
		changed = append(changed, t.file)
	}
	return changed, nil
}

// conformance is the test of the new model.
func conformance(n names) string {
	profile, pkg := `"pollMs": 40, "replyMs": 200`, n.Typed
	bad, harmless, wait := pkg+".CmdRead", pkg+".CmdReset", fmt.Sprintf("Wait: conformance.Request{Name: %s.CmdRead}, Began: %[1]s.EvPresent", pkg)
	switch n.Kind {
	case "card":
		bad, wait = "card.CmdMove", "Wait: conformance.Request{Name: card.CmdReadRawData, Payload: card.ReadRawData{Track2: true}}, Began: card.EvInsertCard"
	case "paper":
		bad, wait = "printer.CmdPrintReceipt", ""
	case "thing":
		bad, harmless, wait = n.Pkg+".CmdRead", n.Pkg+".CmdReset", fmt.Sprintf("Wait: conformance.Request{Name: %s.CmdRead}, Began: %[1]s.EvAsk", n.Pkg)
	}
	if n.Waits() {
		profile += `, "findMs": 20`
	}
	out := fmt.Sprintf("\nfunc TestThe%sConforms(t *testing.T) {\nconformance.Run(t, conformance.Options{BadPayload: %s, Model: %s.Model, Device: on(%q),\nProfile: map[string]any{%s},\nHarmless: conformance.Request{Name: %s, Payload: map[string]any{}}",
		n.Title, bad, n.Pkg, n.Sim, profile, harmless)
	if wait != "" {
		out += ",\n" + wait
	}
	return out + "})\n}\n"
}

// add puts the row and the imports into the file.
func (t table) add(src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, t.file, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	taken := map[string]string{}
	for _, i := range f.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		taken[path.Base(p)] = p
		if i.Name != nil {
			taken[i.Name.Name] = p
		}
	}
	pos := t.at(f)
	if pos == token.NoPos || len(f.Imports) == 0 {
		return nil, fmt.Errorf("the table is not where it was: add the row by hand (%s)", strings.TrimSpace(t.row))
	}
	first := ""
	for _, imp := range t.imports {
		name := path.Base(imp)
		if taken[name] == imp {
			continue
		}
		if taken[name] != "" || f.Scope.Lookup(name) != nil {
			return nil, fmt.Errorf("the name %q is taken there: choose another model name", name)
		}
		first += fmt.Sprintf("%q\n", imp)
	}
	last := f.Imports[len(f.Imports)-1].Pos() // the block of the module's own
	at, head := fset.Position(pos).Offset, fset.Position(last).Offset
	out := string(src[:head]) + first + string(src[head:at]) + t.row + string(src[at:])
	return format.Source([]byte(out))
}

// endOfList finds the end of the list of a variable, or of the one that a function returns.
func endOfList(name string) func(*ast.File) token.Pos {
	return func(f *ast.File) (pos token.Pos) {
		o := f.Scope.Lookup(name)
		if o == nil {
			return token.NoPos
		}
		node, ok := o.Decl.(ast.Node)
		if !ok {
			return token.NoPos
		}
		ast.Inspect(node, func(n ast.Node) bool {
			if l, is := n.(*ast.CompositeLit); is && pos == token.NoPos {
				pos = l.Rbrace
			}
			return pos == token.NoPos
		})
		return pos
	}
}

// fieldOf finds the place before a field of a struct.
func fieldOf(name, field string) func(*ast.File) token.Pos {
	return func(f *ast.File) (pos token.Pos) {
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSpec)
			if !ok || s.Name.Name != name {
				return true
			}
			if st, ok := s.Type.(*ast.StructType); ok {
				for _, x := range st.Fields.List {
					if len(x.Names) == 1 && x.Names[0].Name == field {
						pos = x.Pos()
					}
				}
			}
			return false
		})
		return pos
	}
}

func endOfFile(f *ast.File) token.Pos { return f.FileEnd }
