package trade_test

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// sick stands between the server and a host and does with what passes what a test wants.
type sick struct {
	ln     net.Listener
	target string
	mode   atomic.Value // string
	delay  atomic.Int64 // nanoseconds of mode "delay"
	mu     sync.Mutex
	conns  map[net.Conn]bool
	passed atomic.Int64 // requests that reached the host while a fault was on
	held   [][]byte     // answers, of mode "reorder"
	raw    bool         // what passes are no frames
	turned bool         // the host dials: what it sends are its answers
}

func newSick(t testing.TB, target string, raw, turned bool) *sick {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sick{ln: ln, target: target, conns: map[net.Conn]bool{}, raw: raw, turned: turned}
	s.mode.Store("well")
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if s.is("refuse") {
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
				continue
			}
			h, err := net.Dial("tcp", target)
			if err != nil {
				_ = c.Close()
				continue
			}
			s.mu.Lock()
			s.conns[c], s.conns[h] = true, true
			s.mu.Unlock()
			go s.pump(c, h, !turned)
			go s.pump(h, c, turned)
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); s.cut() })
	return s
}

func (s *sick) is(mode string) bool { return s.mode.Load().(string) == mode }

// set changes the fault; those that concern connections strike at once.
func (s *sick) set(mode string) {
	s.mode.Store(mode)
	switch mode {
	case "reset":
		s.mu.Lock()
		for c := range s.conns {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
		s.mu.Unlock()
	case "one link": // of several
		s.mu.Lock()
		for c := range s.conns {
			_ = c.Close()
			break
		}
		s.mu.Unlock()
	}
}

func (s *sick) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// pump carries frames of the interchange link one way.
func (s *sick) pump(from, to net.Conn, request bool) {
	defer func() {
		_, _ = from.Close(), to.Close()
		s.mu.Lock()
		delete(s.conns, from)
		s.mu.Unlock()
	}()
	r := bufio.NewReader(from)
	var wmu sync.Mutex
	write := func(b []byte) { wmu.Lock(); defer wmu.Unlock(); _, _ = to.Write(b) }
	gone := false
	for {
		for s.is("stops reading") && request {
			time.Sleep(5 * time.Millisecond)
		}
		frame, n := s.next(r)
		if frame == nil {
			return
		}
		if gone = gone || s.is("gone"); gone {
			continue // for ever: only a new connection helps
		}
		if request && n > 0 && !s.is("well") {
			s.passed.Add(1)
		}
		switch s.mode.Load().(string) {
		case "half open": // neither end hears of the other any more
			continue
		case "silence":
			if !request {
				continue
			}
		case "reset":
			for _, c := range []net.Conn{from, to} {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			return
		case "delay":
			if !request {
				d := time.Duration(s.delay.Load())
				time.AfterFunc(d, func() { write(frame) })
				continue
			}
		case "garbage":
			if !request && n > 60 {
				for i := 60; i < len(frame); i++ {
					frame[i] = byte(rand.IntN(256))
				}
			}
		case "bad MAC":
			if !request && n > 60 {
				frame[len(frame)-1] ^= 1
			}
		case "twice":
			if !request {
				write(frame)
			}
		case "reorder":
			if !request && n > 0 {
				s.mu.Lock()
				s.held = append(s.held, frame)
				var out [][]byte
				if len(s.held) >= 3 {
					out, s.held = s.held, nil
				}
				s.mu.Unlock()
				for i := len(out) - 1; i >= 0; i-- {
					write(out[i])
				}
				continue
			}
		case "dribble":
			if !request {
				for i := range frame {
					write(frame[i : i+1])
					time.Sleep(time.Millisecond)
				}
				continue
			}
		case "endless dribble": // no answer is whole before the time is over
			if !request {
				for i := 0; i < len(frame) && s.is("endless dribble"); i++ {
					write(frame[i : i+1])
					time.Sleep(50 * time.Millisecond)
				}
				return
			}
		}
		write(frame)
	}
}

// next reads a frame, or what there is of something else, and how long its message is; nil at the end.
func (s *sick) next(r *bufio.Reader) (frame []byte, n int) {
	if s.raw {
		buf := make([]byte, 32<<10)
		n, err := r.Read(buf)
		if n == 0 || err != nil && err != io.EOF {
			return nil, 0
		}
		return buf[:n], n
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, 0
	}
	n, err := strconv.Atoi(string(head))
	if err != nil {
		return nil, 0
	}
	frame = append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, frame[4:]); err != nil {
		return nil, 0
	}
	return frame, n
}
