package format

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"zhigui/server/api/message"
)

// own is the name of a text under Parse in errors.
const own = "format.yaml"

// BuiltinText returns the file of a dialect that comes with the platform.
func BuiltinText(name string) (string, error) {
	if !slices.Contains(Builtins(), name) {
		return "", fs.ErrNotExist
	}
	b, err := fs.ReadFile(overlay{}, name+".yaml")
	return string(b), err
}

// Parse loads a dialect from the text of a file, which may extend a built-in 8583 dialect. It reads
// nothing else. Errors begin with format.yaml:line:column.
func Parse(text []byte) (*Dialect, error) { return Load(overlay{text}, own) }

// LoadFile loads a dialect file. One of 8583 may extend a file beside it or, as for Parse, a built-in dialect.
func LoadFile(path string) (*Dialect, error) {
	name := filepath.Base(path)
	return Load(beside{os.DirFS(filepath.Dir(path)), name}, name)
}

// beside is a folder and, where it has no such file, the built-in dialects; the file itself must be there.
type beside struct {
	fs.FS
	file string
}

func (b beside) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if errors.Is(err, fs.ErrNotExist) && name != b.file {
		if own, none := (overlay{}).Open(name); none == nil {
			return own, nil
		}
	}
	return f, err
}

// overlay has the text and, beside it, the built-in dialects.
type overlay struct{ text []byte }

func (o overlay) Open(name string) (fs.File, error) {
	if slices.Contains(names, name[:max(0, len(name)-len(".yaml"))]) {
		return builtin.Open("dialects/" + name)
	}
	return message.BuiltinFile(name)
}

func (o overlay) ReadFile(name string) ([]byte, error) {
	if name == own {
		return o.text, nil
	}
	f, err := o.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	var b bytes.Buffer
	_, err = b.ReadFrom(f)
	return b.Bytes(), err
}

// ParseTransaction reads a transaction as people write it in JSON: bytes in hexadecimal, text in UTF-8.
func (d *Dialect) ParseTransaction(text []byte) (*Transaction, error) {
	t := NewTransaction("")
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(t); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one transaction")
	}
	if t.Values == nil {
		t.Values = map[string]string{}
	}
	for _, f := range d.fields {
		v, ok := t.Values[f.key]
		if !ok || f.Type != message.TypeB {
			continue
		}
		b, err := hex.DecodeString(v)
		if err != nil {
			return nil, d.wrong(f, "its bytes are written in hexadecimal")
		}
		t.Values[f.key] = string(b)
	}
	return t, nil
}

// KeyIn is the key of the transaction's value that an error of d is about, empty when it is about none.
func (d *Dialect) KeyIn(err error) string {
	var number *message.FieldError
	if errors.As(err, &number) && d.ISO() != nil {
		if f := d.ISO().Field(number.Field); f != nil && number.Field > 1 {
			return nameOf(f)
		}
		return typeKey
	}
	var named *Error
	if !errors.As(err, &named) || named.Field == "" {
		return ""
	}
	for _, f := range d.fields {
		if f.Name == named.Field {
			return f.key
		}
		for _, r := range f.Rows {
			if r.Name == named.Field {
				return r.key
			}
		}
	}
	return named.Field
}
