package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// build builds programs into dir.
func build(ctx context.Context, dir string, programs map[string]bool) error {
	if len(programs) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	args := []string{"build", "-trimpath", "-o", dir + string(filepath.Separator)}
	for p := range programs {
		args = append(args, "./"+p)
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("build (run this in the repository): %w", err)
	}
	return nil
}

// ports returns n addresses: the asked-for ones, refused when busy, or free ones.
func ports(first, n int) ([]string, error) {
	var out []string
	var ls []net.Listener
	defer func() {
		for _, l := range ls {
			_ = l.Close()
		}
	}()
	for i := range n {
		a := "127.0.0.1:0"
		if first != 0 {
			a = net.JoinHostPort("127.0.0.1", strconv.Itoa(first+i))
		}
		l, err := net.Listen("tcp", a)
		if err != nil {
			return nil, fmt.Errorf("port is busy, an old run may still be there: %w", err)
		}
		ls = append(ls, l)
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// start starts a program that dies with this one. The caller must not leave its thread
// before: the death signal follows it, so main's goroutine is locked.
func start(log string, name string, args ...string) (*exec.Cmd, error) {
	return startWith(nil, log, name, args...)
}

// startWith is start with an environment; nil is this program's own.
func startWith(env []string, log string, name string, args ...string) (*exec.Cmd, error) {
	runtime.LockOSThread()
	c := exec.Command(name, args...)
	c.Env = env
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // the child has it
	c.Stdout, c.Stderr = f, f
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c, c.Start()
}

// end asks a program to end and kills it when it does not.
func end(c *exec.Cmd) { _ = ended(c) }

// ended is end, and tells when the program had crashed before, or had to be killed.
func ended(c *exec.Cmd) error {
	_ = c.Process.Signal(syscall.SIGTERM)
	t := time.AfterFunc(10*time.Second, func() { _ = c.Process.Kill() })
	defer t.Stop()
	return c.Wait()
}

// errorsIn counts the lines of errors in a server's log, and has the first.
func errorsIn(path string) (n int, first string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, "", err
	}
	for l := range strings.Lines(string(b)) {
		if strings.Contains(l, "level=ERROR") || strings.HasPrefix(l, "panic:") || strings.HasPrefix(l, "fatal error:") {
			if n++; n == 1 {
				first = strings.TrimSpace(l)
			}
		}
	}
	return n, first, nil
}

func await(ctx context.Context, what string, ok func() bool) error {
	for range 1200 {
		if ok() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(25 * time.Millisecond):
		}
	}
	return errors.New(what + " does not come up")
}

func listening(addr string) func() bool {
	return func() bool {
		c, err := net.Dial("tcp", addr)
		return err == nil && c.Close() == nil
	}
}

func profileTo(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return pprof.StopCPUProfile, pprof.StartCPUProfile(f)
}

// family is the time of a process and of its children, those that have ended too.
func family(pid int) time.Duration {
	sum := cpu(pid)
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		if f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])); len(f) > 14 {
			for _, v := range f[13:15] { // cutime, cstime
				n, _ := strconv.Atoi(v)
				sum += time.Duration(n) * 10 * time.Millisecond
			}
		}
	}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	for _, c := range strings.Fields(string(b)) {
		n, _ := strconv.Atoi(c)
		sum += cpu(n)
	}
	return sum
}

// cpu is the user and system time of a process, in ticks of 10 ms.
func cpu(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	s, err := parseStat(b)
	if err != nil {
		return 0
	}
	return s.cpu
}

type stat struct {
	name string
	ppid int
	cpu  time.Duration
}

// parseStat reads /proc/<pid>/stat. The name stands in parentheses and may hold blanks and
// parentheses itself.
func parseStat(b []byte) (s stat, err error) {
	open, shut := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || shut < open {
		return s, errors.New("stat: no name")
	}
	s.name = string(b[open+1 : shut])
	f := strings.Fields(string(b[shut+1:]))
	if len(f) < 13 {
		return s, errors.New("stat: cut short")
	}
	ppid, err1 := strconv.Atoi(f[1])
	u, err2 := strconv.ParseInt(f[11], 10, 64)
	k, err3 := strconv.ParseInt(f[12], 10, 64)
	s.ppid, s.cpu = ppid, time.Duration(u+k)*10*time.Millisecond
	return s, errors.Join(err1, err2, err3)
}

// times of the whole machine since its start.
type times struct{ busy, all time.Duration }

func machineTime() times {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return times{}
	}
	return parseMachine(b)
}

// parseMachine reads the first line of /proc/stat: user nice system idle iowait irq softirq
// steal. Waiting for a disk is not busy; time stolen by other machines is.
func parseMachine(b []byte) (t times) {
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return times{}
	}
	for i, s := range f[1:9] {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return times{}
		}
		d := time.Duration(v) * 10 * time.Millisecond
		t.all += d
		if i != 3 && i != 4 {
			t.busy += d
		}
	}
	return t
}

// child finds the child of parent that runs the named program (15 characters at most).
func child(parent int, name string) (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		if s, err := parseStat(b); err == nil && s.ppid == parent && s.name == name {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("process %d has no child %s", parent, name)
}

// memory is the resident memory of a process in MB: all pages, and with shared ones divided
// among those who share them.
func memory(pid int) (rss, pss float64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, 0, err
	}
	return parseRollup(b)
}

func parseRollup(b []byte) (rss, pss float64, err error) {
	found := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" || f[0] != "Rss:" && f[0] != "Pss:" {
			continue
		}
		v, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return 0, 0, fmt.Errorf("smaps_rollup: %w", err)
		}
		if found++; f[0] == "Rss:" {
			rss = v / 1024
		} else {
			pss = v / 1024
		}
	}
	if found != 2 {
		return 0, 0, errors.New("smaps_rollup: no Rss or Pss")
	}
	return rss, pss, nil
}

// profileOf is the file for the CPU profile of one process of a run; empty when none is asked for.
func (o options) profileOf(run, what string) string {
	if o.profile == "" {
		return ""
	}
	return filepath.Join(o.profile, run+"."+what+".prof")
}
