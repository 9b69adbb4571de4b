// Package flock lets one process have a folder or a file: a lock that the kernel gives back with the end of the
// process, however it ends. server/cmd, logfile and messagelog use it.
package flock

import (
	"errors"
	"fmt"
	"os"
)

// ErrHeld is a lock that another process has.
var ErrHeld = errors.New("another process has it")

// Take makes a file and locks it until it is closed.
func Take(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock: %s: %w", name, err), f.Close())
	}
	return f, nil
}
