package v4l2camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// files gives the JPEGs of a folder one after another, or one JPEG again and again. A file
// that is no JPEG is passed over: something may be writing it.
type files struct {
	path string
	max  int64

	mu   sync.Mutex
	last string
}

var errNoPicture = errors.New("there is no JPEG picture")

// list are the names, in order.
func (f *files) list() ([]string, error) {
	fi, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return []string{f.path}, nil
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if ext := strings.ToLower(filepath.Ext(e.Name())); ext == ".jpg" || ext == ".jpeg" {
			out = append(out, filepath.Join(f.path, e.Name()))
		}
	}
	if len(out) == 0 {
		return nil, errNoPicture
	}
	return out, nil
}

func (f *files) ready() error { _, err := f.list(); return err }

func (f *files) take(context.Context) ([]byte, error) {
	all, err := f.list()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(all, func(s string) bool { return s > f.last })
	for i := range all {
		name := all[(max(at, 0)+i)%len(all)]
		if b, err := f.read(name); err == nil {
			f.last = name
			return b, nil
		}
	}
	return nil, errNoPicture
}

func (f *files) read(name string) ([]byte, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if fi.Size() > f.max {
		return nil, fmt.Errorf("%s is larger than maxBytes", filepath.Base(name))
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return b, whole(b)
}

// whole checks that b is a JPEG from its head to its end mark.
func whole(b []byte) error {
	if _, err := jpeg.DecodeConfig(bytes.NewReader(b)); err != nil {
		return err
	}
	if !bytes.HasSuffix(bytes.TrimRight(b, "\x00"), []byte{0xFF, 0xD9}) {
		return errors.New("the picture has no end")
	}
	return nil
}
