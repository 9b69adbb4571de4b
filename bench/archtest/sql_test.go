package archtest

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// statement is the begin of one of SQL; definition, of one that makes tables.
var (
	statement  = regexp.MustCompile(`(?i)^\s*(SELECT\s.+\sFROM\s|SELECT\s+\w+\(|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|REPLACE\s+INTO\s|WITH\s+\w+\s+AS\s*\()`)
	definition = regexp.MustCompile(`(?i)\b(CREATE|ALTER|DROP)\s+(UNIQUE\s+)?(TABLE|INDEX)\s`)
	machine    = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)
)

// isGenerated tells whether a program wrote a file.
func isGenerated(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // reading
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for n := 0; sc.Scan() && n < 12; n++ {
		if machine.MatchString(sc.Text()) {
			return true
		}
	}
	return false
}

// SQL is written by hand, in the store and nowhere else, and no program writes any: what programs write is known by name, lies
// apart, is made again from its source (server/api/code/gen compares it in its own test), and has no SQL. Tables are
// defined in one place, as data, from which the statements are made when the server starts.
//
// req: DB-21
func TestSQLIsWrittenByHandInTheStoreAndWhatIsGeneratedHasNone(t *testing.T) {
	generated := []string{"drivers/wire/driver.pb.go", "drivers/wire/driver_grpc.pb.go", "server/api/code/codes.gen.go"}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	written, defined := 0, 0
	var made []string
	for _, p := range packages(t) {
		for _, name := range append(slices.Clone(p.GoFiles), p.CgoFiles...) {
			file := filepath.Join(p.Dir, name)
			at := strings.TrimPrefix(file, root+"/")
			inStore := strings.HasPrefix(at, "server/internal/store/")
			if isGenerated(t, file) {
				made = append(made, at)
				if !slices.Contains(generated, at) {
					t.Errorf("%s is generated: say by what, and how it is known to be in step", at)
				}
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && !inStore && !strings.HasPrefix(at, "sim/dbserver/") {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "sql" && !strings.HasPrefix(s.Sel.Name, "Null") {
						t.Errorf("%s uses sql.%s: only the store speaks to a database", at, s.Sel.Name)
					}
				}
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				switch {
				case err != nil:
				case definition.MatchString(text):
					if defined++; !inStore {
						t.Errorf("%s defines a table: %.60q", at, text)
					}
				case statement.MatchString(text):
					written++
					if !inStore || isGenerated(t, file) {
						t.Errorf("%s has SQL: %.60q", at, text)
					}
				}
				return true
			})
		}
	}
	slices.Sort(made)
	if !slices.Equal(made, generated) {
		t.Errorf("generated are %v, known %v", made, generated)
	}
	if written < 100 || defined < 2 {
		t.Errorf("only %d statements and %d definitions were seen", written, defined)
	}
	if files, _ := filepath.Glob(filepath.Join(root, "server/internal/store", "*.sql")); len(files) > 0 {
		t.Errorf("%v beside the tables that are data", files)
	}
}
