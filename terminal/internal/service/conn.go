package service

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"zhigui/drivers/api"
	"zhigui/terminal/api/xfs"
)

// Conn is one client of one service.
type Conn struct {
	server *Server
	svc    *Service
	ws     *websocket.Conn
	role   Role
	out    chan xfs.Message
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	open map[int64]*Call
}

// outgoing is how many messages a slow client may be behind before it is dropped.
const outgoing = 256

func newConn(s *Server, svc *Service, ws *websocket.Conn, role Role) *Conn {
	return &Conn{server: s, svc: svc, ws: ws, role: role, out: make(chan xfs.Message, outgoing), closed: make(chan struct{}), open: map[int64]*Call{}}
}

// send queues a message; a client that does not read is disconnected, never waited for.
func (c *Conn) send(m xfs.Message) {
	select {
	case <-c.closed:
	case c.out <- m:
	default:
		c.close()
	}
}

func (c *Conn) close() {
	c.once.Do(func() { close(c.closed); _ = c.ws.CloseNow() })
}

// Notify sends this client an unsolicited event.
func (c *Conn) Notify(ev api.Event) { c.send(c.server.cfg.Compat.Unsolicited(ev)) }

// Done is closed when the client has gone.
func (c *Conn) Done() <-chan struct{} { return c.closed }

func (c *Conn) run(ctx context.Context) {
	go c.write()
	defer func() {
		c.close()
		// The client is gone: what waits for a person is canceled; what moves money goes on
		// to its end (its handler does not listen to this) and stays queryable.
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, call := range c.open {
			call.cancel(errDisconnected)
		}
	}()
	for {
		typ, frame, err := c.ws.Read(ctx)
		if err != nil {
			return
		}
		c.server.Stats.Messages.Add(1)
		if typ != websocket.MessageText {
			frame = nil
		}
		c.receive(ctx, frame)
	}
}

func (c *Conn) write() {
	for {
		select {
		case <-c.closed:
			return
		case m := <-c.out:
			b, err := json.Marshal(m)
			if err != nil {
				c.server.log.Error("message does not encode", "name", m.Header.Name, "err", err)
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			err = c.ws.Write(ctx, websocket.MessageText, b)
			cancel()
			if err != nil {
				c.close()
				return
			}
		}
	}
}

var (
	errCanceled     = errors.New("canceled by the client")
	errDisconnected = errors.New("the client is gone")
)

func (c *Conn) refuse(e *xfs.ParseError) {
	c.server.Stats.Invalid.Add(1)
	c.send(c.server.cfg.Compat.Refuse(e))
}

func (c *Conn) receive(ctx context.Context, frame []byte) {
	m, err := xfs.ParseCommand(frame)
	if err != nil {
		var pe *xfs.ParseError
		if errors.As(err, &pe) {
			c.refuse(pe)
		}
		return
	}
	call := &Call{Conn: c, Header: m.Header, Payload: m.Payload, Received: time.Now()}
	c.mu.Lock()
	_, dup := c.open[m.Header.RequestID]
	full := len(c.open) >= c.server.cfg.MaxRequests
	if !dup && !full {
		base := context.WithoutCancel(ctx)
		call.ctx, call.cancel = context.WithCancelCause(base)
		if m.Header.Timeout > 0 {
			call.Deadline = call.Received.Add(time.Duration(m.Header.Timeout) * time.Millisecond)
			call.ctx, call.stop = context.WithDeadline(call.ctx, call.Deadline)
		}
		c.open[m.Header.RequestID] = call
	}
	c.mu.Unlock()
	switch {
	case dup:
		c.refuse(&xfs.ParseError{Status: xfs.StatusInvalidRequestID, RequestID: m.Header.RequestID, Name: m.Header.Name, Err: errors.New("this request id is in use")})
		return
	case full:
		c.refuse(&xfs.ParseError{Status: xfs.StatusTooManyRequests, RequestID: m.Header.RequestID, Name: m.Header.Name, Err: errors.New("too many open requests")})
		return
	}
	c.send(c.server.cfg.Compat.Acknowledge(m.Header))
	c.svc.dispatch(call)
}

// finish sends the completion; nothing may be sent for the call after it.
func (c *Conn) finish(call *Call, done api.Completion) {
	c.mu.Lock()
	delete(c.open, call.Header.RequestID)
	c.mu.Unlock()
	if call.stop != nil {
		call.stop()
	}
	call.cancel(nil)
	c.send(c.server.cfg.Compat.Completion(call.Header, done))
	for _, other := range call.cancels { // the completion of Cancel comes first (XFS4IoT)
		other.cancel(errCanceled)
	}
}

// matching lists the named open requests of this connection, or all but self.
func (c *Conn) matching(self int64, ids []int64) []*Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	var hits []*Call
	for id, call := range c.open {
		if id != self && (len(ids) == 0 || slices.Contains(ids, id)) {
			hits = append(hits, call)
		}
	}
	return hits
}

// Call is one command being handled.
type Call struct {
	Conn     *Conn
	Header   xfs.Header
	Payload  json.RawMessage
	Received time.Time
	Deadline time.Time // zero: none
	ctx      context.Context
	cancel   context.CancelCauseFunc
	stop     context.CancelFunc
	cancels  []*Call // canceled once this call's completion is sent
}

// Emit sends an event of this command.
func (c *Call) Emit(ev api.Event) {
	c.Conn.send(c.Conn.server.cfg.Compat.Event(c.Header, ev))
}

// Role of the client.
func (c *Call) Role() Role { return c.Conn.role }

// Decode reads the payload into v, refusing what is not an object of the right types.
// Unknown members are allowed: newer clients send them.
func (c *Call) Decode(v any) error {
	if len(c.Payload) == 0 {
		return nil
	}
	return json.Unmarshal(c.Payload, v)
}

// guarded runs a handler; a panic becomes internalError and a log line.
func (c *Call) guarded(h Handler) (done api.Completion) {
	defer func() {
		if e := recover(); e != nil {
			c.Conn.server.log.Error("handler panicked", "command", c.Header.Name, "panic", e, "stack", string(debug.Stack()))
			done = api.Completion{Outcome: api.Indeterminate, Code: api.InternalError, Description: "internal error"}
		}
	}()
	return h(c.ctx, c)
}
