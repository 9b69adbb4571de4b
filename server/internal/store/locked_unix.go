//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// LockName is the file that a server's role locks as long as it has a SQLite file open.
func LockName(file, role string) string { return file + "." + role + ".lock" }

// lockedBy names the roles of servers that have a SQLite file open.
func lockedBy(file string) (roles []string) {
	names, _ := filepath.Glob(LockName(escaped(file), "*"))
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
			role, _ := strings.CutPrefix(name, file+".")
			roles = append(roles, strings.TrimSuffix(role, ".lock"))
		}
		_ = f.Close() // ends the lock, where there is one
	}
	return roles
}

// escaped is a path in which a pattern means itself.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
