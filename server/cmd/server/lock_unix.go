//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lock is held until the file is closed, at the latest by the end of the process.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
