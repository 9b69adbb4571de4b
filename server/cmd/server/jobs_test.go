package main

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Of several servers with one database one does a job, if it asks for it: a job that nobody asks for is done by none.
func TestEveryJobIsAskedFor(t *testing.T) {
	jobs := jobsOf(map[string]bool{"trade": true, "access": true, "manage": true})
	name, n := regexp.MustCompile(`= "(job\.[a-z]+)"`), 0
	for _, root := range []string{".", "../../internal"} {
		err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := fs.ReadFile(os.DirFS(root), path)
			for _, m := range name.FindAllStringSubmatch(string(b), -1) {
				if n++; !slices.Contains(jobs, m[1]) {
					t.Errorf("%s: nobody asks for %s", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n != len(jobs) {
		t.Errorf("%d jobs were found, %v are asked for", n, jobs)
	}
}
