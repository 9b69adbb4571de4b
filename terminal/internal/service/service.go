package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"zhigui/drivers/api"
	"zhigui/terminal/api/xfs"
)

// Handler runs one command. ctx ends when the client cancels, disconnects or the
// command's time is over; a handler that has begun to move money finishes regardless.
type Handler func(ctx context.Context, c *Call) api.Completion

// Command is how a service handles one command.
type Command struct {
	Handle Handler
	// Async commands run beside the queue (the standard's list: status, capabilities, …).
	Async bool
}

// Service is one XFS4IoT service: a name, its commands and a queue that runs one at a
// time. Fill the exported members, then Register it.
type Service struct {
	Name     string
	Commands map[string]Command
	// Dynamic are commands that are known only when the device has described itself.
	Dynamic func() map[string]Command
	// Status and Capabilities answer Common.Status and Common.Capabilities; the service adds
	// the list of its interfaces to the latter.
	Status       func(ctx context.Context) api.Completion
	Capabilities func(ctx context.Context) api.Completion

	server *Server
	queue  chan queued

	mu    sync.Mutex
	state txnState
}

type txnState struct {
	State         string `json:"state"`
	TransactionID string `json:"transactionID,omitempty"`
}

type queued struct {
	call   *Call
	handle Handler
}

const queueLen = 64

func (s *Service) start(ctx context.Context) {
	s.queue = make(chan queued, queueLen)
	s.state = txnState{State: "inactive"}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case q := <-s.queue:
				q.run()
			}
		}
	}()
}

func (q queued) run() {
	c := q.call
	if done, over := ended(c.ctx); over {
		c.Conn.finish(c, done)
		return
	}
	c.Conn.finish(c, c.guarded(q.handle))
}

// find gives the command of a name.
func (s *Service) find(name string) (Command, bool) {
	cmd, ok := s.Commands[name]
	if !ok && s.Dynamic != nil {
		cmd, ok = s.Dynamic()[name]
	}
	return cmd, ok
}

// ended says how a command completes whose context is over before it began.
func ended(ctx context.Context) (api.Completion, bool) {
	switch {
	case ctx.Err() == nil:
		return api.Completion{}, false
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return api.Refuse(api.CodeTimeOut, "the time-out passed while the command was queued"), true
	default:
		return api.Refuse(api.CodeCanceled, "canceled while queued"), true
	}
}

func (s *Service) dispatch(c *Call) {
	name := c.Header.Name
	if h, ok := s.common(name); ok {
		go func() { c.Conn.finish(c, c.guarded(h)) }()
		return
	}
	cmd, ok := s.find(name)
	if !ok {
		c.Conn.finish(c, api.Refuse(api.UnsupportedCommand, fmt.Sprintf("service %q has no command %s", s.Name, name)))
		return
	}
	if cmd.Async || s.queue == nil {
		go func() { c.Conn.finish(c, c.guarded(cmd.Handle)) }()
		return
	}
	select {
	case s.queue <- queued{c, cmd.Handle}:
	default:
		c.Conn.finish(c, api.Refuse(api.SequenceError, "the service's queue is full"))
	}
}

// common answers the Common interface, which every service has.
func (s *Service) common(name string) (Handler, bool) {
	switch name {
	case "Common.Status":
		return s.orUnsupported(s.Status), true
	case "Common.Capabilities":
		return s.capabilities, true
	case "Common.Cancel":
		return s.cancel, true
	case "Common.SetTransactionState":
		return s.setTransactionState, true
	case "Common.GetTransactionState":
		return func(context.Context, *Call) api.Completion {
			s.mu.Lock()
			defer s.mu.Unlock()
			return Done(s.state)
		}, true
	case "Common.SetVersions":
		return s.setVersions, true
	}
	return nil, false
}

func (s *Service) orUnsupported(f func(context.Context) api.Completion) Handler {
	return func(ctx context.Context, c *Call) api.Completion {
		if f == nil {
			return Done(map[string]any{"common": map[string]any{"device": api.Online}})
		}
		return f(ctx)
	}
}

func (s *Service) cancel(_ context.Context, c *Call) api.Completion {
	var req struct {
		RequestIDs []int64 `json:"requestIds"`
	}
	if err := c.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if c.cancels = c.Conn.matching(c.Header.RequestID, req.RequestIDs); len(c.cancels) == 0 {
		return api.Fail(api.NotStarted, "noMatchingRequestIDs", "nothing to cancel")
	}
	return api.Completion{Outcome: api.Done}
}

func (s *Service) setTransactionState(_ context.Context, c *Call) api.Completion {
	var req txnState
	if err := c.Decode(&req); err != nil || (req.State != "active" && req.State != "inactive") {
		return api.Refuse(api.InvalidData, "state must be active or inactive")
	}
	s.mu.Lock()
	s.state = req
	s.mu.Unlock()
	return api.Completion{Outcome: api.Done}
}

// setVersions accepts a choice of major versions that we speak and refuses others.
func (s *Service) setVersions(_ context.Context, c *Call) api.Completion {
	var req struct {
		Commands map[string]int `json:"commands"`
		Events   map[string]int `json:"events"`
	}
	if err := c.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	for _, m := range []map[string]int{req.Commands, req.Events} {
		for name, major := range m {
			if !xfs.Speaks(name, major) {
				return api.Refuse(api.UnsupportedData, fmt.Sprintf("%s version %d: this service speaks %s", name, major, strings.Join(xfs.Versions(name), ", ")))
			}
		}
	}
	return api.Completion{Outcome: api.Done}
}
