// Command trace reads the requirement list and the "// req: ID" marks in the tests and
// prints how many requirements of each group a test proves, and which none does.
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

var (
	row  = regexp.MustCompile(`(?m)^\| ([A-Z][A-Z0-9]{0,2})-(\d{2,3}) \|`)
	mark = regexp.MustCompile(`//\s*req:\s*([A-Z0-9, -]+)`)
	id   = regexp.MustCompile(`[A-Z][A-Z0-9]{0,2}-\d{2,3}`)
)

func main() {
	root := flag.String("root", ".", "the project's folder")
	missing := flag.Bool("missing", true, "list the ids that no test proves")
	flag.Parse()
	if err := run(*root, *missing); err != nil {
		fmt.Fprintln(os.Stderr, "trace:", err)
		os.Exit(1)
	}
}

func run(root string, missing bool) error {
	doc, err := os.ReadFile(filepath.Join(root, "docs/requirements.md"))
	if err != nil {
		return err
	}
	groups := map[string]map[string]bool{} // group → id → covered
	for _, m := range row.FindAllStringSubmatch(string(doc), -1) {
		if groups[m[1]] == nil {
			groups[m[1]] = map[string]bool{}
		}
		groups[m[1]][m[1]+"-"+m[2]] = false
	}
	unknown, err := marks(root, groups)
	if err != nil {
		return err
	}
	var names []string
	for g := range groups {
		names = append(names, g)
	}
	sort.Strings(names)
	total, covered := 0, 0
	for _, g := range names {
		var open []string
		done := 0
		for id, ok := range groups[g] {
			if ok {
				done++
			} else {
				open = append(open, id)
			}
		}
		sort.Strings(open)
		total += len(groups[g])
		covered += done
		fmt.Printf("%-3s %3d of %3d", g, done, len(groups[g]))
		if missing && len(open) > 0 {
			fmt.Printf("  open: %s", strings.Join(open, " "))
		}
		fmt.Println()
	}
	fmt.Printf("all %3d of %3d\n", covered, total)
	if len(unknown) > 0 {
		return fmt.Errorf("marks that name no requirement: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// marks sets the ids that a test names and returns the marks that name none.
func marks(root string, groups map[string]map[string]bool) ([]string, error) {
	var unknown []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
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
		if !isTest(path) {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range mark.FindAllStringSubmatch(string(src), -1) {
			for _, one := range id.FindAllString(m[1], -1) {
				g, _, _ := strings.Cut(one, "-")
				if _, ok := groups[g][one]; !ok {
					unknown = append(unknown, path+": "+one)
					continue
				}
				groups[g][one] = true
			}
		}
		return nil
	})
	return unknown, err
}

func isTest(path string) bool {
	for _, end := range []string{"_test.go", ".test.ts", ".spec.ts", ".test.js", ".test.mjs", ".e2e.ts", ".e2e.mjs"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}
