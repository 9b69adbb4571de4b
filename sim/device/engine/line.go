package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Line is one PTY: the device holds the master, the driver opens the link to the slave.
// The slave is kept open here too, so that a driver may close and open without hanging up
// the line (measured: when the last slave closes, the master reads EIO).
type Line struct {
	// Path is the link by which a driver finds the port.
	Path string

	mu     sync.Mutex
	master *os.File
	slave  *os.File
}

// Open makes a new pair, sets the slave raw and points the link to it by symlink+rename.
func (l *Line) Open() (*os.File, error) {
	m, s, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open pty: %w", err)
	}
	fail := func(err error) (*os.File, error) {
		_ = m.Close()
		_ = s.Close()
		return nil, err
	}
	if m, err = pollable(m); err != nil {
		return fail(fmt.Errorf("master: %w", err))
	}
	if err := rawMode(s); err != nil {
		return fail(fmt.Errorf("raw mode: %w", err))
	}
	if err := os.MkdirAll(filepath.Dir(l.Path), 0o755); err != nil {
		return fail(err)
	}
	if fi, err := os.Lstat(l.Path); err == nil && fi.Mode()&os.ModeSymlink == 0 {
		return fail(fmt.Errorf("link %s: a file that is no link is in the way", l.Path))
	}
	tmp := l.Path + ".new"
	_ = os.Remove(tmp)
	if err := os.Symlink(s.Name(), tmp); err != nil {
		return fail(err)
	}
	if err := os.Rename(tmp, l.Path); err != nil {
		return fail(err)
	}
	l.mu.Lock()
	l.master, l.slave = m, s
	l.mu.Unlock()
	return m, nil
}

// pollable gives the same file in a form whose Close takes effect while a Read waits
// (measured: otherwise the driver hears of a vanished port only when it writes).
func pollable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return f, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return f, err
	}
	name := f.Name()
	_ = f.Close()
	return os.NewFile(uintptr(fd), name), nil
}

// Close hangs up, as a pulled-out USB adapter does, and removes the link if it is ours.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.master == nil {
		return
	}
	if to, err := os.Readlink(l.Path); err == nil && to == l.slave.Name() {
		_ = os.Remove(l.Path)
	}
	_ = l.master.Close()
	_ = l.slave.Close()
	l.master, l.slave = nil, nil
}

// Present reports whether the port is there.
func (l *Line) Present() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.master != nil
}

// Write sends bytes to the driver. When nobody reads, the rest is lost as on a real line.
func (l *Line) Write(b []byte) {
	l.mu.Lock()
	m := l.master
	l.mu.Unlock()
	if m == nil {
		return
	}
	if err := m.SetWriteDeadline(time.Now().Add(time.Second)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return
	}
	_, _ = m.Write(b)
}

func rawMode(f *os.File) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var ierr error
	err = rc.Control(func(fd uintptr) {
		var t *unix.Termios
		if t, ierr = unix.IoctlGetTermios(int(fd), unix.TCGETS); ierr != nil {
			return
		}
		t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON | unix.IXOFF
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		ierr = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	})
	if err != nil {
		return err
	}
	return ierr
}
