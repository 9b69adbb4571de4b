//go:build unix

package conformance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// PCSCSocket is where Debian's daemon listens for programs.
const PCSCSocket = "/run/pcscd/pcscd.comm"

// PCSCD starts Debian's PC/SC daemon with one virtual reader until the test ends; a virtual card connects
// to addr. There is one daemon on a machine: tests wait for each other.
func PCSCD(t testing.TB) (addr string) {
	t.Helper()
	daemon := Tool(t, "pcscd", "pcscd", "/usr/sbin/pcscd")
	Tool(t, "vsmartcard-vpcd", "/usr/bin/vpcd-config")
	if os.Geteuid() != 0 {
		t.Skip("pcscd wants to be root")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "pcscd-tests.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("unix", PCSCSocket); err == nil {
		c.Close()
		t.Skip("another pcscd runs on this machine")
	}
	// Below the ports that connections get: those are taken again at once.
	port := 0
	for p := 20000 + os.Getpid()%10000; port == 0; p++ {
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", p)); err == nil {
			l.Close()
			port = p
		}
	}
	conf := t.TempDir()
	text := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%X\nLIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so\nCHANNELID 0x%X\n", port, port)
	if err := os.WriteFile(filepath.Join(conf, "vpcd"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(daemon, "--foreground", "--config", conf)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(2 * time.Second): // its virtual reader's thread does not always let it end
			_ = cmd.Process.Kill()
			<-ended
		}
		_, _ = os.Remove(PCSCSocket), os.Remove("/run/pcscd/pcscd.pid")
		if t.Failed() {
			t.Logf("pcscd: %s", log.String())
		}
	})
	for end := time.Now().Add(Patience); ; time.Sleep(20 * time.Millisecond) {
		a, errA := net.Dial("unix", PCSCSocket)
		if errA == nil {
			a.Close()
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
		if time.Now().After(end) {
			t.Fatal("pcscd does not listen: ", errA)
		}
	}
}
