package device

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/escpos"
)

//go:embed panel/*.html panel/*.js panel/*.css
var panelFiles embed.FS

// Server is the control API and the panel of a set of devices (docs/interfaces.md §3).
// It trusts whoever reaches it: bind it to the loopback address.
type Server struct {
	sims []*Sim
	hub  *engine.Hub
	log  *slog.Logger
	mux  *http.ServeMux

	done chan struct{}
}

// NewServer serves devices that share one hub.
func NewServer(hub *engine.Hub, log *slog.Logger, sims ...*Sim) *Server {
	s := &Server{sims: sims, hub: hub, log: log, mux: http.NewServeMux(), done: make(chan struct{})}
	s.mux.HandleFunc("GET /api/devices", s.list)
	s.mux.HandleFunc("GET /api/devices/{id}", s.one)
	s.mux.HandleFunc("POST /api/devices/{id}/actions/{action}", s.act)
	s.mux.HandleFunc("GET /api/devices/{id}/trace", s.traceOf)
	s.mux.HandleFunc("GET /api/devices/{id}/receipts/{file}", s.receipt)
	s.mux.HandleFunc("GET /api/events", s.events)
	sub, err := fs.Sub(panelFiles, "panel")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	s.mux.Handle("GET /", http.FileServerFS(sub))
	go func() {
		for _, d := range sims {
			<-d.Stopped()
		}
		close(s.done)
	}()
	return s
}

// Done is closed when every device has been ended (VD-14).
func (s *Server) Done() <-chan struct{} { return s.done }

// ServeHTTP implements http.Handler. A page of another origin may not act on the devices.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if o := r.Header.Get("Origin"); o != "" && r.Method != http.MethodGet && !strings.HasSuffix(o, "://"+r.Host) {
		fail(w, http.StatusForbidden, "another origin")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	s.mux.ServeHTTP(w, r)
}

func (s *Server) sim(w http.ResponseWriter, r *http.Request) *Sim {
	for _, d := range s.sims {
		if d.ID() == r.PathValue("id") {
			return d
		}
	}
	fail(w, http.StatusNotFound, fmt.Sprintf("no device %q", r.PathValue("id")))
	return nil
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // the client went away: nothing to do
}

func fail(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": reason})
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	states := []State{}
	for _, d := range s.sims {
		states = append(states, d.State())
	}
	reply(w, states)
}

func (s *Server) one(w http.ResponseWriter, r *http.Request) {
	if d := s.sim(w, r); d != nil {
		reply(w, d.State())
	}
}

func (s *Server) traceOf(w http.ResponseWriter, r *http.Request) {
	if d := s.sim(w, r); d != nil {
		reply(w, d.Trace())
	}
}

func (s *Server) act(w http.ResponseWriter, r *http.Request) {
	d := s.sim(w, r)
	if d == nil {
		return
	}
	args := Args{}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	if err := dec.Decode(&args); err != nil && r.ContentLength != 0 {
		fail(w, http.StatusBadRequest, "body: want a JSON object")
		return
	}
	state, err := d.Do(r.PathValue("action"), args)
	var conflict *Conflict
	var bad *ArgError
	switch {
	case err == nil:
		reply(w, state)
	case errors.As(err, &conflict):
		fail(w, http.StatusConflict, conflict.Reason)
	case errors.As(err, &bad):
		fail(w, http.StatusBadRequest, bad.Reason)
	default:
		s.log.Error("virtual device action failed", "device", d.ID(), "action", r.PathValue("action"), "err", err)
		fail(w, http.StatusInternalServerError, err.Error())
	}
}

func (s *Server) receipt(w http.ResponseWriter, r *http.Request) {
	d := s.sim(w, r)
	if d == nil {
		return
	}
	num, form, _ := strings.Cut(r.PathValue("file"), ".")
	n, err := strconv.Atoi(num)
	if err != nil {
		fail(w, http.StatusNotFound, "no such receipt")
		return
	}
	body, kind, err := d.Picture(n, form)
	if err != nil {
		fail(w, http.StatusNotFound, err.Error())
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body)
}

// Picture is a receipt or a page that the device, a printer, has printed: as png, svg or txt.
func (s *Sim) Picture(n int, form string) (body []byte, kind string, err error) {
	if m, is := s.Model().(interface {
		Picture(n int, form string) ([]byte, string, error)
	}); is {
		return m.Picture(n, form)
	}
	t, ok := s.Ticket(n)
	if !ok {
		return nil, "", errors.New("no such receipt")
	}
	return t.Picture(form)
}

// Ticket is a receipt that the device, a printer, has cut, or a page of its passbook.
func (s *Sim) Ticket(n int) (t escpos.Ticket, ok bool) {
	if m, is := s.Model().(interface {
		Ticket(n int) (escpos.Ticket, bool)
	}); is {
		s.Look(func() { t, ok = m.Ticket(n) })
	}
	return t, ok
}

// events streams what happens: event name = kind, data = JSON. A state event carries no
// state: ask for it.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	ch, cancel := s.hub.Subscribe(1024)
	defer cancel()
	fmt.Fprint(w, "retry: 1000\n\n")
	if rc.Flush() != nil {
		return
	}
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		case <-beat.C:
			fmt.Fprint(w, ": beat\n\n")
		case e, ok := <-ch:
			if !ok {
				return
			}
			b, err := json.Marshal(e)
			if err != nil {
				continue
			}
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, b)
		}
		if rc.Flush() != nil {
			return
		}
	}
}
