package link

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"zhigui/server/api/message"
)

// network is the far side of a group: it accepts what we dial and dials what we listen on.
type network struct {
	t    testing.TB
	ln   net.Listener
	mu   sync.Mutex
	took []net.Conn // what we dialled
	made []net.Conn // what it dialled
}

func (n *network) dial(address string) {
	for range 2000 {
		c, err := net.Dial("tcp", address)
		if err == nil {
			n.mu.Lock()
			n.made = append(n.made, c)
			n.mu.Unlock()
			return
		}
		time.Sleep(time.Millisecond)
	}
	n.t.Error("nobody listens on", address)
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 5000 {
		if f() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("did not come about: " + what)
}

func TestAGroupLivesAndDiesTogether(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // test
	n := &network{t: t, ln: ln}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n.mu.Lock()
			n.took = append(n.took, c)
			n.mu.Unlock()
		}
	}()
	d := dialect(t)
	ups := make(chan struct{}, 16)
	m := NewMux(Options{Lines: []Line{{Way: Out, Address: ln.Addr().String(), Count: 2}, {Way: In, Address: "127.0.0.1:0", Accept: true, Count: 2}}, Group: true,
		Codec: codecOf(d), Backoff: time.Millisecond, OnUp: func() { ups <- struct{}{} }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	m.Start()
	defer m.Close()
	eventually(t, "the listener", func() bool { return len(m.Addrs()) == 1 })
	in := m.Addrs()[0].String()
	eventually(t, "two links out", func() bool { return m.Stats().Up == 2 })
	k, f := request(t, d, "TERM0001", 1)
	ask := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		a, err := m.Send(ctx, k, f)
		if err == nil {
			a.Release()
		}
		return err
	}
	n.dial(in)
	eventually(t, "one link in", func() bool { return m.Stats().Up == 3 })
	if err := ask(); m.Up() || !errors.Is(err, ErrNotSent) {
		t.Error("a group of three out of four sends:", err)
	}
	n.dial(in)
	<-ups
	// The answer comes by a link that the request did not go by.
	n.mu.Lock()
	took, back := append([]net.Conn{}, n.took...), n.made[1]
	n.mu.Unlock()
	for _, c := range took {
		go func() {
			r := make([]byte, 4096)
			if k, err := c.Read(r); err == nil {
				q := message.New(d)
				if q.Unpack(d, r[4:k]) == nil {
					answer(back, q)
				}
			}
		}()
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	// One breaks: all go, and nothing is sent until all are there again.
	_ = back.Close()
	eventually(t, "the group to break", func() bool { return !m.Up() })
	n.mu.Lock()
	old := n.made[0]
	n.mu.Unlock()
	_ = old.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		if _, err := old.Read(make([]byte, 64)); err != nil {
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				t.Error("the other link in was left alone")
			}
			break
		}
	}
	for range 2 { // the peer dials again whenever it is sent away: the group may still be ending
		go func() {
			for t.Context().Err() == nil {
				c, err := net.Dial("tcp", in)
				if err != nil {
					time.Sleep(time.Millisecond)
					continue
				}
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}
		}()
	}
	<-ups
	if s := m.Stats(); s.Up != 4 || s.Want != 4 || s.Reconnects < 4 {
		t.Errorf("%+v", s)
	}
}

func TestTheNewestConnectionOfAPeerTakesThePlaceOfAStaleOne(t *testing.T) {
	d := dialect(t)
	m := NewMux(Options{Lines: []Line{{Way: Duplex, Address: "127.0.0.1:0", Accept: true, Count: 1}}, Codec: codecOf(d), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	m.Start()
	defer m.Close()
	eventually(t, "the listener", func() bool { return len(m.Addrs()) == 1 })
	first, err := net.Dial("tcp", m.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first", m.Up)
	second, err := net.Dial("tcp", m.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close() //nolint:errcheck // test
	_ = first.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error("the stale one lives:", err)
	}
	eventually(t, "one link", func() bool { return m.Stats().Up == 1 && m.Up() })
}

type handlerFunc func(body []byte) []byte

func (f handlerFunc) Handle(_ context.Context, body, _ []byte) ([]byte, bool) { return f(body), true }

func TestAHandlerThatPanicsCostsOneMessage(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if out := handle(t.Context(), handlerFunc(func([]byte) []byte { panic("x") }), nil, log); out != nil {
		t.Errorf("%q", out)
	}
	if out := handle(t.Context(), handlerFunc(func(b []byte) []byte { return b }), []byte("a"), log); string(out) != "a" {
		t.Errorf("%q", out)
	}
}
