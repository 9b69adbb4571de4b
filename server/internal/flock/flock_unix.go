//go:build unix

package flock

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// Whoever only looks whether a lock is held has it for a moment.
const (
	tries = 50
	pause = 10 * time.Millisecond
)

func lock(f *os.File) error {
	for try := 1; ; try++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if try == tries {
			return ErrHeld
		}
		time.Sleep(pause)
	}
}
