// Package service is the WebSocket face of the native platform: XFS4IoT services on
// loopback, each with one queue, the standard's asynchronous exceptions, cancel,
// time-outs that count from receipt, and the publisher that lists the services. It knows
// nothing of devices or money: handlers do. Only the native platform imports it.
package service

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"zhigui/drivers/api"
	"zhigui/terminal/api/xfs"
)

// Role is what a connection may see.
type Role string

// The roles: a page of ours gets masked card data and the X- services; an outside
// XFS4IoT client gets what the standard says.
const (
	RoleFlow Role = "flow"
	RoleXFS  Role = "xfs"
	// RoleOperator may give operator's orders; its token is readable by the operator only.
	RoleOperator Role = "operator"
)

// Config of the server.
type Config struct {
	// Addr is a loopback address; a busy port is an error, since pages are told this one.
	Addr string
	// Tokens maps each per-boot token to its role.
	Tokens map[string]Role
	// Origins that browsers may come from; an empty Origin (no browser) is allowed.
	Origins []string
	Compat  xfs.Compat
	// MaxRequests is how many commands one connection may have open; 0 means 32.
	MaxRequests int
	Vendor      string
}

// Stats counts what came in; bad input is counted, answered and survived.
type Stats struct {
	Connections, Refused, Messages, Invalid atomic.Int64
}

// Server serves all services of a terminal. Safe for concurrent use.
type Server struct {
	cfg   Config
	log   *slog.Logger
	Stats Stats

	mu       sync.Mutex
	services map[string]*Service
	conns    map[*Conn]struct{}
	http     *http.Server
}

// New makes a server; Register services, then Serve.
func New(cfg Config, log *slog.Logger) *Server {
	if cfg.MaxRequests == 0 {
		cfg.MaxRequests = 32
	}
	return &Server{cfg: cfg, log: log, services: map[string]*Service{}, conns: map[*Conn]struct{}{}}
}

// Register adds a service before Serve.
func (s *Server) Register(svc *Service) {
	svc.server = s
	s.services[svc.Name] = svc
}

const path = "/xfs4iot/v1.0"

// Serve listens and serves until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	host, _, err := net.SplitHostPort(s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("xfs address: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("xfs address %s is not loopback: the pages' link must not leave the machine", s.cfg.Addr)
	}
	l, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("xfs address %s (setting xfs.addr): %w", s.cfg.Addr, err)
	}
	return s.ServeListener(ctx, l)
}

// ServeListener is Serve on a listener that the caller made.
func (s *Server) ServeListener(ctx context.Context, l net.Listener) error {
	for _, svc := range s.services {
		svc.start(ctx)
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.upgrade), ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { s.http.Close() })
	defer stop()
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) role(r *http.Request) (Role, string, bool) {
	token, sub := r.URL.Query().Get("token"), ""
	for _, p := range strings.Split(r.Header.Get("Sec-WebSocket-Protocol"), ",") {
		if t, ok := strings.CutPrefix(strings.TrimSpace(p), "token."); ok {
			token, sub = t, strings.TrimSpace(p)
		}
	}
	for t, role := range s.cfg.Tokens {
		if subtle.ConstantTimeCompare([]byte(t), []byte(token)) == 1 {
			return role, sub, true
		}
	}
	return "", "", false
}

func (s *Server) originAllowed(r *http.Request) bool {
	o := r.Header.Get("Origin")
	if o == "" {
		return true
	}
	for _, a := range s.cfg.Origins {
		if strings.EqualFold(a, o) {
			return true
		}
	}
	return false
}

func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		http.Error(w, "this port speaks XFS4IoT over WebSocket", http.StatusBadRequest)
		return
	}
	role, sub, ok := s.role(r)
	if !ok || !s.originAllowed(r) {
		s.Stats.Refused.Add(1)
		s.log.Warn("connection refused", "token", ok, "origin", r.Header.Get("Origin"))
		http.Error(w, "token or origin not allowed", http.StatusForbidden)
		return
	}
	name, ok := strings.CutPrefix(strings.TrimSuffix(r.URL.Path, "/"), path)
	name = strings.TrimPrefix(name, "/")
	svc := s.services[name]
	if !ok || (name != "" && svc == nil) {
		http.Error(w, "no such service", http.StatusNotFound)
		return
	}
	if svc == nil {
		svc = s.publisher()
	}
	opts := &websocket.AcceptOptions{InsecureSkipVerify: true} // Origin was checked above
	if sub != "" {
		opts.Subprotocols = []string{sub}
	}
	ws, err := websocket.Accept(w, r, opts)
	if err != nil {
		s.Stats.Refused.Add(1)
		return
	}
	ws.SetReadLimit(xfs.MaxMessage)
	s.Stats.Connections.Add(1)
	c := newConn(s, svc, ws, role)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	c.run(r.Context())
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// publisher answers ServicePublisher.GetServices on the bare path.
func (s *Server) publisher() *Service {
	return &Service{Name: "", server: s, Commands: map[string]Command{
		"ServicePublisher.GetServices": {Async: true, Handle: func(context.Context, *Call) api.Completion {
			type uri struct {
				ServiceURI string `json:"serviceURI"`
			}
			var list []uri
			for name := range s.services {
				list = append(list, uri{"ws://" + s.cfg.Addr + path + "/" + name + "/"})
			}
			return Done(map[string]any{"vendorName": s.cfg.Vendor, "services": list})
		}},
	}}
}

// Broadcast sends an unsolicited event to every connection of a service.
func (s *Server) Broadcast(service string, ev api.Event) {
	m := s.cfg.Compat.Unsolicited(ev)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.svc.Name == service {
			c.send(m)
		}
	}
}

// Done is a successful completion with a payload.
func Done(payload any) api.Completion {
	b, err := json.Marshal(payload)
	if err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	return api.Completion{Outcome: api.Done, Payload: b}
}
