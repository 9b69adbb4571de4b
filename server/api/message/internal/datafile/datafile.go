// Package datafile reads dialect files strictly: an unknown key is an error, and each error
// names file, line and column. For the packages under server/api/message only.
package datafile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/goccy/go-yaml"
)

// At makes an error at the place of a YAML path of the file, for instance $.table[3].type.
type At func(yamlPath, format string, args ...any) error

// Read decodes the file path of fsys into v, which must take every key of it.
func Read(fsys fs.FS, path string, v any) (At, error) {
	data, err := read(fsys, path)
	if err != nil {
		return nil, err
	}
	if err := yaml.UnmarshalWithOptions(data, v, yaml.Strict()); err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			p := ye.GetToken().Position
			return nil, fmt.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, ye.GetMessage())
		}
		return nil, fmt.Errorf("%s:1:1: %w", path, err)
	}
	return func(yamlPath, format string, args ...any) error {
		line, col := 1, 1
		if p, err := yaml.PathString(yamlPath); err == nil {
			if n, err := p.ReadNode(bytes.NewReader(data)); err == nil && n.GetToken() != nil {
				line, col = n.GetToken().Position.Line, n.GetToken().Position.Column
			}
		}
		return fmt.Errorf("%s:%d:%d: %s", path, line, col, fmt.Sprintf(format, args...))
	}, nil
}

// Limit is the largest dialect file: a YAML reader's time grows faster than its input.
const Limit = 64 << 10

func read(fsys fs.FS, path string) ([]byte, error) {
	data, err := fs.ReadFile(fsys, path)
	if err != nil {
		return nil, fmt.Errorf("dialect: %w", err)
	}
	if len(data) > Limit {
		return nil, fmt.Errorf("%s:1:1: longer than %d bytes", path, Limit)
	}
	return data, nil
}

// Kind returns the kind a file names, empty when it names none, as an old 8583 file does.
func Kind(fsys fs.FS, path string) (string, error) {
	data, err := read(fsys, path)
	if err != nil {
		return "", err
	}
	var k struct {
		Kind string `yaml:"kind"`
	}
	if err := yaml.Unmarshal(data, &k); err != nil {
		return "", nil // Read says where
	}
	return k.Kind, nil
}
