//go:build !linux

package scene

import "os/exec"

func setGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func onSpawner(start func() error) error { return start() }
