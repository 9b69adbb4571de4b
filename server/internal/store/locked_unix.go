//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"zhigui/server/internal/store/schema"
)

// lockedBy names the roles of servers of another version that have a SQLite file open.
func lockedBy(file string) (roles []string) {
	names, _ := filepath.Glob(LockName(escaped(file), "*"))
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) && !thisVersion(f) {
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

// thisVersion tells whether the program that has locked f is built for the schema that this one is.
func thisVersion(f *os.File) bool {
	b := make([]byte, 16)
	n, _ := f.ReadAt(b, 0)
	return string(b[:n]) == strconv.Itoa(schema.Version())
}
