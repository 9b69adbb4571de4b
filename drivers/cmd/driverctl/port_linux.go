package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// mayUse tells whether this user may read and write the file.
func mayUse(path string) bool { return syscall.Access(path, 4|2) == nil }

// owner says whose a file is.
func owner(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Mode().String()
	}
	uid, gid := strconv.Itoa(int(st.Uid)), strconv.Itoa(int(st.Gid))
	if u, err := user.LookupId(uid); err == nil {
		uid = u.Username
	}
	if g, err := user.LookupGroupId(gid); err == nil {
		gid = g.Name
	}
	return fmt.Sprintf("%s, user %s, group %s", info.Mode(), uid, gid)
}

// program is the command line of a process, in brackets.
func program(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(b) == 0 {
		return ""
	}
	return "(" + strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " ")) + ")"
}

// holders are the other processes that have the port open. The process behind a pseudo
// terminal, a virtual device, is none of them.
func holders(target string) (out []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, p := range procs {
		pid, err := strconv.Atoi(filepath.Base(p))
		if err != nil || pid == os.Getpid() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(p, "fd"))
		if err != nil {
			continue // not ours to look at
		}
		var to []string
		for _, f := range files {
			if l, err := os.Readlink(filepath.Join(p, "fd", f.Name())); err == nil {
				to = append(to, l)
			}
		}
		if slices.Contains(to, target) && !slices.Contains(to, "/dev/ptmx") && !slices.Contains(to, "/dev/pts/ptmx") {
			out = append(out, fmt.Sprintf("process %d %s", pid, program(pid)))
		}
	}
	return out
}
