// Package durable makes small files that are whole or not there, whatever ends the process or the power: keys and
// names that nothing brings back, drafts of people. hsm, mgmt and server/cmd use it.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Create makes a file with mode 0600. One that is there stays as it is: fs.ErrExist.
func Create(name string, content []byte) error {
	return put(name, content, func(from string) error {
		return errors.Join(os.Link(from, name), os.Remove(from)) // of two that make it at once one does
	})
}

// Replace makes a file with mode 0600, in the place of the one that is there.
func Replace(name string, content []byte) error {
	return put(name, content, func(from string) error {
		err := os.Rename(from, name)
		if err != nil {
			err = errors.Join(err, os.Remove(from))
		}
		return err
	})
}

// put writes a file beside its place and lets move bring it there.
func put(name string, content []byte, move func(from string) error) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, filepath.Base(name)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := move(f.Name()); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
