// Package robot is a customer without a screen: it drives the platform over the pages'
// WebSocket and the virtual devices over their control API, so that kill tests and
// benchmarks run the real programs. Only bench imports it.
package robot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"zhigui/terminal/api/xfs"
)

// Error is a completion that is no success.
type Error struct {
	Name, Code, ErrorCode, Text string
	Payload                     json.RawMessage
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s %s %s", e.Name, e.Code, e.ErrorCode, e.Text)
}

// Service is one connection to one service.
type Service struct {
	ws   *websocket.Conn
	mu   sync.Mutex
	next int64
	wait map[int64]chan xfs.Message
	// Unsolicited events by name; the latest 100.
	Events chan xfs.Message
	gone   chan struct{}
}

// Dial connects to a service with the pages' token.
func Dial(ctx context.Context, url, service, tokenFile string) (*Service, error) {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, err
	}
	ws, _, err := websocket.Dial(ctx, url+"/xfs4iot/v1.0/"+service+"/?token="+strings.TrimSpace(string(token)), nil)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(xfs.MaxMessage)
	s := &Service{ws: ws, wait: map[int64]chan xfs.Message{}, Events: make(chan xfs.Message, 100), gone: make(chan struct{})}
	go s.read()
	return s, nil
}

func (s *Service) read() {
	defer close(s.gone)
	for {
		_, b, err := s.ws.Read(context.Background())
		if err != nil {
			return
		}
		var m xfs.Message
		if json.Unmarshal(b, &m) != nil {
			continue
		}
		switch m.Header.Type {
		case xfs.TypeCompletion:
			s.deliver(m)
		case xfs.TypeAcknowledge:
			if m.Header.Status != "" {
				s.deliver(m)
			}
		case xfs.TypeUnsolicited:
			select {
			case s.Events <- m:
			default:
			}
		}
	}
}

func (s *Service) deliver(m xfs.Message) {
	s.mu.Lock()
	ch := s.wait[m.Header.RequestID]
	delete(s.wait, m.Header.RequestID)
	s.mu.Unlock()
	if ch != nil {
		ch <- m
	}
}

// ErrGone: the platform is gone.
var ErrGone = errors.New("the platform is gone")

// Call runs a command and decodes its completion's payload into out (may be nil).
func (s *Service) Call(ctx context.Context, name string, in, out any) error {
	var payload json.RawMessage
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		payload = b
	}
	s.mu.Lock()
	s.next++
	id := s.next
	ch := make(chan xfs.Message, 1)
	s.wait[id] = ch
	s.mu.Unlock()
	h := xfs.Header{Type: xfs.TypeCommand, Name: name, Version: "2.0", RequestID: id}
	if d, ok := ctx.Deadline(); ok {
		h.Timeout = max(1, time.Until(d).Milliseconds())
	}
	b, err := json.Marshal(xfs.Message{Header: h, Payload: payload})
	if err != nil {
		return err
	}
	if err := s.ws.Write(ctx, websocket.MessageText, b); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
	defer cancel()
	select {
	case <-grace.Done():
		return fmt.Errorf("%s: no completion", name)
	case <-s.gone:
		return ErrGone
	case m := <-ch:
		if m.Header.Status != "" || (m.Header.CompletionCode != "" && m.Header.CompletionCode != "success") {
			e := &Error{Name: name, Code: string(m.Header.CompletionCode) + m.Header.Status, Text: m.Header.ErrorDescription, Payload: m.Payload}
			var p struct{ ErrorCode string }
			if json.Unmarshal(m.Payload, &p) == nil {
				e.ErrorCode = p.ErrorCode
			}
			return e
		}
		if out != nil {
			return json.Unmarshal(m.Payload, out)
		}
		return nil
	}
}

// Close ends the connection, as a killed page would.
func (s *Service) Close() { _ = s.ws.CloseNow() }

// Devices handles the virtual devices over their control API.
type Devices struct{ URL string }

// Do performs an action.
func (d Devices) Do(device, action string, args map[string]any) error {
	b, err := json.Marshal(args)
	if err != nil {
		return err
	}
	if args == nil {
		b = []byte("{}")
	}
	c := http.Client{Timeout: 15 * time.Second}
	resp, err := c.Post(d.URL+"/api/devices/"+device+"/actions/"+action, "application/json", bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var text bytes.Buffer
		_, _ = text.ReadFrom(resp.Body)
		return fmt.Errorf("%s %s: %s", device, action, strings.TrimSpace(text.String()))
	}
	return nil
}

// State reads a device's state into v.
func (d Devices) State(device string, v any) error { return GetJSON(d.URL+"/api/devices/"+device, v) }

// GetJSON reads a JSON document.
func GetJSON(url string, v any) error {
	c := http.Client{Timeout: 15 * time.Second}
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// Until tries f until it succeeds or the time is over.
func Until(limit time.Duration, f func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := f()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}
