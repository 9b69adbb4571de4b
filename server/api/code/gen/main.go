// Command gen writes the files that are generated from codes.json. Run it with go generate
// in server/api/code; its argument is the root of the repository.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "gen: the root of the repository is wanted")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	data, err := os.ReadFile(filepath.Join(root, "server/api/code/codes.json"))
	if err != nil {
		return err
	}
	var all []entry
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	if err := check(all); err != nil {
		return err
	}
	for path, text := range outputs(all) {
		p := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(p, text, 0o644); err != nil { //nolint:gosec // source text
			return err
		}
	}
	return nil
}
