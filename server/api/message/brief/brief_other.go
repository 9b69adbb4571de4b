//go:build !linux

package brief

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

func ackWithRequest(_, _ string, _ syscall.RawConn) error { return nil }

func dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return dialer.DialContext(ctx, "tcp", to.String())
}

func writeMore(c *net.TCPConn, b []byte) error {
	_, err := c.Write(b)
	return err
}
