package xfs4iot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// errLost: the link ended while a command was open.
var errLost = errors.New("the link to the service provider is lost")

// maxFrame is the largest frame in bytes: a picture in base64 fits.
const maxFrame = 16 << 20

// link is one connection to one service. It ends when the connection does; the driver makes
// the next one.
type link struct {
	ws   *websocket.Conn
	note func(message) // unsolicited events, and events of commands that have ended
	bad  func(error)   // frames that are none

	mu   sync.Mutex
	next int64
	open map[int64]chan message // events and the completion of each open command
	gone chan struct{}
}

func dial(ctx context.Context, address, token string, note func(message), bad func(error)) (*link, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "ws" && u.Scheme != "wss") || u.Host == "" {
		return nil, fmt.Errorf("port %q: the address of a service is wanted, such as ws://127.0.0.1:5846/xfs4iot/v1.0/CardReader/", address)
	}
	if token != "" {
		q := u.Query()
		q.Set("token", token)
		u.RawQuery = q.Encode()
	}
	ws, _, err := websocket.Dial(ctx, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("service provider %s: not reached (is it running, and is the path right?)", u.Host) // err has the token in it
	}
	ws.SetReadLimit(maxFrame)
	l := &link{ws: ws, note: note, bad: bad, open: map[int64]chan message{}, gone: make(chan struct{})}
	go l.read()
	return l, nil
}

func (l *link) close() { _ = l.ws.CloseNow() }

func (l *link) read() {
	defer func() {
		l.close()
		close(l.gone)
	}()
	for {
		_, frame, err := l.ws.Read(context.Background())
		if err != nil {
			return
		}
		k, m, err := parse(frame)
		if err != nil {
			l.bad(err)
			continue
		}
		l.mu.Lock()
		ch := l.open[m.Header.RequestID]
		if k == completion || k == acknowledge && m.Header.Status != "" {
			delete(l.open, m.Header.RequestID)
		}
		l.mu.Unlock()
		switch {
		case k == unsolicited, k == event && ch == nil:
			l.note(m)
		case ch == nil, k == acknowledge && m.Header.Status == "":
		default:
			select {
			case ch <- m:
			case <-time.After(time.Second): // nobody waits any more
			}
		}
	}
}

// ping fails when the other end is silent.
func (l *link) ping(ctx context.Context) error { return l.ws.Ping(ctx) }

// send begins a command; the channel gets its events, then its completion (or the refusing
// acknowledge).
func (l *link) send(ctx context.Context, name, version string, timeout time.Duration, payload json.RawMessage) (int64, <-chan message, error) {
	ch := make(chan message, 64)
	l.mu.Lock()
	l.next++
	id := l.next
	l.open[id] = ch
	l.mu.Unlock()
	m := message{Header: header{Type: "command", Name: name, Version: version, RequestID: id, Timeout: timeout.Milliseconds()}, Payload: payload}
	if len(payload) == 0 {
		m.Payload = json.RawMessage("{}")
	}
	b, err := json.Marshal(m)
	if err == nil {
		err = l.ws.Write(ctx, websocket.MessageText, b)
	}
	if err != nil {
		l.forget(id)
		return 0, nil, errLost
	}
	return id, ch, nil
}

func (l *link) forget(id int64) {
	l.mu.Lock()
	delete(l.open, id)
	l.mu.Unlock()
}

// ask runs a command that needs no person and decodes its payload.
func (l *link) ask(ctx context.Context, name, version string, limit time.Duration, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var payload json.RawMessage
	if in != nil {
		payload, _ = json.Marshal(in) // of our own types
	}
	id, ch, err := l.send(ctx, name, version, limit, payload)
	if err != nil {
		return err
	}
	defer l.forget(id)
	for {
		select {
		case m := <-ch:
			switch {
			case m.Header.Type == "event":
				continue
			case m.Header.Status != "":
				return fmt.Errorf("%s: %s", name, m.Header.Status)
			case m.Header.code() != "":
				return fmt.Errorf("%s: %s", name, m.Header.code())
			case out == nil || len(m.Payload) == 0:
				return nil
			}
			if err := json.Unmarshal(m.Payload, out); err != nil {
				return fmt.Errorf("%s: its answer does not decode", name)
			}
			return nil
		case <-l.gone:
			return errLost
		case <-ctx.Done():
			return fmt.Errorf("%s: no answer", name)
		}
	}
}
