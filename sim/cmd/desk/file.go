package main

import (
	"flag"
	"fmt"
	"os"
	"slices"

	"github.com/goccy/go-yaml"
)

// fromFile sets the flags that a scene file names; those of the command line stay.
func fromFile(fl *flag.FlagSet, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var values yaml.MapSlice
	if err := yaml.Unmarshal(b, &values); err != nil {
		return fmt.Errorf("%s:%s", path, yaml.FormatError(err, false, true))
	}
	var given []string
	fl.Visit(func(f *flag.Flag) { given = append(given, f.Name) })
	for _, v := range values {
		name := fmt.Sprint(v.Key)
		if fl.Lookup(name) == nil || name == "file" {
			return fmt.Errorf("%s: there is no %q; desk -h lists what there is", path, name)
		}
		if slices.Contains(given, name) {
			continue
		}
		list, ok := v.Value.([]any)
		if !ok {
			list = []any{v.Value}
		}
		for _, one := range list {
			if err := fl.Set(name, fmt.Sprint(one)); err != nil {
				return fmt.Errorf("%s: %s: %w", path, name, err)
			}
		}
	}
	return nil
}
