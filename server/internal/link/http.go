package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// HTTPOptions of NewHTTP.
type HTTPOptions struct {
	URL      string
	Codec    *Codec
	Secure   *Security
	Short    bool    // a connection for each message
	InFlight int     // 0 = 1024
	Wrap     wrap    // what stands around the message; nil: nothing
	Sign     *signed // nil: bodies are not signed
	Dial     time.Duration
	Log      *slog.Logger
}

// wrap puts a message into a body and takes it out, as SOAP does.
type wrap interface {
	pack(msg []byte) []byte
	unpack(body []byte) ([]byte, error)
	headers(h http.Header)
	fault(text string) []byte
}

// HTTP is the client of a host that takes messages as the body of a POST.
type HTTP struct {
	o HTTPOptions
	p *poster
	gauge
}

// NewHTTP makes a client; nothing is connected before the first Send.
func NewHTTP(o HTTPOptions) (*HTTP, error) {
	if o.InFlight <= 0 {
		o.InFlight = 1024
	}
	if o.Dial <= 0 {
		o.Dial = 5 * time.Second
	}
	p, err := newPoster(o.URL, o.Secure, o.Short, o.Dial)
	return &HTTP{o: o, p: p}, err
}

// Start implements Client; there is nothing to start.
func (h *HTTP) Start() {}

// Close implements Client.
func (h *HTTP) Close() { h.p.close() }

// Up implements Client: only a try can tell.
func (h *HTTP) Up() bool { return true }

// Stats implements Client.
func (h *HTTP) Stats() Stats { return h.stats() }

// Send implements Client.
func (h *HTTP) Send(ctx context.Context, key Key, frame []byte) (*Answer, error) {
	if h.flying.Add(1) > int64(h.o.InFlight) {
		h.flying.Add(-1)
		h.refused.Add(1)
		return nil, ErrNotSent
	}
	defer h.flying.Add(-1)
	msg := h.o.Codec.Strip(frame)
	if h.o.Wrap != nil {
		msg = h.o.Wrap.pack(msg)
	}
	head := http.Header{"Content-Type": {contentType(h.o.Codec.d.Kind)}}
	patience, over := telling(ctx)
	if over {
		h.refused.Add(1)
		return nil, ErrNotSent
	}
	if patience != "" {
		head.Set(TimeLeftHeader, patience)
	}
	if h.o.Wrap != nil {
		h.o.Wrap.headers(head)
	}
	if err := h.o.Sign.put(head, msg); err != nil {
		h.refused.Add(1)
		h.o.Log.Error("link: not signed", "error", err.Error())
		return nil, ErrNotSent
	}
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	r, left, err := h.p.post(ctx, head, msg, buf, h.o.Codec.bodyLimit())
	if !left {
		h.reached(err)
		h.refused.Add(1)
		return nil, ErrNotSent
	}
	h.sent.Add(1)
	if err != nil {
		return nil, h.failed(ctx, err)
	}
	h.reached(nil)
	body := buf.Bytes()
	if r.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", r.StatusCode)
	}
	if err == nil {
		err = h.o.Sign.check(r.Header, body)
	}
	if err == nil && h.o.Wrap != nil {
		body, err = h.o.Wrap.unpack(body)
	}
	if err != nil {
		return nil, h.failed(ctx, err)
	}
	a := answers.Get().(*Answer)
	a.buf = append(a.buf[:0], body...)
	if err := h.accept(h.o.Codec, a, key, h.o.Log); err != nil {
		return nil, err
	}
	return a, nil
}

var bodies = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// bodyLimit is the longest body that can hold a message.
func (c *Codec) bodyLimit() int64 { return int64(c.d.Frame.Max)*2 + 4096 }

func contentType(kind string) string {
	switch kind {
	case "json":
		return "application/json"
	case "xml":
		return "text/xml"
	case "delimited":
		return "text/plain"
	}
	return "application/octet-stream"
}

// HTTPServer takes messages as the body of a POST and answers in the body of the answer.
type HTTPServer struct {
	s    *http.Server
	l    net.Listener
	stop context.CancelFunc

	open                                         atomic.Int64
	accepted, refused, frames, garbage, unsigned atomic.Uint64

	most int
	faults
}

// NewHTTPServer listens on address and answers posts to path.
func NewHTTPServer(address, path string, o HTTPOptions, h Handler) (*HTTPServer, error) {
	l, err := o.Secure.Listen(address)
	if err != nil {
		return nil, fmt.Errorf("link: listen: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &HTTPServer{l: l, stop: stop}
	if o.InFlight <= 0 {
		o.InFlight = 1024
	}
	s.most = o.InFlight
	slots := make(chan struct{}, o.InFlight)
	limit := o.Codec.bodyLimit()
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			s.refused.Add(1)
			s.note(FaultFull)
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests under way", http.StatusServiceUnavailable)
			return
		}
		s.frames.Add(1)
		bad := func(text string) {
			s.garbage.Add(1)
			s.note(FaultGarbage)
			if o.Wrap == nil {
				http.Error(w, text, http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			w.WriteHeader(http.StatusInternalServerError) // as SOAP 1.1 wants it for a fault
			_, _ = w.Write(o.Wrap.fault(text))
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if err == nil && o.Sign.check(r.Header, body) != nil {
			s.unsigned.Add(1)
			s.note(FaultSignature)
			o.Log.Warn("link: a message whose signature is missing or wrong", "from", r.RemoteAddr)
			http.Error(w, "the signature is missing or wrong", http.StatusUnauthorized)
			return
		}
		if err == nil && o.Wrap != nil {
			body, err = o.Wrap.unpack(body)
		}
		if err != nil || len(body) == 0 {
			bad("the body is no message of this service")
			return
		}
		out, _ := h.Handle(receivedHTTP(ctx, began, r.Header), body, nil)
		answer := o.Codec.Strip(out)
		if len(answer) == 0 {
			bad("the message cannot be read")
			return
		}
		w.Header().Set("Content-Type", contentType(o.Codec.d.Kind))
		if o.Wrap != nil {
			answer = o.Wrap.pack(answer)
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		}
		if err := o.Sign.put(w.Header(), answer); err != nil {
			o.Log.Error("link: answer not signed", "error", err.Error())
			http.Error(w, "the answer cannot be signed", http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(answer)
	})
	if o.Wrap != nil {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if !r.URL.Query().Has("wsdl") {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			_, _ = w.Write(o.Wrap.(*soap).wsdl("http://" + r.Host + path))
		})
	}
	s.s = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 3 * time.Minute,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnState: func(_ net.Conn, st http.ConnState) {
			switch st {
			case http.StateNew:
				s.open.Add(1)
				s.accepted.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.open.Add(-1)
			}
		}}
	go func() {
		if err := s.s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.Log.Error("link: http", "error", err.Error())
		}
	}()
	return s, nil
}

// Addr is the address listened on.
func (s *HTTPServer) Addr() net.Addr { return s.l.Addr() }

// Close implements Server.
func (s *HTTPServer) Close(ctx context.Context) {
	_ = s.s.Shutdown(ctx)
	s.stop()
	_ = s.s.Close()
}

// Stats implements Server.
func (s *HTTPServer) Stats() ListenerStats {
	return s.into(ListenerStats{Open: s.open.Load(), Most: s.most, Accepted: s.accepted.Load(), Refused: s.refused.Load(), Frames: s.frames.Load(), Garbage: s.garbage.Load(), Unsigned: s.unsigned.Load()})
}
