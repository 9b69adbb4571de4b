// Package datafile reads YAML files of people strictly: an unknown key is an error, and each error names
// file, line and column. Whoever reads a configuration, a catalogue or a dialect imports it.
package datafile

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

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
		return fmt.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, reason(ye))
	}
	return fmt.Errorf("%s:1:1: %w", path, err)
}

// reason is what is wrong, in the words of the file and not of Go.
func reason(ye yaml.Error) string {
	var node *yaml.UnexpectedNodeTypeError
	if errors.As(ye, &node) {
		switch node.Expected {
		case ast.SequenceType:
			return "want a list"
		case ast.MappingType:
			return "want keys with values"
		}
	}
	var te *yaml.TypeError
	if !errors.As(ye, &te) || te.DstType == nil {
		return ye.GetMessage()
	}
	t := te.DstType
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch k := t.Kind(); {
	case t == reflect.TypeFor[time.Duration]():
		return "want a time with its unit, such as 500ms, 10s or 2m"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "want a whole number"
	case k == reflect.Bool:
		return "want true or false"
	case k == reflect.String:
		return "want a text"
	case k == reflect.Slice:
		return "want a list"
	case k == reflect.Struct || k == reflect.Map:
		return "want keys with values"
	}
	return ye.GetMessage()
}

// Wrong is an error at the place of a key of the file, for instance table[3].type; where that is not
// there, at what should have it, and at the beginning when that is not there, either.
func Wrong(path string, data []byte, key, format string, args ...any) error {
	line, col := 1, 1
	for key != "" {
		if n := node(data, key); n != nil && n.GetToken() != nil {
			line, col = n.GetToken().Position.Line, n.GetToken().Position.Column
			break
		}
		key = key[:max(0, strings.LastIndexByte(key, '.'))]
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
