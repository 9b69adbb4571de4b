// Package node is the local link between the keeper of a terminal and the programs it
// supervises: a unix socket, one JSON object a line. A program says hello, then beats
// with progress counters (a counter that stands still under a beat that goes on shows a
// hung main loop) and its business lease; the keeper sends orders and beats back, so
// that each side notices when the other is gone. Standard library only; the keeper, the
// platform, the shell and tools import it.
package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Version of the link; a hello of another major version is refused by name.
const Version = 1

// Message is one line in either direction. Exactly one member is set.
type Message struct {
	Hello *Hello `json:"hello,omitempty"` // first line of a program
	Beat  *Beat  `json:"beat,omitempty"`  // program → keeper
	Order *Order `json:"order,omitempty"` // keeper → program
	Alive *Alive `json:"alive,omitempty"` // keeper → program: the answer to each beat
}

// Hello introduces a program.
type Hello struct {
	Version int    `json:"version"`
	Role    string `json:"role"` // platformd, shell
	PID     int    `json:"pid"`
	Release string `json:"release,omitempty"`
}

// Beat says that a program lives and gets on.
type Beat struct {
	// Progress are counters that must rise while the program is healthy, by name of the loop.
	Progress map[string]uint64 `json:"progress"`
	// Lease is the business session that must not be interrupted; "" when idle.
	Lease string `json:"lease,omitempty"`
	// Ready: everything that must be up before customers is up. Why says what is not.
	Ready bool   `json:"ready"`
	Why   string `json:"why,omitempty"`
}

// Alive answers a beat.
type Alive struct {
	Keeper int `json:"keeper"` // pid
}

// Order is what the keeper wants of a program.
type Order struct {
	Kind   string `json:"kind"` // stop, suspend, resume
	Reason string `json:"reason,omitempty"`
}

// The kinds of orders.
const (
	Stop    = "stop"    // finish what moves, then exit
	Suspend = "suspend" // no new customer
	Resume  = "resume"
)

// MaxLine is the longest line either side reads.
const MaxLine = 64 << 10

// ErrGone: the other side has closed the link or sent what is no message.
var ErrGone = errors.New("the keeper's link is gone")

// Client is a program's end. Safe for concurrent use.
type Client struct {
	conn   net.Conn
	mu     sync.Mutex
	orders chan Order
	alive  chan struct{}
	done   chan struct{}
}

// Dial connects to the keeper and says hello.
func Dial(ctx context.Context, path string, h Hello) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	c := &Client{conn: conn, orders: make(chan Order, 8), alive: make(chan struct{}, 1), done: make(chan struct{})}
	h.Version = Version
	if err := c.send(Message{Hello: &h}); err != nil {
		conn.Close()
		return nil, err
	}
	go c.read()
	return c, nil
}

func (c *Client) read() {
	defer close(c.done)
	defer c.conn.Close()
	_ = Read(c.conn, func(m Message) error {
		switch {
		case m.Order != nil:
			select {
			case c.orders <- *m.Order:
			default: // nobody takes orders: the keeper's own time limit decides
			}
		case m.Alive != nil:
			select {
			case c.alive <- struct{}{}:
			default:
			}
		}
		return nil
	})
}

// Read calls f for every message until the link ends; a line that is no message ends it.
func Read(conn net.Conn, f func(Message) error) error {
	sc := bufio.NewScanner(conn)
	sc.Buffer(make([]byte, 0, 4096), MaxLine)
	for sc.Scan() {
		var m Message
		if err := json.Unmarshal(sc.Bytes(), &m); err != nil {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
		if err := f(m); err != nil {
			return err
		}
	}
	return ErrGone
}

// Write sends one message with a deadline.
func Write(conn net.Conn, m Message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return nil
}

func (c *Client) send(m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Write(c.conn, m)
}

// Beat sends a beat.
func (c *Client) Beat(b Beat) error { return c.send(Message{Beat: &b}) }

// Orders delivers the keeper's orders.
func (c *Client) Orders() <-chan Order { return c.orders }

// Alive delivers the keeper's answers to beats; the latest one waits.
func (c *Client) Alive() <-chan struct{} { return c.alive }

// Done is closed when the link is gone.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the link.
func (c *Client) Close() error { return c.conn.Close() }

// Keep dials, beats every interval and dials again when the keeper was away, until ctx
// ends. beat gives the state; order takes orders; lost is told when the keeper has not
// answered for three intervals and again (false) when it is back.
func Keep(ctx context.Context, path string, h Hello, every time.Duration, beat func() Beat, order func(Order), lost func(bool)) {
	gone := false
	tell := func(g bool) {
		if g != gone {
			gone = g
			lost(g)
		}
	}
	for ctx.Err() == nil {
		c, err := Dial(ctx, path, h)
		if err != nil {
			tell(true)
			sleep(ctx, every)
			continue
		}
		quiet := 0
		t := time.NewTicker(every)
	link:
		for {
			select {
			case <-ctx.Done():
				break link
			case <-c.Done():
				break link
			case o := <-c.Orders():
				order(o)
			case <-c.Alive():
				quiet = 0
				tell(false)
			case <-t.C:
				if quiet++; quiet > 3 || c.Beat(beat()) != nil {
					break link
				}
			}
		}
		t.Stop()
		c.Close()
		if ctx.Err() == nil {
			tell(true)
			sleep(ctx, every)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
