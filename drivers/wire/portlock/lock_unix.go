//go:build unix

// Package portlock makes sure that one process has a port: a lock file that host and driver
// agree on, named after the port, held by the driver process, with its process id in it.
// Imported by drivers/sdk (locks), drivers/host (looks for a driver that an earlier host left
// behind) and drivers/cmd.
package portlock

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Lock is held by the driver process that has the port open. The port's own exclusive
// mode does not bind root and is lost when a second process closes it, so the lock is a
// file of ours, named after the port, with the owner's process id in it.
type Lock struct{ f *os.File }

// Path is the lock file of a port; both spellings of one path give one file.
func Path(port string) string {
	if abs, err := filepath.Abs(port); err == nil {
		port = abs
	}
	sum := sha256.Sum256([]byte(port))
	return filepath.Join(lockDir(), "zhigui-port-"+hex.EncodeToString(sum[:8])+".lock")
}

func lockDir() string {
	const dir = "/run/lock"
	if syscall.Access(dir, 2) == nil {
		return dir
	}
	return os.TempDir()
}

// Owner is the process id in the port's lock file, 0 if none; it says who had the port
// last, not that it still has it.
func Owner(port string) int {
	b, err := os.ReadFile(Path(port))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// Take locks the port for this process or says who has it.
func Take(port string) (*Lock, error) {
	path := Path(port)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, fmt.Errorf("port lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		b, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("port %s is in use by process %s", port, strings.TrimSpace(string(b)))
		}
		return nil, fmt.Errorf("port lock: %w", err)
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("port lock: %w", err)
		}
	}
	return &Lock{f: f}, nil
}

// Release gives the port up.
func (l *Lock) Release() {
	if l != nil && l.f != nil {
		l.f.Close()
		l.f = nil
	}
}
