package supervise

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// setGroup puts the program into a process group of its own and makes it die with the
// keeper: a program that nobody supervises must not serve customers.
func setGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // none left is fine

var (
	once    sync.Once
	spawner chan func()
)

// start starts a program from one thread that lives as long as the keeper: the death
// signal follows the thread that started a child, not the process.
func start(cmd *exec.Cmd) error {
	once.Do(func() {
		spawner = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range spawner {
				f()
			}
		}()
	})
	err := make(chan error, 1)
	spawner <- func() { err <- cmd.Start() }
	return <-err
}
