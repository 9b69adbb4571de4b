package link

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"zhigui/server/api/message/brief"
)

const (
	spares     = 256              // idle connections to one peer
	spareFor   = 90 * time.Second // one is kept
	answerHead = 64 << 10         // bytes: the longest head of an answer
)

// poster sends HTTP/1.1 POSTs, one at a time on a connection, and knows of each whether a byte of it
// left. It keeps connections without a goroutine each: it looks at one before it uses it again.
type poster struct {
	address, host, path, auth string
	secure                    *Security
	short                     bool
	dialTime                  time.Duration

	mu     sync.Mutex
	idle   []*spare // the newest last
	closed bool
}

// spare is a connection that can be used again.
type spare struct {
	net.Conn
	raw   net.Conn          // under TLS
	seen  *records          // what TLS has read of raw; nil: there is none
	in    *io.LimitedReader // what one answer may have, its head included
	r     *bufio.Reader
	since time.Time
}

func newPoster(address string, secure *Security, short bool, dial time.Duration) (*poster, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("link: address: %w", err)
	}
	p := &poster{address: u.Host, host: u.Host, path: u.RequestURI(), secure: secure, short: short, dialTime: dial}
	port := "80"
	if u.Scheme == "https" {
		if port = "443"; secure == nil {
			p.secure = publicTLS
		}
	}
	if u.Port() == "" {
		p.address = net.JoinHostPort(u.Hostname(), port)
	}
	if u.User != nil {
		word, _ := u.User.Password()
		p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+word))
	}
	return p, nil
}

// publicTLS trusts the authorities that the system does.
var publicTLS = &Security{Name: "tls", Client: func(ctx context.Context, c net.Conn, host string) (net.Conn, error) {
	t := tls.Client(c, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host})
	return t, t.HandshakeContext(ctx)
}}

// post sends body and reads the answer, whose body has at most limit bytes. left tells whether a byte
// of the request may have left; unless it did, the error says that the peer could not be reached.
// The answer's body is valid until buf is used again.
func (p *poster) post(ctx context.Context, h http.Header, body []byte, buf *bytes.Buffer, limit int64) (r *http.Response, left bool, err error) {
	buf.Reset()
	fmt.Fprintf(buf, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", p.path, p.host, len(body))
	if p.short {
		buf.WriteString("Connection: close\r\n")
	}
	if p.auth != "" {
		buf.WriteString("Authorization: " + p.auth + "\r\n")
	}
	_ = h.Write(buf)
	buf.WriteString("\r\n")
	buf.Write(body)
	for {
		c, used, err := p.take(ctx)
		if err != nil {
			return nil, false, err
		}
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		r, left, err := c.exchange(buf, limit)
		if stop() && err == nil && !p.short && !r.Close && r.StatusCode >= 200 && c.r.Buffered() == 0 {
			p.give(c)
		} else {
			_ = c.Close()
		}
		if err != nil && !left && used && ctx.Err() == nil {
			continue // an old connection that had ended unseen: nothing left, so another one may be tried
		}
		return r, left, err
	}
}

// exchange writes what is in buf and reads the answer into it.
func (c *spare) exchange(buf *bytes.Buffer, limit int64) (r *http.Response, left bool, err error) {
	if n, err := c.Write(buf.Bytes()); err != nil {
		return nil, n > 0 || c.seen != nil, err
	}
	c.in.N = limit + answerHead
	for {
		if r, err = http.ReadResponse(c.r, nil); err != nil {
			return nil, true, err
		}
		if r.StatusCode >= 200 || r.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	buf.Reset()
	n, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if err == nil && n > limit {
		err = errors.New("link: the answer is longer than " + strconv.FormatInt(limit, 10) + " bytes")
	}
	return r, true, err
}

// take is an idle connection, or a new one.
func (p *poster) take(ctx context.Context) (c *spare, used bool, err error) {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			break
		}
		c, p.idle[n-1] = p.idle[n-1], nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if time.Since(c.since) < spareFor && quietConn(c.raw) && c.still() {
			return c, true, nil
		}
		_ = c.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, p.dialTime)
	defer cancel()
	connect := long
	if p.short {
		connect = brief.Dial
	}
	c = &spare{}
	c.Conn, c.raw, err = p.secure.dial(ctx, func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := connect(ctx, address)
		if err != nil || p.secure == nil {
			return conn, err
		}
		c.seen = &records{Conn: conn}
		return c.seen, nil
	}, p.address)
	if err != nil {
		return nil, false, err
	}
	if c.seen != nil {
		c.raw = c.seen.Conn
	}
	c.in = &io.LimitedReader{R: c.Conn}
	c.r = bufio.NewReaderSize(c.in, 2048)
	return c, false, nil
}

// still tells whether nothing has come that the protection has read already and not handed out, or not even
// deciphered: an answer too many would be the next request's. The deadline that is over keeps it from reading more.
func (c *spare) still() bool {
	if c.seen == nil {
		return true
	}
	_ = c.SetReadDeadline(time.Unix(1, 0))
	var b [1]byte
	_, err := c.Conn.Read(b[:])
	return errors.Is(err, os.ErrDeadlineExceeded) && c.seen.whole() && c.SetReadDeadline(time.Time{}) == nil
}

// give keeps a connection for later, and ends those that were idle for too long.
func (p *poster) give(c *spare) {
	c.since = time.Now()
	p.mu.Lock()
	old := 0
	for old < len(p.idle) && c.since.Sub(p.idle[old].since) > spareFor {
		old++
	}
	ended := p.idle[:old:old]
	if p.idle = p.idle[old:]; len(p.idle) < spares && !p.closed {
		p.idle = append(p.idle, c)
	} else {
		ended = append(ended, c)
	}
	p.mu.Unlock()
	for _, c := range ended {
		_ = c.Close()
	}
}

func (p *poster) close() {
	p.mu.Lock()
	ended := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range ended {
		_ = c.Close()
	}
}
