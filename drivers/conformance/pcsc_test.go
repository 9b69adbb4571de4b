//go:build unix

package conformance_test

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/pcsc"
)

// socket stands before the smart card daemon: it can be taken away and put noise before an
// answer, which Debian's daemon cannot be told to do.
type socket struct {
	t    *testing.T
	path string

	mu    sync.Mutex
	l     net.Listener
	conns map[net.Conn]bool
	noise bool
}

func newSocket(t *testing.T) *socket {
	t.Helper()
	s := &socket{t: t, path: filepath.Join(t.TempDir(), "pcscd.comm"), conns: map[net.Conn]bool{}}
	if err := s.Return(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Vanish() })
	return s
}

func (s *socket) Port() string  { return s.path }
func (s *socket) PowerCut()     { _ = s.Vanish() }
func (s *socket) PowerRestore() { _ = s.Return() }

func (s *socket) Garbage() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noise = true
	return nil
}

func (s *socket) Vanish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
	if s.l == nil {
		return nil
	}
	l := s.l
	s.l = nil
	return l.Close()
}

func (s *socket) Return() error {
	l, err := net.Listen("unix", s.path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.l = l
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return nil
}

func (s *socket) serve(c net.Conn) {
	d, err := net.Dial("unix", conformance.PCSCSocket)
	if err != nil {
		c.Close()
		return
	}
	s.mu.Lock()
	s.conns[c], s.conns[d] = true, true
	s.mu.Unlock()
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(d, c); done <- struct{}{} }()
	go func() { _, _ = io.Copy(noisy{s, c}, d); done <- struct{}{} }()
	<-done
	c.Close()
	d.Close()
	s.mu.Lock()
	delete(s.conns, c)
	delete(s.conns, d)
	s.mu.Unlock()
}

// noisy is the way to the driver.
type noisy struct {
	s *socket
	c net.Conn
}

func (n noisy) Write(b []byte) (int, error) {
	n.s.mu.Lock()
	on := n.s.noise
	n.s.noise = false
	n.s.mu.Unlock()
	if on {
		if _, err := n.c.Write([]byte{0xFF, 0x00, 0x5A, 0x7F}); err != nil {
			return 0, err
		}
	}
	return n.c.Write(b)
}

func TestTheChipReaderOfTheDaemonConforms(t *testing.T) {
	conformance.PCSCD(t)
	conformance.Run(t, conformance.Options{BadPayload: card.CmdChipIO, Model: pcsc.Model,
		Device:   func(t *testing.T) conformance.Device { return newSocket(t) },
		Profile:  map[string]any{"pollMs": 20, "replyMs": 1000},
		Harmless: conformance.Request{Name: card.CmdReset, Payload: card.Reset{To: card.Current}},
		Wait:     conformance.Request{Name: card.CmdReadRawData, Payload: card.ReadRawData{Chip: true}}, Began: card.EvInsertCard})
}
