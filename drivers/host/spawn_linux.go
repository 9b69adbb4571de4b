package host

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// setAttributes makes the driver a group of its own and asks the kernel for SIGTERM (a drain:
// the mechanical step is finished) when the host dies.
func setAttributes(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func killGroup(pid int) {
	if pid > 1 {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// killOrphan ends a driver that an earlier host left behind (it was stopped, so neither
// signal nor parent watch reached it): the process that had the port last, if it runs the
// same binary and its parent is gone.
func killOrphan(pid int, binary string) bool {
	if pid <= 1 || pid == os.Getpid() {
		return false
	}
	exe, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return false
	}
	own, err := os.Stat(binary)
	if err != nil || !os.SameFile(exe, own) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(f) < 2 {
		return false
	}
	ppid, err := strconv.Atoi(string(f[1]))
	if err != nil || ppid != 1 {
		return false
	}
	killGroup(pid)
	return true
}
