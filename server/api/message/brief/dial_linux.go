package brief

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// conn is a connection by system calls that package net would surround with more.
type conn struct {
	*os.File
	from, to netip.AddrPort
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.from) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.to) }

// CloseWrite is TCPConn's.
func (c *conn) CloseWrite() error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	if e := rc.Control(func(fd uintptr) { err = syscall.Shutdown(int(fd), syscall.SHUT_WR) }); e != nil {
		return e
	}
	return os.NewSyscallError("shutdown", err)
}

// dial connects. On one machine a handshake is over when connect(2) returns, which a second call tells: the poller, where
// package net waits for it, is left out.
func dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if to.Addr().Zone() != "" {
		return dialer.DialContext(ctx, "tcp", to.String())
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	family, at := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()})
	if to.Addr().Is4() {
		family, at = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	ackLater(fd)
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	connect := func() error { return syscall.Connect(fd, at) }
	if err = connect(); err == syscall.EINPROGRESS {
		err = connect()
	}
	c := &conn{File: os.NewFile(uintptr(fd), to.String()), to: to}
	if err == syscall.EALREADY {
		err = c.wait(ctx, connect)
	}
	if err == nil {
		err = c.own(fd)
	}
	if err != nil {
		_ = c.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
	}
	return c, nil
}

// wait is for a peer on another machine.
func (c *conn) wait(ctx context.Context, connect func() error) (err error) {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	e := rc.Write(func(uintptr) bool { err = connect(); return err != syscall.EALREADY })
	switch {
	case !stop():
		return ctx.Err()
	case e != nil:
		return e
	}
	return os.NewSyscallError("connect", err)
}

var errSelf = errors.New("nobody listens there") // and the kernel gave the connection its peer's own port

// own asks for the near end's address: a port that nobody listens on may have been connected with itself.
func (c *conn) own(fd int) error {
	at, err := syscall.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	switch a := at.(type) {
	case *syscall.SockaddrInet4:
		c.from = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *syscall.SockaddrInet6:
		c.from = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	if c.from == c.to {
		return errSelf
	}
	return nil
}
