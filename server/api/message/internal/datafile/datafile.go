// Package datafile reads dialect files strictly: an unknown key is an error, and each error
// names file, line and column. For the packages under server/api/message only.
package datafile

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"zhigui/server/api/datafile"
)

// At makes an error at the place of a YAML path of the file, for instance $.table[3].type.
type At func(yamlPath, format string, args ...any) error

// Read decodes the file path of fsys into v, which must take every key of it.
func Read(fsys fs.FS, path string, v any) (At, error) {
	data, err := read(fsys, path)
	if err != nil {
		return nil, err
	}
	if err := datafile.Decode(path, data, v); err != nil {
		return nil, err
	}
	return func(yamlPath, format string, args ...any) error {
		return datafile.Wrong(path, data, strings.TrimPrefix(yamlPath, "$."), format, args...)
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
	return data, harmless(path, data)
}

// harmless refuses what would make a small file large or deep: anchors and aliases, of which ten lines
// grow into billions of values, and nesting that no dialect has.
func harmless(path string, data []byte) error {
	if at := bytes.IndexFunc(data, func(r rune) bool { return r == 0 || r == '\t' || r == 0xFFFD }); at >= 0 {
		return refusal(path, data, at, "a tab, a zero or bytes that are not UTF-8")
	}
	depth, line := 0, 0
	for i, c := range data {
		switch c {
		case '[', '{':
			if depth++; depth > MaxDepth {
				return refusal(path, data, i, "too deep")
			}
		case ']', '}':
			depth = max(0, depth-1)
		case '\n':
			line = i + 1
		case '-', '?', ':', ' ':
			if i-line > MaxDepth*8 && len(bytes.Trim(data[line:i+1], "-?: ")) == 0 {
				return refusal(path, data, i, "too deep")
			}
		}
	}
	if !bytes.ContainsAny(data, "&*") {
		return nil
	}
	for _, t := range lexer.Tokenize(string(data)) {
		if t.Type == token.AnchorType || t.Type == token.AliasType {
			return fmt.Errorf("%s:%d:%d: anchors and aliases are not used in dialect files", path, t.Position.Line, t.Position.Column)
		}
	}
	return nil
}

// MaxDepth is the deepest nesting of a dialect file.
const MaxDepth = 32

func refusal(path string, data []byte, at int, why string) error {
	line := bytes.Count(data[:at], []byte("\n")) + 1
	return fmt.Errorf("%s:%d:%d: %s", path, line, at-bytes.LastIndexByte(data[:at], '\n'), why)
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
	defer func() { _ = recover() }() // the library panics on garbage: Read says where
	_ = yaml.Unmarshal(data, &k)
	return k.Kind, nil
}
