package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Security is how connections are protected. A nil *Security is plain TCP.
type Security struct {
	Name   string // tls or tlcp
	Client func(ctx context.Context, c net.Conn, host string) (net.Conn, error)
	Server func(l net.Listener) net.Listener

	client func(host string) *tls.Config // for carriers that do TLS themselves; nil with TLCP
}

// Dial connects to address and, with a Security, finishes its handshake.
func (s *Security) Dial(ctx context.Context, address string) (net.Conn, error) {
	c, _, err := s.dial(ctx, long, address)
	return c, err
}

// long makes connections that stay.
func long(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// dial is Dial by way of connect, long or brief.Dial; raw is the connection under the protected one.
func (s *Security) dial(ctx context.Context, connect func(context.Context, string) (net.Conn, error), address string) (c, raw net.Conn, err error) {
	raw, err = connect(ctx, address)
	if err != nil || s == nil {
		return raw, raw, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	if c, err = s.Client(ctx, raw, host); err != nil {
		_ = raw.Close()
		return nil, nil, err
	}
	return c, raw, nil
}

// Listen listens on address.
func (s *Security) Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil || s == nil {
		return l, err
	}
	return s.Server(l), nil
}

// patient is how long a peer may take to show its certificates.
const patient = 5 * time.Second

// welcome finishes the handshake of an accepted connection: before that anybody may be at its other end.
func (s *Security) welcome(ctx context.Context, c net.Conn) error {
	h, ok := c.(interface{ Handshake() error }) // those of TLS and TLCP
	if s == nil || !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	if err := h.Handshake(); err != nil {
		stop()
		return fmt.Errorf("link: %s: %w", s.Name, err)
	}
	if !stop() {
		return ctx.Err()
	}
	return nil
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
