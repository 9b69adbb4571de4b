// Package durable makes small files that are whole or not there, whatever ends the process or the power: keys and
// names that nothing brings back. hsm and server/cmd use it.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Create makes a file with mode 0600. One that is there stays as it is: fs.ErrExist.
func Create(name string, content []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, filepath.Base(name)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), name) // of two that make it at once one does
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
