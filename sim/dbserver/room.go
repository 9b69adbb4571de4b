package dbserver

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// NoRoom lets no file of the server grow beyond the size that the largest has now, as a full disk would: the
// limit of file sizes of its processes, which needs no privilege. Writes beyond it fail with "file too large".
func (s *Server) NoRoom() error {
	most := int64(0)
	err := filepath.WalkDir(filepath.Join(s.Dir, "data"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a file that goes while we look
		}
		if i, err := d.Info(); err == nil {
			most = max(most, i.Size())
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("dbserver: %w", err)
	}
	return s.limit(strconv.FormatInt(most, 10))
}

// Log is the end of what the server's programs have said, 8 KiB at most.
func (s *Server) Log() string {
	i, err := s.log.Stat()
	if err != nil {
		return err.Error()
	}
	b := make([]byte, min(i.Size(), 8<<10))
	n, _ := s.log.ReadAt(b, i.Size()-int64(len(b)))
	return string(b[:n])
}

// Room ends NoRoom.
func (s *Server) Room() error { return s.limit("unlimited") }

// limit sets the soft limit of the server's process and of those that it has begun.
func (s *Server) limit(most string) error {
	pids := []string{strconv.Itoa(s.Pid())}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if _, rest, ok := strings.Cut(string(b), ") "); ok && strings.Fields(rest)[1] == pids[0] {
			pids = append(pids, strings.Split(f, "/")[2])
		}
	}
	for i, p := range pids {
		if err := s.command("prlimit", "--pid", p, "--fsize="+most+":").Run(); err != nil && i == 0 { // as the server's own user
			return fmt.Errorf("dbserver: prlimit: %w: %s", err, s.Log())
		}
	}
	return nil
}
