package link

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/link/linktest"
)

// Who dials us and shows no certificate is nobody: the link is not up by it, and the peer that did show one stays,
// although of those who dial the newest stay.
func TestAStrangerTakesNobodysPlace(t *testing.T) {
	dir := t.TempDir()
	linktest.SM2PKI(t, dir, "bank", "switch")
	d := dialect(t)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	sec, err := tlcpOf(dir, "switch", "").open()
	if err != nil {
		t.Fatal(err)
	}
	m := NewMux(Options{Lines: []Line{{Address: "127.0.0.1:0", Accept: true, Count: 1}}, Codec: codecOf(d), Secure: sec, Log: log})
	m.Start()
	t.Cleanup(m.Close)
	for end := time.Now().Add(10 * time.Second); len(m.Addrs()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not listen")
		}
	}
	address := m.Addrs()[0].String()
	strangers := func() {
		t.Helper()
		for range 3 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
		}
		for _, garbage := range []string{"GET / HTTP/1.0\r\n\r\n", "0004abcd"} {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte(garbage))
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			_, _ = io.Copy(io.Discard, c) // it is sent away
			_ = c.Close()
		}
	}
	strangers()
	if s := m.Stats(); s.Up != 0 || m.Up() {
		t.Fatalf("up by strangers: %+v", s)
	}
	host, err := Open(&Spec{Kind: "long", Address: address, TLS: tlcpOf(dir, "bank", "switch")}, codecOf(d), nil, echo{d}, log)
	if err != nil {
		t.Fatal(err)
	}
	host.Start()
	t.Cleanup(host.Close)
	for end := time.Now().Add(20 * time.Second); !m.Up(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the host is not let in: %+v", m.Stats())
		}
	}
	strangers()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	key, frame := request(t, d, "00000001", 1)
	a, err := m.Send(ctx, key, frame)
	if err != nil || a.Msg.String(39) != "00" {
		t.Fatal("the host has lost its place:", err)
	}
	if s := host.Stats(); s.Reconnects != 0 {
		t.Errorf("the host had to come again: %+v", s)
	}
}

// echo is a host that agrees to everything.
type echo struct{ d *message.Dialect }

func (h echo) Handle(_ context.Context, body, dst []byte) ([]byte, bool) {
	q := message.New(h.d)
	if q.Unpack(h.d, body) != nil {
		return nil, false
	}
	a := message.New(h.d)
	a.ReplyTo(q)
	for _, n := range []int{7, 11, 41} {
		_ = a.Set(n, q.Get(n))
	}
	_ = a.SetString(39, "00")
	f, _, err := a.Pack(dst)
	return f, err == nil
}
