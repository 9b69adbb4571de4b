package scene

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// setGroup makes a part die with the program that started it.
func setGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

var (
	once sync.Once
	jobs chan func()
)

// onSpawner starts children from one thread that never ends: the death signal follows the
// thread.
func onSpawner(start func() error) error {
	once.Do(func() {
		jobs = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range jobs {
				f()
			}
		}()
	})
	err := make(chan error, 1)
	jobs <- func() { err <- start() }
	return <-err
}
