// Package serialport is a serial port as the models need it: bytes with deadlines. It wraps
// go.bug.st/serial and honours what was measured about it: a read time-out is (0, nil), a
// write may block for ever, a write after Close would go to whatever has the number of the
// file now, modem lines are ENOTTY on a pseudo terminal, a vanished port stays dead until it
// is opened again through its path. Only drivers/models import it.
package serialport

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.bug.st/serial"
)

// Errors of reading and writing. ErrGone stays until Reopen succeeds.
var (
	ErrTimeout = errors.New("serial port: time-out")
	ErrGone    = errors.New("serial port: the port has gone")
	ErrClosed  = errors.New("serial port: closed")
)

const (
	readSlice    = 50 * time.Millisecond
	writeTimeout = 3 * time.Second
	bufferMax    = 1 << 20
)

// Tap, when it is set before the first Open, is told every piece that goes out (out true)
// or comes in. The bytes may be secret: only a tool that an author of drivers uses sets it.
var Tap func(out bool, b []byte)

// Mode is the line's settings. Parity is N, E or O; TwoStop asks for two stop bits.
type Mode struct {
	Baud    int
	Parity  string
	TwoStop bool
}

// Port is an open port. All methods are safe for concurrent use; only one goroutine should
// read.
type Port struct {
	path string
	mode serial.Mode

	mu     sync.Mutex
	conn   *conn // nil when closed or gone
	closed bool
}

// conn is one opening of the port.
type conn struct {
	port   serial.Port
	stop   chan struct{}
	writes chan write
	done   sync.WaitGroup // the reader
	writer sync.WaitGroup

	mu   sync.Mutex
	buf  []byte
	err  error
	wake chan struct{} // has an element when buf or err changed
}

type write struct {
	b    []byte
	done chan error
}

// Open opens the port; what has arrived already is kept.
func Open(path string, m Mode) (*Port, error) {
	p := &Port{path: path, mode: serial.Mode{BaudRate: m.Baud, DataBits: 8, StopBits: serial.OneStopBit}}
	if m.TwoStop {
		p.mode.StopBits = serial.TwoStopBits
	}
	switch m.Parity {
	case "", "N":
	case "E":
		p.mode.Parity = serial.EvenParity
	case "O":
		p.mode.Parity = serial.OddParity
	default:
		return nil, fmt.Errorf("serial port: parity %q is none of N, E, O", m.Parity)
	}
	return p, p.Reopen()
}

// explain turns what the library answers into words for an operator.
func explain(path string, err error) error {
	var pe *serial.PortError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EIO):
		return fmt.Errorf("port %s does not exist or nothing is behind it: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("port %s may not be opened by this user: %w", path, err)
	case errors.As(err, &pe):
		return fmt.Errorf("port %s: %w", path, pe)
	}
	return fmt.Errorf("port %s: %w", path, err)
}

// Reopen opens the port again through its path, if it is not open.
func (p *Port) Reopen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if p.conn != nil {
		if p.conn.failed() == nil {
			return nil
		}
		p.conn.close()
		p.conn = nil
	}
	mode := p.mode
	sp, err := serial.Open(p.path, &mode)
	if err != nil {
		return explain(p.path, err)
	}
	if err := sp.SetReadTimeout(readSlice); err != nil {
		sp.Close()
		return explain(p.path, err)
	}
	c := &conn{port: sp, stop: make(chan struct{}), writes: make(chan write), wake: make(chan struct{}, 1)}
	c.done.Add(1)
	c.writer.Add(1)
	go c.read()
	go c.write()
	p.conn = c
	return nil
}

// DTR raises or drops the modem lines where there are any.
func (p *Port) DTR(on bool) error {
	c, err := p.live()
	if err != nil {
		return err
	}
	if err := c.port.SetDTR(on); err != nil && !errors.Is(err, syscall.ENOTTY) && !strings.Contains(err.Error(), "inappropriate ioctl") {
		return fmt.Errorf("serial port: modem lines: %w", err)
	}
	return nil
}

func (p *Port) live() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, ErrClosed
	case p.conn == nil:
		return nil, ErrGone
	}
	return p.conn, nil
}

// Gone reports whether the port has to be opened again.
func (p *Port) Gone() bool {
	c, err := p.live()
	return err != nil || c.failed() != nil
}

// Close closes the port. A write that blocks is left to itself.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.conn != nil {
		p.conn.close()
		p.conn = nil
	}
	return nil
}

// Byte gives the next byte, or ErrTimeout at the deadline.
func (p *Port) Byte(deadline time.Time) (byte, error) {
	c, err := p.live()
	if err != nil {
		return 0, err
	}
	return c.next(deadline)
}

// Discard forgets what has arrived.
func (p *Port) Discard() {
	if c, err := p.live(); err == nil {
		c.mu.Lock()
		c.buf = nil
		c.mu.Unlock()
	}
}

// Write sends all of b or fails; a port that does not take bytes for 3 s counts as gone.
func (p *Port) Write(b []byte) error {
	c, err := p.live()
	if err != nil {
		return err
	}
	if err := c.failed(); err != nil {
		return err
	}
	limit := time.NewTimer(writeTimeout)
	defer limit.Stop()
	w := write{append([]byte(nil), b...), make(chan error, 1)}
	select {
	case c.writes <- w:
	case <-c.stop:
		return ErrClosed
	case <-limit.C:
		return ErrTimeout
	}
	select {
	case err := <-w.done:
		return err
	case <-c.stop:
		return ErrClosed
	case <-limit.C:
		c.fail(fmt.Errorf("%w: it takes no bytes", ErrGone))
		return ErrTimeout
	}
}

func (c *conn) read() {
	defer c.done.Done()
	b := make([]byte, 4096)
	for {
		select {
		case <-c.stop:
			return
		default:
		}
		n, err := c.port.Read(b)
		if n > 0 {
			if Tap != nil {
				Tap(false, b[:n])
			}
			c.mu.Lock()
			if len(c.buf) < bufferMax { // a line that babbles must not eat the memory
				c.buf = append(c.buf, b[:n]...)
			}
			c.mu.Unlock()
			c.signal()
		}
		if err != nil {
			c.fail(fmt.Errorf("%w: %w", ErrGone, err))
			return
		}
	}
}

func (c *conn) write() {
	defer c.writer.Done()
	for {
		select {
		case <-c.stop:
			return
		case w := <-c.writes:
			if Tap != nil {
				Tap(true, w.b)
			}
			var err error
			for b := w.b; len(b) > 0 && err == nil; {
				var n int
				n, err = c.port.Write(b)
				b = b[n:]
			}
			if err != nil {
				err = fmt.Errorf("%w: %w", ErrGone, err)
				c.fail(err)
			}
			w.done <- err
		}
	}
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.signal()
}

func (c *conn) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *conn) next(deadline time.Time) (byte, error) {
	var timer *time.Timer
	for {
		c.mu.Lock()
		if len(c.buf) > 0 {
			b := c.buf[0]
			c.buf = c.buf[1:]
			c.mu.Unlock()
			return b, nil
		}
		err := c.err
		c.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if timer == nil {
			timer = time.NewTimer(time.Until(deadline))
			defer timer.Stop()
		}
		select {
		case <-c.wake:
		case <-c.stop:
			return 0, ErrClosed
		case <-timer.C:
			return 0, ErrTimeout
		}
	}
}

// close waits for the reader, so that nobody uses the file when its number is given away; a
// blocked writer would use it, so then the file stays open until the write returns.
func (c *conn) close() {
	close(c.stop)
	c.done.Wait()
	go func() {
		c.writer.Wait()
		_ = c.port.Close()
	}()
}
