//go:build failpoint

package platform

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	ej "zhigui/terminal/api/journal"
)

// failpoint lets the kill tests act at an exact state: when a record of the named kind is
// durable, the file's one line is carried out ("INTENT 9 self", "MOTION 19 4711",
// "PRESENTED post http://…") and removed; "HOST_INTENT:2 9 self" is for the second one. It exists only in builds with the tag failpoint.
func (p *Platform) failpoint(r ej.Record) {
	file := filepath.Join(p.cfg.Run, "failpoint")
	b, err := os.ReadFile(file)
	if err != nil {
		return
	}
	f := strings.Fields(string(b))
	if len(f) != 3 {
		return
	}
	kind, again, counted := strings.Cut(f[0], ":")
	if kind != string(r.Kind) {
		return
	}
	if counted && again != "1" {
		n, _ := strconv.Atoi(again)
		_ = os.WriteFile(file, fmt.Appendf(nil, "%s:%d %s %s", kind, n-1, f[1], f[2]), 0o600)
		return
	}
	_ = os.Remove(file)
	if f[1] == "post" {
		if resp, err := http.Post(f[2], "application/json", strings.NewReader("{}")); err == nil {
			resp.Body.Close()
		}
		return
	}
	sig, _ := strconv.Atoi(f[1])
	pid := os.Getpid()
	if f[2] != "self" {
		pid, _ = strconv.Atoi(f[2])
	}
	if pid > 1 {
		_ = syscall.Kill(pid, syscall.Signal(sig))
	}
}
