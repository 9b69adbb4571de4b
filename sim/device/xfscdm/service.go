package xfscdm

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Endpoint is the path of the service.
const Endpoint = "/xfs4iot/v1.0/dispenser"

type obj = map[string]any

// header and message are the envelope of the standard.
type header struct {
	Type             string `json:"type"`
	Name             string `json:"name"`
	Version          string `json:"version"`
	RequestID        int64  `json:"requestId,omitempty"`
	Status           string `json:"status,omitempty"`
	CompletionCode   string `json:"completionCode,omitempty"`
	ErrorDescription string `json:"errorDescription,omitempty"`
}

type message struct {
	Header  header          `json:"header"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// command reads a frame; ok is false for what is no command.
func command(frame []byte) (m message, ok bool) {
	if json.Unmarshal(frame, &m) != nil {
		return message{}, false
	}
	return m, m.Header.Type == "command" && m.Header.Name != "" && m.Header.RequestID > 0
}

// request is a command and the client that asked.
type request struct {
	message
	from *websocket.Conn
}

// service is the WebSocket side: it takes commands into a queue, and wakes the firmware.
type service struct {
	http *http.Server
	at   net.Listener
	wake func()

	mu    sync.Mutex
	dead  bool // without power
	conns map[*websocket.Conn]bool
	queue []request
}

func listen(addr string) (*service, error) {
	at, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &service{at: at, conns: map[*websocket.Conn]bool{}, dead: true, wake: func() {}}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.http.Serve(at) }() // ends with close
	return s, nil
}

func (s *service) url() string { return "ws://" + s.at.Addr().String() + Endpoint }

func (s *service) clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *service) close() error {
	s.hang()
	return s.http.Close()
}

// hang breaks every link; nobody is let in before live.
func (s *service) hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.queue = true, nil
	s.cut()
}

// cut breaks the links; the lock is held.
func (s *service) cut() {
	for c := range s.conns {
		_ = c.CloseNow()
	}
	s.conns = map[*websocket.Conn]bool{}
}

// drop breaks the links of a device that lives on.
func (s *service) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
}

func (s *service) live() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = false
}

// ServeHTTP takes a client in.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	dead := s.dead
	s.mu.Unlock()
	if dead || r.URL.Path != Endpoint && r.URL.Path != Endpoint+"/" {
		http.Error(w, "no service", http.StatusServiceUnavailable)
		return
	}
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	s.mu.Lock()
	if s.dead {
		s.mu.Unlock()
		_ = c.CloseNow()
		return
	}
	s.conns[c] = true
	s.mu.Unlock()
	for {
		_, b, err := c.Read(context.Background())
		if err != nil {
			break
		}
		m, ok := command(b)
		if !ok {
			continue
		}
		s.mu.Lock()
		s.queue = append(s.queue, request{m, c})
		s.mu.Unlock()
		s.wake()
	}
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// next takes a command from the queue.
func (s *service) next() (request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return request{}, false
	}
	r := s.queue[0]
	s.queue = s.queue[1:]
	return r, true
}

// write sends a message to one client, or to all when to is nil.
func (s *service) write(to *websocket.Conn, h header, payload any) []byte {
	m := obj{"header": h}
	if payload != nil {
		m["payload"] = payload
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(errors.Join(errors.New("a payload that does not encode"), err))
	}
	s.mu.Lock()
	var list []*websocket.Conn
	for c := range s.conns {
		if to == nil || c == to {
			list = append(list, c)
		}
	}
	s.mu.Unlock()
	for _, c := range list {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = c.Write(ctx, websocket.MessageText, b) // one that is gone is noticed by its reading
		cancel()
	}
	return b
}
