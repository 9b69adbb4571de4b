//go:build !linux

package supervise

import "os/exec"

// Elsewhere a job object or the service manager has to end the programs with the keeper;
// that is not done here yet (docs/limits.md).
func setGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func start(cmd *exec.Cmd) error { return cmd.Start() }
