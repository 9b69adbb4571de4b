package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zhigui/server/api/message/format"
	"zhigui/server/internal/mgmt"
)

// draftDir is where the console keeps drafts of message formats.
func (s *services) draftDir() (string, error) {
	return filepath.Abs(filepath.Join(s.c.Data, "formats"))
}

// ownFormats are the formats that the configuration loads from files, each file once. Two files that have the same
// name inside are told apart by a number. With an error come those that could be loaded.
func (s *services) ownFormats() (out []mgmt.OwnFormat, err error) {
	at, names := map[string]int{}, map[string]int{}
	add := func(key, of, name string) error {
		if !strings.HasSuffix(name, ".yaml") {
			return nil
		}
		path, err := filepath.Abs(name)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if i, ok := at[path]; ok {
			out[i].Used = append(out[i].Used, of)
			return nil
		}
		d, err := format.LoadFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		x := mgmt.OwnFormat{Name: d.Name, Path: path, YAML: string(text), Used: []string{of}}
		if names[d.Name]++; names[d.Name] > 1 {
			x.Name = fmt.Sprintf("%s (%d)", d.Name, names[d.Name])
		}
		at[path] = len(out)
		out = append(out, x)
		return nil
	}
	for i, h := range s.c.Hosts {
		err = errors.Join(err, add(fmt.Sprintf("hosts[%d].dialect", i), h.Name, h.Dialect))
	}
	for i, ch := range s.c.Channels {
		err = errors.Join(err, add(fmt.Sprintf("channels[%d].dialect", i), ch.Name, ch.Dialect))
	}
	return out, err
}
