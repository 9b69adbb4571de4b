// Package datafile reads YAML files of people strictly: an unknown key is an error, and each error names
// file, line and column. Whoever reads a configuration, a catalogue or a dialect imports it.
package datafile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Decode decodes data into v, which must take every key of it. path is the file's name in errors.
func Decode(path string, data []byte, v any) error {
	err := decode(data, v)
	var ye yaml.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ye) && ye.GetToken() != nil:
		p := ye.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, ye.GetMessage())
	}
	return fmt.Errorf("%s:1:1: %w", path, err)
}

// Wrong is an error at the place of a key of the file, for instance table[3].type; at the beginning when
// there is no such place.
func Wrong(path string, data []byte, key, format string, args ...any) error {
	line, col := 1, 1
	if n := node(data, key); n != nil && n.GetToken() != nil {
		line, col = n.GetToken().Position.Line, n.GetToken().Position.Column
	}
	return fmt.Errorf("%s:%d:%d: %s", path, line, col, fmt.Sprintf(format, args...))
}

// decode is the library's, whose panics on garbage are errors.
func decode(data []byte, v any) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("this is no YAML")
		}
	}()
	return yaml.UnmarshalWithOptions(data, v, yaml.Strict())
}

// node finds a place of the file, nil when there is none.
func node(data []byte, key string) (n ast.Node) {
	defer func() { _ = recover() }()
	p, err := yaml.PathString("$." + key)
	if err != nil {
		return nil
	}
	if n, err = p.ReadNode(bytes.NewReader(data)); err != nil {
		return nil
	}
	return n
}
