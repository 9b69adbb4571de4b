//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// ownGroup lets killGroup reach the browser's children, too.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
