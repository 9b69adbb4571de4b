//go:build !linux

package brief

import (
	"net"
	"syscall"
)

func ackWithRequest(_, _ string, _ syscall.RawConn) error { return nil }

func writeMore(c *net.TCPConn, b []byte) error {
	_, err := c.Write(b)
	return err
}
