// Package blob keeps documents that are too big or too private for the database: each under its
// digest, written once, sealed at rest. access and mgmt use it.
package blob

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// ErrNotFound: there is no such blob.
var ErrNotFound = errors.New("blob: not found")

// Store of blobs. A name is a digest in hexadecimal; it is the same content for ever.
type Store interface {
	// Put keeps a content durably; the same name again changes nothing.
	Put(name string, content []byte) error
	Get(name string) ([]byte, error)
}

var names = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Folder is a Store in a folder of the file system.
type Folder string

func (f Folder) path(name string) (string, error) {
	if !names.MatchString(name) {
		return "", fmt.Errorf("blob: %q is no digest", name)
	}
	return filepath.Join(string(f), name[:2], name), nil
}

// Put implements Store: a new file, fsync, rename, fsync of the folders.
func (f Folder) Put(name string, content []byte) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return errors.Join(flush(dir), flush(string(f)))
}

func flush(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Get implements Store.
func (f Folder) Get(name string) ([]byte, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotFound
	}
	return b, err
}

// Sealer seals and opens; a hsm.Vault does.
type Sealer interface {
	Seal(dst, plain, aad []byte) []byte
	Open(dst, sealed, aad []byte) ([]byte, error)
}

// Sealed is a Store whose contents nobody reads without the Sealer's key.
type Sealed struct {
	Store
	Sealer Sealer
}

// Put implements Store.
func (s Sealed) Put(name string, content []byte) error {
	return s.Store.Put(name, s.Sealer.Seal(nil, content, []byte("blob "+name)))
}

// Get implements Store.
func (s Sealed) Get(name string) ([]byte, error) {
	b, err := s.Store.Get(name)
	if err != nil {
		return nil, err
	}
	return s.Sealer.Open(nil, b, []byte("blob "+name))
}
