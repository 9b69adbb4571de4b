package link

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// web is a host's HTTP side by hand: say gets the number of the connection and of the request on it,
// and returns the bytes of the answer; closing asks to close behind them.
type web struct {
	net.Listener
	conns, requests atomic.Int64
	gone            chan struct{} // one for each connection that this side has closed
}

func newWeb(t *testing.T, say func(conn, request int64) (answer string, closing bool)) *web {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &web{Listener: l, gone: make(chan struct{}, 100)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := p.conns.Add(1)
			go func() {
				defer func() { _ = c.Close(); p.gone <- struct{}{} }()
				r := bufio.NewReader(c)
				for i := int64(1); ; i++ {
					q, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, q.Body)
					p.requests.Add(1)
					a, closing := say(n, i)
					if _, err := io.WriteString(c, a); err != nil || closing {
						return
					}
				}
			}()
		}
	}()
	return p
}

func (p *web) poster(t *testing.T, short bool) *poster {
	w, err := newPoster("http://"+p.Addr().String()+"/in", nil, short, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestAConnectionIsUsedAgainUnlessItsPeerSaysOtherwise(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		closing      bool // by the peer, behind the answer
		short        bool
		conns        int64
	}{
		{"kept", ok, false, false, 1},
		{"a connection each", ok, true, true, 3},
		{"the peer says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", true, false, 3},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", true, false, 3},
		{"closed without a word", ok, true, false, 3},
		{"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", false, false, 1},
		{"a word before the answer", "HTTP/1.1 100 Continue\r\n\r\n" + ok, false, false, 1},
		{"more than the answer", ok + "HTTP/1.1 200 OK\r\n", false, false, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newWeb(t, func(int64, int64) (string, bool) { return c.answer, c.closing })
			w := p.poster(t, c.short)
			var buf bytes.Buffer
			for range 3 {
				r, left, err := w.post(t.Context(), http.Header{"X-A": {"b"}}, []byte("body"), &buf, 100)
				if err != nil || !left || r.StatusCode != 200 || buf.String() != "ok" {
					t.Fatal(r, left, err, buf.String())
				}
				if c.closing {
					<-p.gone // an end that has arrived is seen; one under way cannot be
				}
			}
			if p.conns.Load() != c.conns || p.requests.Load() != 3 {
				t.Errorf("%d connections and %d requests, want %d and 3", p.conns.Load(), p.requests.Load(), c.conns)
			}
		})
	}
}

func TestAConnectionThatSpeaksAnotherProtocolIsNotUsedAgain(t *testing.T) {
	p := newWeb(t, func(int64, int64) (string, bool) {
		return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", false
	})
	w := p.poster(t, false)
	var buf bytes.Buffer
	for range 2 {
		if _, left, err := w.post(t.Context(), nil, nil, &buf, 100); err != nil || !left {
			t.Fatal(left, err)
		}
	}
	if p.conns.Load() != 2 {
		t.Errorf("%d connections, want 2", p.conns.Load())
	}
}

func TestARequestThatMayHaveLeftIsNeverSentAgain(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		limit        int64
	}{
		{"no answer", "", 100},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Le", 100},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", 100},
		{"no HTTP", "\x00\x10hello", 100},
		{"a body that is too long", ok, 1},
		{"a head without an end", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 200), 100},
		{"words without an answer", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10_000), 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newWeb(t, func(_, n int64) (string, bool) {
				if n == 1 {
					return ok, false
				}
				return c.answer, true
			})
			w := p.poster(t, false)
			var buf bytes.Buffer
			if _, _, err := w.post(t.Context(), nil, nil, &buf, 100); err != nil {
				t.Fatal(err)
			}
			if _, left, err := w.post(t.Context(), nil, nil, &buf, c.limit); err == nil || !left {
				t.Errorf("left %v, error %v; want one in doubt", left, err)
			}
			if p.requests.Load() != 2 {
				t.Errorf("the peer got %d requests, want 2", p.requests.Load())
			}
		})
	}
}

func TestARequestWhoseSenderHasGoneLeavesNoConnectionBehind(t *testing.T) {
	p := newWeb(t, func(conn, _ int64) (string, bool) {
		if conn == 1 {
			return "", false // silent, and open
		}
		return ok, false
	})
	w := p.poster(t, false)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for p.requests.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel(errors.New("gone"))
	}()
	var buf bytes.Buffer
	if _, left, err := w.post(ctx, nil, nil, &buf, 100); err == nil || !left {
		t.Errorf("left %v, error %v; want one in doubt", left, err)
	}
	<-p.gone
	if _, _, err := w.post(t.Context(), nil, nil, &buf, 100); err != nil || p.conns.Load() != 2 {
		t.Errorf("%v on %d connections, want a second one", err, p.conns.Load())
	}
}

