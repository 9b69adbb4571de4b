package host

import (
	"os/exec"
	"runtime"
)

// spawner starts every process from one thread that lives as long as the host: the
// parent-death signal follows the thread that started the child, not the process.
type spawner struct {
	jobs chan job
}

type job struct {
	cmd  *exec.Cmd
	done chan error
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan job)}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for j := range s.jobs {
			j.done <- j.cmd.Start()
		}
	}()
	return s
}

func (s *spawner) start(cmd *exec.Cmd) error {
	setAttributes(cmd)
	j := job{cmd, make(chan error, 1)}
	s.jobs <- j
	return <-j.done
}

// close ends the thread; only when no driver runs any more.
func (s *spawner) close() { close(s.jobs) }
