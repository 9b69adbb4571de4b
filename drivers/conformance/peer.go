//go:build unix

package conformance

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// Peer is a scripted device on a pseudo terminal behind a link, for what a virtual device
// cannot be told to do.
type Peer struct {
	t      testing.TB
	link   string
	master *os.File
	slave  *os.File
}

// NewPeer makes a port and runs the script, which ends when its reads fail at the end of
// the test.
func NewPeer(t testing.TB, script func(*Peer)) *Peer {
	t.Helper()
	m, s, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	// The library's file blocks for ever in Read; one that the runtime polls has deadlines.
	fd, err := syscall.Dup(int(m.Fd()))
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	m = os.NewFile(uintptr(fd), "master")
	p := &Peer{t: t, master: m, slave: s, link: filepath.Join(t.TempDir(), "port")}
	if err := os.Symlink(s.Name(), p.link); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); script(p) }()
	t.Cleanup(func() { m.Close(); <-done; s.Close() })
	return p
}

// Port is the path for the driver.
func (p *Peer) Port() string { return p.link }

// Send writes bytes to the driver.
func (p *Peer) Send(b ...byte) { _, _ = p.master.Write(b) }

// Read gives the next byte; false when the test is over or nothing came in time.
func (p *Peer) Read(within time.Duration) (byte, bool) {
	if within > 0 {
		_ = p.master.SetReadDeadline(time.Now().Add(within))
	} else {
		_ = p.master.SetReadDeadline(time.Time{})
	}
	b := make([]byte, 1)
	n, err := p.master.Read(b)
	return b[0], n == 1 && err == nil
}
