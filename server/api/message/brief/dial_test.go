//go:build linux

package brief

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestBothEndsHaveTheirAddressesAndEitherMayEndItsDirection(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"} {
		l, err := Listen(host + ":0")
		if err != nil {
			t.Skip(err) // no IPv6 here
		}
		defer l.Close() //nolint:errcheck // the end of the test
		_, port, _ := net.SplitHostPort(l.Addr().String())
		c, err := Dial(context.Background(), host+":"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // the end of the test
		if _, err := c.Write([]byte("ask")); err != nil {
			t.Fatal(err)
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if far.RemoteAddr().String() != c.LocalAddr().String() || far.LocalAddr().String() != c.RemoteAddr().String() {
			t.Errorf("%s: %v to %v, seen as %v to %v", host, c.LocalAddr(), c.RemoteAddr(), far.RemoteAddr(), far.LocalAddr())
		}
		if b, err := io.ReadAll(far); err != nil || string(b) != "ask" {
			t.Errorf("%s: %q, %v", host, b, err)
		}
		_ = c.SetReadDeadline(time.Now().Add(-time.Second))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", host, err)
		}
		if _, err := far.Write([]byte("told")); err != nil {
			t.Fatal(err)
		}
		_ = far.Close()
		_ = c.SetReadDeadline(time.Time{})
		if b, err := io.ReadAll(c); err != nil || string(b) != "told" {
			t.Errorf("%s: %q, %v", host, b, err)
		}
	}
}

// full is the address of a listener that takes no more connections until accept is called.
func full(t *testing.T) (at string, accept func()) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at = "127.0.0.1:" + strconv.Itoa(sa.(*syscall.SockaddrInet4).Port)
	for range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		c, err := Dial(ctx, at)
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			return at, func() {
				if n, _, err := syscall.Accept(fd); err == nil {
					_ = syscall.Close(n)
				}
			}
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("this kernel takes them all")
	return "", nil
}

func TestAPeerThatTakesItsTimeIsWaitedForAsLongAsTheCallerLikes(t *testing.T) {
	at, accept := full(t)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { _, err := Dial(ctx, at); result <- err }()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	go func() {
		c, err := Dial(context.Background(), at)
		if err == nil {
			_, err = c.Write([]byte("ask"))
			_ = c.Close()
		}
		result <- err
	}()
	time.Sleep(50 * time.Millisecond) // it waits by now, or it need not
	accept()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestAConnectionWithItselfIsNoConnection(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd) //nolint:errcheck // the end of the test
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Connect(fd, at); err != nil {
		t.Fatal(err)
	}
	c := conn{to: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(at.(*syscall.SockaddrInet4).Port))}
	if err := c.own(fd); !errors.Is(err, errSelf) {
		t.Errorf("%v", err)
	}
}
