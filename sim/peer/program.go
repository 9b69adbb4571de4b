package peer

import (
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// program is a process that ends with the test, at the latest with the test's own process.
type program struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// run starts it in a folder, its output going to out.
func (p *program) run(t testing.TB, dir string, out io.Writer, args []string) {
	t.Helper()
	c, ended, started := exec.Command(args[0], args[1:]...), make(chan struct{}), make(chan error)
	c.Stdout, c.Stderr, c.Dir = out, out, dir
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	go func() { // the death signal is bound to the thread that started the program
		runtime.LockOSThread()
		err := c.Start()
		started <- err
		if err == nil {
			_ = c.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	p.cmd, p.ended = c, ended
}

// Kill ends it as a crash would.
func (p *program) Kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// Signal sends it a signal: SIGSTOP makes it slow without end.
func (p *program) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }
