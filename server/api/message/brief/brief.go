// Package brief makes TCP connections that carry one request and its answer, which live for some milliseconds: what a connection
// costs beside its message is saved where the kernel lets it. Clients, servers and the programs that play them may use it; a
// connection that stays is dialled by package net.
package brief

import (
	"context"
	"net"
	"net/netip"
)

// No keep-alive probes: four system calls for a connection that ends before the first probe.
var (
	dialer    = net.Dialer{KeepAlive: -1, Control: ackWithRequest}
	listening = net.ListenConfig{KeepAlive: -1}
)

// Dial connects to address, host:port. The caller must be the first to send: the acknowledgement that ends the handshake waits
// for its bytes (on Linux, and 40 ms at most), so that a segment is saved.
func Dial(ctx context.Context, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return dial(ctx, to) // what there is to resolve costs as much as a tenth of the connection
}

// Listen listens on address for such connections.
func Listen(address string) (net.Listener, error) {
	return listening.Listen(context.Background(), "tcp", address)
}

// Last writes b, after which nothing will be written, and ends this direction of c: on Linux in one segment with the last bytes.
// The caller closes c. The write deadline of c holds.
func Last(c net.Conn, b []byte) error {
	t, ok := c.(*net.TCPConn)
	if !ok {
		_, err := c.Write(b)
		return err
	}
	if err := writeMore(t, b); err != nil {
		return err
	}
	return t.CloseWrite()
}
