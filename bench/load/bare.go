package load

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"zhigui/server/api/message"
)

// The ceiling: a bare forwarder that reads a frame, writes it durably (group commit on an
// append-only file), sends it over one of four kept links to an echo host, answers and
// closes. No parsing, no cryptography, no SQL: what this machine can do at best.

// Echo answers every frame on ln with itself.
func Echo(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			r := bufio.NewReaderSize(c, 64<<10)
			w := bufio.NewWriterSize(c, 64<<10)
			var h [6]byte
			buf := make([]byte, 65536)
			for {
				if _, err := io.ReadFull(r, h[:]); err != nil {
					return
				}
				n := binary.BigEndian.Uint16(h[4:])
				if _, err := io.ReadFull(r, buf[:n]); err != nil {
					return
				}
				_, _ = w.Write(h[:])
				_, _ = w.Write(buf[:n])
				if r.Buffered() == 0 && w.Flush() != nil {
					return
				}
			}
		}()
	}
}

type bareLink struct {
	mu   sync.Mutex
	w    *bufio.Writer
	wait map[uint32]chan []byte
	kick chan struct{}
}

// Forward serves ln as the bare forwarder towards host.
func Forward(ln net.Listener, host, wal string) error {
	f, err := os.Create(wal)
	if err != nil {
		return err
	}
	var links [4]*bareLink
	for i := range links {
		c, err := net.Dial("tcp", host)
		if err != nil {
			return err
		}
		l := &bareLink{w: bufio.NewWriterSize(c, 64<<10), wait: map[uint32]chan []byte{}, kick: make(chan struct{}, 1)}
		links[i] = l
		go l.read(c)
		go l.flush()
	}
	type write struct {
		b    []byte
		done chan struct{}
	}
	q := make(chan write, 4096)
	go func() {
		var buf []byte
		var ws []write
		for w := range q {
			buf, ws = append(buf[:0], w.b...), append(ws[:0], w)
		more:
			for len(ws) < 256 {
				select {
				case w := <-q:
					buf, ws = append(buf, w.b...), append(ws, w)
				default:
					break more
				}
			}
			_, _ = f.Write(buf)
			_ = f.Sync()
			for _, w := range ws {
				close(w.done)
			}
		}
	}()
	var id atomic.Uint32
	for {
		c, err := ln.Accept()
		if err != nil {
			return nil
		}
		go func() {
			defer c.Close() //nolint:errcheck // bench
			var h [2]byte
			if _, err := io.ReadFull(c, h[:]); err != nil {
				return
			}
			b := make([]byte, 2+binary.BigEndian.Uint16(h[:]))
			copy(b, h[:])
			if _, err := io.ReadFull(c, b[2:]); err != nil {
				return
			}
			w := write{b, make(chan struct{})}
			q <- w
			<-w.done
			n := id.Add(1)
			_, _ = c.Write(links[n%4].send(n, b))
		}()
	}
}

func (l *bareLink) send(n uint32, b []byte) []byte {
	ch := make(chan []byte, 1)
	var h [4]byte
	binary.BigEndian.PutUint32(h[:], n)
	l.mu.Lock()
	l.wait[n] = ch
	_, _ = l.w.Write(h[:])
	_, _ = l.w.Write(b)
	l.mu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	return <-ch
}

func (l *bareLink) flush() {
	for range l.kick {
		l.mu.Lock()
		_ = l.w.Flush()
		l.mu.Unlock()
	}
}

func (l *bareLink) read(c net.Conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	var h [6]byte
	for {
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return
		}
		b := make([]byte, 2+binary.BigEndian.Uint16(h[4:]))
		copy(b, h[4:])
		if _, err := io.ReadFull(r, b[2:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(h[:4])
		l.mu.Lock()
		ch := l.wait[n]
		delete(l.wait, n)
		l.mu.Unlock()
		ch <- b
	}
}

// Bare runs frames of a withdrawal's size against a forwarder.
func Bare(c Config) (*Result, error) {
	d, err := message.Builtin("pos64")
	if err != nil {
		return nil, err
	}
	frame := make([]byte, 2+170)
	frame[1] = 170
	rs, ins := make([]*bufio.Reader, c.Terminals), make([][]byte, c.Terminals)
	for i := range rs {
		rs[i] = bufio.NewReader(nil)
	}
	return run(c, func(i int) error {
		_, err := short(c.Address, frame, rs[i], d, &ins[i])
		return err
	})
}
