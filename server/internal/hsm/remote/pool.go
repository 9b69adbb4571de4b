package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of the way to the device.
var (
	ErrUnavailable = errors.New("hsm: the module does not answer")
	ErrProtocol    = errors.New("hsm: the module's answer makes no sense")
)

// Error is a refusal of the device: its two characters.
type Error struct{ Command, Code string }

func (e *Error) Error() string { return "hsm: the module refused " + e.Command + " with " + e.Code }

// Options say where the device is.
type Options struct {
	Address     string
	Connections int           // at most so many commands at a time; 8
	Timeout     time.Duration // of a command with all it waits for; 3 s
	Header      int           // characters of the message header the device is set to; 4
}

// maxMessage bounds messages both ways.
const maxMessage = 32 << 10

// refuseFor is how long a failed dial makes the next commands fail at once.
const refuseFor = 250 * time.Millisecond

// pool is a set of connections, each with one command at a time.
type pool struct {
	o     Options
	slots chan struct{}
	seq   atomic.Uint32

	mu     sync.Mutex
	idle   []net.Conn
	downAt time.Time
	closed bool
}

func newPool(o Options) *pool {
	if o.Connections <= 0 {
		o.Connections = 8
	}
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Header <= 0 {
		o.Header = 4
	}
	return &pool{o: o, slots: make(chan struct{}, o.Connections)}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.Close()
	}
	p.idle = nil
}

// do sends one command and answers what follows its error code 00. No command changes the device, so
// that one whose connection proves to be dead is sent again on a new one, within the same time.
func (p *pool) do(command string, body []byte) ([]byte, error) {
	return p.doWithin(p.o.Timeout, command, body)
}

func (p *pool) doWithin(patience time.Duration, command string, body []byte) ([]byte, error) {
	deadline := time.Now().Add(patience)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: all connections are busy", ErrUnavailable)
	}
	for {
		c, fresh, err := p.conn(ctx)
		if err != nil {
			return nil, err
		}
		answer, err := p.exchange(c, deadline, command, body)
		var refused *Error
		if err == nil || errors.As(err, &refused) {
			p.release(c)
			return answer, err
		}
		_ = c.Close() // whatever comes late on it belongs to nobody
		if fresh || errors.Is(err, ErrProtocol) || !time.Now().Before(deadline) {
			return nil, err
		}
	}
}

// conn is an idle connection, or a new one.
func (p *pool) conn(ctx context.Context) (c net.Conn, fresh bool, err error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c, p.idle = p.idle[n-1], p.idle[:n-1]
		p.mu.Unlock()
		return c, false, nil
	}
	down := p.closed || time.Since(p.downAt) < refuseFor
	p.mu.Unlock()
	if down {
		return nil, true, fmt.Errorf("%w: not reached a moment ago", ErrUnavailable)
	}
	var d net.Dialer
	began := time.Now()
	c, err = d.DialContext(ctx, "tcp", p.o.Address)
	if err != nil {
		var ne net.Error
		if late := errors.As(err, &ne) && ne.Timeout(); !late || time.Since(began) > p.o.Timeout/2 { // not for want of time left
			p.mu.Lock()
			p.downAt = time.Now()
			p.mu.Unlock()
		}
		return nil, true, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return c, true, nil
}

func (p *pool) release(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

func (p *pool) exchange(c net.Conn, deadline time.Time, command string, body []byte) ([]byte, error) {
	if err := c.SetDeadline(deadline); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	head := fmt.Sprintf("%0*X", p.o.Header, p.seq.Add(1))
	head = head[len(head)-p.o.Header:]
	n := p.o.Header + 2 + len(body)
	if n > maxMessage {
		return nil, fmt.Errorf("%w: a message of %d bytes", ErrProtocol, n)
	}
	out := binary.BigEndian.AppendUint16(make([]byte, 0, 2+n), uint16(n)) //nolint:gosec // bounded above
	out = append(append(append(out, head...), command...), body...)
	_, err := c.Write(out)
	clear(out)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	in, err := readFrame(c)
	if err != nil {
		return nil, err
	}
	return parseAnswer(in, head, command)
}

// parseAnswer checks header and codes of an answer.
func parseAnswer(in []byte, head, command string) ([]byte, error) {
	n := len(head)
	if len(in) < n+4 || string(in[:n]) != head || in[n] != command[0] || in[n+1] != command[1]+1 {
		return nil, ErrProtocol
	}
	if code := string(in[n+2 : n+4]); code != "00" {
		for _, r := range code {
			if r < '0' || r > 'Z' {
				return nil, ErrProtocol
			}
		}
		return nil, &Error{command, code}
	}
	return in[n+4:], nil
}

func readFrame(r io.Reader) ([]byte, error) {
	var l [2]byte
	if _, err := io.ReadFull(r, l[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	n := int(binary.BigEndian.Uint16(l[:]))
	if n > maxMessage {
		return nil, ErrProtocol
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return b, nil
}
