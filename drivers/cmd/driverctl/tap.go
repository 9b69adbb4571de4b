package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/internal/serialport"
)

// tapKey names the socket to which the driver process, which is this program again, tells
// the bytes of its line.
const tapKey = "DRIVERCTL_TAP"

// piece is what went over the line at once.
type piece struct {
	at  time.Time
	out bool // from driver to device
	b   []byte
}

func (p piece) String() string {
	arrow := "<-"
	if p.out {
		arrow = "->"
	}
	return fmt.Sprintf("%s %s %s  %s", p.at.Format("15:04:05.000"), arrow, spaced(p.b), printable(p.b))
}

func spaced(b []byte) string {
	s := strings.ToUpper(hex.EncodeToString(b))
	var out strings.Builder
	for i := 0; i < len(s); i += 2 {
		if i > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(s[i : i+2])
	}
	return out.String()
}

func printable(b []byte) string {
	out := make([]byte, len(b))
	for i, x := range b {
		if out[i] = x; x < ' ' || x > '~' {
			out[i] = '.'
		}
	}
	return string(out)
}

const tapKeeps = 400

// tap collects the bytes that a driver process tells.
type tap struct {
	path string
	conn *net.UnixConn
	pong chan struct{}

	mu     sync.Mutex
	pieces []piece
	live   func(piece) // nil: not shown as they come
	sent   int
	came   int
}

// newTap listens; close ends it.
func newTap() (*tap, func(), error) {
	dir, err := os.MkdirTemp("", "driverctl")
	if err != nil {
		return nil, nil, err
	}
	t := &tap{path: filepath.Join(dir, "tap"), pong: make(chan struct{}, 1)}
	t.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: t.path, Net: "unixgram"})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, fmt.Errorf("byte trace: %w", err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); t.listen() }()
	return t, func() { _ = t.conn.Close(); <-ended; _ = os.RemoveAll(dir) }, nil
}

func (t *tap) listen() {
	b := make([]byte, 1<<17)
	for {
		n, err := t.conn.Read(b)
		if err != nil {
			return
		}
		if n < 9 {
			select {
			case t.pong <- struct{}{}:
			default:
			}
			continue
		}
		p := piece{at: time.Unix(0, int64(binary.BigEndian.Uint64(b))), out: b[8] == 1, b: append([]byte(nil), b[9:n]...)}
		t.mu.Lock()
		if t.pieces = append(t.pieces, p); len(t.pieces) > tapKeeps {
			t.pieces = t.pieces[1:]
		}
		if p.out {
			t.sent += len(p.b)
		} else {
			t.came += len(p.b)
		}
		live := t.live
		t.mu.Unlock()
		if live != nil {
			live(p)
		}
	}
}

// show sets who is told the pieces as they come.
func (t *tap) show(f func(piece)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live = f
}

// sync returns when what was told before has been heard: the socket keeps the order.
func (t *tap) sync() {
	c, err := net.Dial("unixgram", t.path)
	if err != nil {
		return
	}
	defer c.Close()
	select {
	case <-t.pong:
	default:
	}
	if _, err := c.Write([]byte{0}); err != nil {
		return
	}
	select {
	case <-t.pong:
	case <-time.After(time.Second):
	}
}

// last gives up to n pieces, oldest first, and how many bytes went each way.
func (t *tap) last(n int) (ps []piece, sent, came int) {
	t.sync()
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(ps, t.pieces[max(0, len(t.pieces)-n):]...), t.sent, t.came
}

// tellTap makes this driver process tell its bytes to the socket.
func tellTap(path string) {
	if path == "" {
		return
	}
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return
	}
	serialport.Tap = func(out bool, b []byte) {
		m := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
		m = append(append(m, map[bool]byte{true: 1}[out]), b...)
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)) // a tool that hangs must not stop a device
		_, _ = conn.Write(m)
	}
}
