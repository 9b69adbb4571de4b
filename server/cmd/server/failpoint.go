//go:build failpoint

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// failpoint lets the kill tests act at an exact state of a transaction: the one line of the
// file ("intent 9 self", "stored 19 4711": state, signal, process) is carried out and removed.
// "stored:2 9 self" is for the second time. It exists only in builds with the tag failpoint.
func failpoint(data string) func(string) {
	file := filepath.Join(data, "failpoint")
	return func(state string) {
		b, err := os.ReadFile(file)
		if err != nil {
			return
		}
		f := strings.Fields(string(b))
		if len(f) != 3 {
			return
		}
		name, again, counted := strings.Cut(f[0], ":")
		if name != state {
			return
		}
		if counted && again != "1" {
			n, _ := strconv.Atoi(again)
			_ = os.WriteFile(file, fmt.Appendf(nil, "%s:%d %s %s", name, n-1, f[1], f[2]), 0o600)
			return
		}
		_ = os.Remove(file)
		sig, _ := strconv.Atoi(f[1])
		pid := os.Getpid()
		if f[2] != "self" {
			pid, _ = strconv.Atoi(f[2])
		}
		if pid > 1 {
			_ = syscall.Kill(pid, syscall.Signal(sig))
		}
	}
}