func TestAPeerThatCannotBeReachedGotNothing(t *testing.T) {
	p := newWeb(t, func(int64, int64) (string, bool) { return ok, false })
	w := p.poster(t, false)
	_ = p.Close()
	var buf bytes.Buffer
	if _, left, err := w.post(t.Context(), nil, nil, &buf, 100); err == nil || left {
		t.Errorf("left %v, error %v", left, err)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{ok, "HTTP/1.1 100 Continue\r\n\r\n" + ok, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "HTTP/1.1 200\r\nContent-Length: -1\r\n\r\n", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		in := &io.LimitedReader{R: bytes.NewReader(answer)}
		c := &spare{Conn: deaf{}, in: in, r: bufio.NewReader(in)}
		var buf bytes.Buffer
		r, _, err := c.exchange(&buf, 1000)
		if err == nil && (r.StatusCode < 101 || buf.Len() > 1000) {
			t.Error(fmt.Sprint(r.StatusCode, buf.Len()))
		}
	})
}

// deaf takes everything.
type deaf struct{ net.Conn }

func (deaf) Write(b []byte) (int, error) { return len(b), nil }

func TestAConnectionUnderTLSIsUsedAgain(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	trust := s.Client().Transport.(*http.Transport).TLSClientConfig
	w, err := newPoster(s.URL, &Security{Client: func(ctx context.Context, c net.Conn, host string) (net.Conn, error) {
		conf := trust.Clone()
		conf.ServerName = host
		tc := tls.Client(c, conf)
		return tc, tc.HandshakeContext(ctx)
	}}, false, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	var buf bytes.Buffer
	for range 5 {
		if _, _, err := w.post(t.Context(), nil, []byte("echo"), &buf, 100); err != nil || buf.String() != "echo" {
			t.Fatal(err, buf.String())
		}
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections for five requests", conns.Load())
	}
}

// atOnce holds what TLS writes, so that several records go out together.
type atOnce struct {
	net.Conn
	held bytes.Buffer
	cut  int // bytes of the end that stay
}

func (c *atOnce) Write(b []byte) (int, error) { return c.held.Write(b) }

func (c *atOnce) Read(b []byte) (int, error) {
	c.held.Truncate(max(0, c.held.Len()-c.cut))
	if _, err := c.held.WriteTo(c.Conn); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// The record with the second answer is in the memory of TLS, where the system's queue does not show it.
func TestAnAnswerTooManyUnderTLSIsNotTheNextRequests(t *testing.T) {
	t.Run("all of it", func(t *testing.T) { answerTooMany(t, 0) })
	t.Run("the begin of it", func(t *testing.T) { answerTooMany(t, 20) })
	t.Run("a part of its head", func(t *testing.T) {
		answerTooMany(t, len("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrequest 0")+20) // of 22 bytes more
	})
}

func answerTooMany(t *testing.T, cut int) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS() // for its certificate
	t.Cleanup(s.Close)
	here := &tls.Config{Certificates: s.TLS.Certificates}
	trust := s.Client().Transport.(*http.Transport).TLSClientConfig
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer raw.Close() //nolint:errcheck // a test's peer
				line := &atOnce{Conn: raw}
				c := tls.Server(line, here)
				r := bufio.NewReader(c)
				for {
					q, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					body, _ := io.ReadAll(q.Body)
					line.cut = cut
					for range 2 {
						_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
					}
				}
			}()
		}
	}()
	w, err := newPoster("https://"+l.Addr().String(), &Security{Client: func(ctx context.Context, c net.Conn, _ string) (net.Conn, error) {
		conf := trust.Clone()
		conf.ServerName = "example.com"
		tc := tls.Client(c, conf)
		return tc, tc.HandshakeContext(ctx)
	}}, false, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	var buf bytes.Buffer
	for i := range 4 {
		want := fmt.Sprint("request ", i)
		if _, _, err := w.post(t.Context(), nil, []byte(want), &buf, 100); err != nil || buf.String() != want {
			t.Errorf("%s got %q, %v", want, buf.String(), err)
		}
	}
}
