package link

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/link/linktest"
)

func tlcpOf(dir, name, peer string) *TLS {
	f := func(s string) string { return filepath.Join(dir, name+s) }
	return &TLS{Kind: "tlcp", CA: filepath.Join(dir, "ca.pem"), Cert: f("-sign.pem"), Key: f("-sign.key"), EncCert: f("-enc.pem"), EncKey: f("-enc.key"), Name: peer}
}

// tap keeps the first bytes that a connection receives.
type tap struct {
	net.Conn
	mu    *sync.Mutex
	first *[]byte
}

func (c tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	if len(*c.first) < 3 {
		*c.first = append(*c.first, b[:n]...)
	}
	c.mu.Unlock()
	return n, err
}

type tapped struct {
	net.Listener
	mu    sync.Mutex
	first []byte
}

func (l *tapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tap{c, &l.mu, &l.first}, nil
}

// req: TX-32
func TestALinkUnderTLCPHasTwoCertificatesOnEachSide(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	linktest.SM2PKI(t, dir, "bank", "switch")
	linktest.SM2PKI(t, other, "switch")
	d := dialect(t)
	codec := codecOf(d)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	server, err := tlcpOf(dir, "bank", "").open()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wire := &tapped{Listener: plain}
	ln := server.Server(wire)
	defer ln.Close() //nolint:errcheck // test
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close() //nolint:errcheck // test
				b, err := d.ReadFrame(bufio.NewReader(c), nil)
				if err != nil {
					return
				}
				q := message.New(d)
				if q.Unpack(d, b) == nil {
					answer(c, q)
				}
			}()
		}
	}()
	ask := func(tl *TLS) error {
		c, err := Open(&Spec{Kind: "short", Address: plain.Addr().String(), TLS: tl}, codec, nil, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		k, f := request(t, d, "TERM0001", 1)
		a, err := c.Send(ctx, k, f)
		if err == nil {
			a.Release()
		}
		return err
	}
	if err := ask(tlcpOf(dir, "switch", "bank")); err != nil {
		t.Fatal(err)
	}
	wire.mu.Lock()
	if h := wire.first[:3]; h[0] != 0x16 || h[1] != 1 || h[2] != 1 { // handshake, version 0x0101
		t.Errorf("on the wire: % X", h)
	}
	wire.mu.Unlock()
	for name, tl := range map[string]*TLS{
		"another CA's certificate": tlcpOf(other, "switch", "bank"),
		"another name":             tlcpOf(dir, "switch", "elsewhere"),
		"no certificate":           {Kind: "tlcp", CA: filepath.Join(dir, "ca.pem"), Name: "bank"},
	} {
		if err := ask(tl); !errors.Is(err, ErrNotSent) && !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A certificate that is replaced on disk is used from the next connection on.
	linktest.SM2PKI(t, dir, "bank", "switch")
	if err := ask(tlcpOf(dir, "switch", "bank")); err != nil {
		t.Error("after new certificates: ", err)
	}
}
