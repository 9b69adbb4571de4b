package link

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhigui/server/api/message"
)

// Spec is a link as configuration writes it: what carries the messages, and where.
type Spec struct {
	Kind    string `yaml:"kind"`    // a key of kinds
	Address string `yaml:"address"` // of the peer: host:port, a URL for http and soap, brokers for kafka
	Listen  string `yaml:"listen"`  // our own host:port (and path, for http and soap: 127.0.0.1:80/trade)
	Count   int    `yaml:"count"`   // connections of a long link, each way; 0 = 1
	Request string `yaml:"request"` // kafka and bus: topic of requests
	Answer  string `yaml:"answer"`  // kafka and bus: topic of answers
	TLS     *TLS   `yaml:"tls"`     // nil: none
	SASL    *SASL  `yaml:"sasl"`    // kafka; nil: none
	Short   bool   `yaml:"short"`   // http and soap: a connection for each message
	Action  string `yaml:"action"`  // soap: SOAPAction
	Element string `yaml:"element"` // soap: the operation's element in the body
	// Signature has bodies signed: http and soap.
	Signature *Signature `yaml:"signature"`
	Timeout   duration   `yaml:"timeout"` // dialling, and a write; 0 = 5 s
	Idle      duration   `yaml:"idle"`    // a long link silent for so long is closed; 0 = 90 s
	Max       int        `yaml:"max"`     // connections accepted, or requests under way; 0 = 2000 and 1024
}

type duration = time.Duration

// need says which settings a kind has.
type need struct {
	address, listen bool // as a client
	serve           bool // as a server it needs listen
	topics          bool
	url             bool
}

var kinds = map[string]need{
	"long":    {serve: true},                              // TCP duplex long connections, dialled or (with listen) accepted
	"simplex": {address: true, listen: true, serve: true}, // TCP simplex long connections: one way dialled, the other accepted
	"group":   {address: true, listen: true, serve: true}, // as simplex, living and dying together (UnionPay, two in and two out)
	"short":   {address: true, serve: true},               // TCP, request and answer on one connection
	"async":   {address: true, listen: true, serve: true}, // TCP, request on one short connection, answer on another
	"http":    {address: true, serve: true, url: true},    // POST, long or short connections; https with tls
	"soap":    {address: true, serve: true, url: true},    // SOAP 1.1 over http
	"kafka":   {address: true, topics: true},              // two topics
	"bus":     {topics: true},                             // two topics of the embedded bus
}

// Validate returns the first wrong setting and what to do, or two empty strings. server asks for a
// link by which others come to us.
func (s *Spec) Validate(server bool) (key, reason string) {
	n, ok := kinds[s.Kind]
	if !ok {
		return "kind", "want long, simplex, group, short, async, http, soap, kafka or bus"
	}
	hostPort := func(v string) bool {
		_, port, err := net.SplitHostPort(v)
		if err != nil {
			return false
		}
		_, err = strconv.ParseUint(port, 10, 16)
		return err == nil
	}
	if s.TLS != nil {
		if key, reason := s.TLS.validate((server || s.Listen != "") && !n.topics); reason != "" {
			return "tls." + key, reason
		}
	}
	switch {
	case s.TLS != nil && s.Kind == "bus":
		return "tls", "is for links that leave this process"
	case s.TLS != nil && s.Kind == "kafka" && s.TLS.Kind == "tlcp":
		return "tls.kind", "want tls: brokers have no TLCP"
	case s.SASL != nil && s.Kind != "kafka":
		return "sasl", "is for kafka"
	case s.SASL != nil:
		if key, reason := s.SASL.validate(s.TLS != nil); reason != "" {
			return "sasl." + key, reason
		}
	}
	if s.Signature != nil {
		if !n.url {
			return "signature", "is for http and soap"
		}
		if key, reason := s.Signature.validate(); reason != "" {
			return "signature." + key, reason
		}
	}
	switch {
	case n.topics && (s.Request == "" || s.Answer == "" || s.Request == s.Answer):
		return "request", "want two topics, request and answer"
	case n.topics:
		if n.address && s.Address == "" {
			return "address", "want the brokers, host:port,host:port"
		}
	case s.Kind == "long" && !server && (s.Address == "") == (s.Listen == ""):
		return "address", "want address (we dial) or listen (the host dials us)"
	case server && s.Kind == "long", server && s.Kind == "short":
		if !hostPort(s.Listen) {
			return "listen", "want host:port"
		}
	case s.Kind == "simplex" || s.Kind == "group" || s.Kind == "async":
		if !hostPort(s.Listen) {
			return "listen", "want host:port"
		}
		if !hostPort(s.Address) {
			return "address", "want host:port"
		}
	case n.url && server:
		if a, _, _ := cutPath(s.Listen); !hostPort(a) {
			return "listen", "want host:port/path"
		}
	case n.url:
		if u, err := url.Parse(s.Address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "address", "want http://host:port/path or https://…"
		} else if s.TLS != nil && u.Scheme == "http" {
			return "address", "want https://… as there is tls"
		}
	case (s.Address != "" || s.Kind == "short") && !hostPort(s.Address):
		return "address", "want host:port"
	case s.Listen != "" && !hostPort(s.Listen):
		return "listen", "want host:port"
	}
	switch {
	case s.Count < 0 || s.Count > 64:
		return "count", "want 1 to 64"
	case s.Max < 0 || s.Max > 1<<20:
		return "max", "want 1 to 1048576"
	case s.Timeout < 0 || s.Timeout > time.Minute:
		return "timeout", "want up to 1m"
	case s.Idle != 0 && (s.Idle < time.Second || s.Idle > 24*time.Hour):
		return "idle", "want 1s to 24h"
	}
	return "", ""
}

// Open makes the client of s. onUp is called when a link that keeps connections comes up; requests
// answers what the peer asks by such a link.
func Open(s *Spec, c *Codec, onUp func(), requests Handler, log *slog.Logger) (Client, error) {
	sec, err := s.TLS.open()
	if err != nil {
		return nil, err
	}
	if s.Kind != "short" && !kinds[s.Kind].url && !slices.Contains(c.pairs, message.STAN) {
		return nil, fmt.Errorf("link: dialect %s has no trace number (stan): where requests share a way, a late answer would be taken for another's; want kind short, http or soap", c.Name())
	}
	long := Options{Codec: c, Secure: sec, InFlight: s.Max, Write: s.Timeout, Idle: s.Idle, KeepAlive: s.Idle / 3, OnUp: onUp, Requests: requests, Log: log}
	switch s.Kind {
	case "long":
		if long.Lines = []Line{{Way: Duplex, Address: s.Address, Count: s.Count}}; s.Listen != "" {
			long.Lines = []Line{{Way: Duplex, Address: s.Listen, Accept: true, Count: s.Count}}
		}
		return NewMux(long), nil
	case "simplex", "group":
		long.Lines, long.Group = s.lines(), s.Kind == "group"
		return NewMux(long), nil
	case "short":
		return NewShort(ShortOptions{Address: s.Address, Codec: c, Secure: sec, InFlight: s.Max, Dial: s.Timeout, HalfOpen: c.d.Frame.Endless(), Log: log}), nil
	case "async":
		return NewAsync(s.async(c, sec, log))
	case "http", "soap":
		o, err := s.http(c, sec, log)
		if err != nil {
			return nil, err
		}
		return NewHTTP(o)
	case "kafka", "bus":
		b, err := s.bus(sec, log)
		if err != nil {
			return nil, err
		}
		return NewMQ(s, c, b, log), nil
	}
	return nil, fmt.Errorf("link: kind %q cannot be a client", s.Kind)
}

func (s *Spec) lines() []Line {
	return []Line{{Way: Out, Address: s.Address, Count: s.Count}, {Way: In, Address: s.Listen, Accept: true, Count: s.Count}}
}

func (s *Spec) async(c *Codec, sec *Security, log *slog.Logger) AsyncOptions {
	return AsyncOptions{Address: s.Address, Listen: s.Listen, Codec: c, Secure: sec, InFlight: s.Max, Timeout: s.Timeout, Log: log}
}

func (s *Spec) http(c *Codec, sec *Security, log *slog.Logger) (HTTPOptions, error) {
	signature, err := s.Signature.open()
	o := HTTPOptions{Sign: signature, URL: s.Address, Codec: c, Secure: sec, Short: s.Short, InFlight: s.Max, Dial: s.Timeout, Log: log}
	if s.Kind == "soap" {
		o.Wrap = newSOAP(s)
	}
	return o, err
}

// Serve listens for those who come to us by s.
func Serve(s *Spec, c *Codec, h Handler, log *slog.Logger) (Server, error) {
	sec, err := s.TLS.open()
	if err != nil {
		return nil, err
	}
	switch s.Kind {
	case "long", "short":
		return NewListener(s.Listen, ListenerOptions{Codec: c, Handler: h, Secure: sec, Max: s.Max, Idle: s.Idle, Write: s.Timeout, Log: log})
	case "simplex", "group":
		m := NewMux(Options{Lines: s.lines(), Group: s.Kind == "group", Codec: c, Secure: sec, Write: s.Timeout, Idle: s.Idle, KeepAlive: s.Idle / 3, Requests: h, Serial: max(32, s.Max), Log: log})
		m.Start()
		return &served{m}, nil
	case "async":
		return NewAsyncServer(s.async(c, sec, log), h)
	case "http", "soap":
		address, path, _ := cutPath(s.Listen)
		o, err := s.http(c, sec, log)
		if err != nil {
			return nil, err
		}
		return NewHTTPServer(address, path, o, h)
	case "kafka", "bus":
		b, err := s.bus(sec, log)
		if err != nil {
			return nil, err
		}
		return NewMQServer(s, c, b, h, log)
	}
	return nil, fmt.Errorf("link: kind %q cannot be a server", s.Kind)
}

// served is a Mux that others send requests to.
type served struct{ m *Mux }

func (s *served) Close(context.Context) { s.m.Close() }

func (s *served) Stats() ListenerStats {
	st := s.m.Stats()
	v := ListenerStats{Open: int64(st.Up), Want: st.Want, Most: cap(s.m.slots), Accepted: st.Reconnects, Refused: st.Refused, Frames: st.Served, Garbage: st.Garbage}
	if st.Up < st.Want && st.LastError != "" {
		v.Fault, v.FaultAt = FaultLink, st.LastErrorAt
	}
	return v
}

// Server is a way by which others come to us.
type Server interface {
	// Close stops accepting and gives running requests until ctx ends.
	Close(ctx context.Context)
	Stats() ListenerStats
}

// cutPath splits host:port/path.
func cutPath(listen string) (address, path string, found bool) {
	address, path, found = strings.Cut(listen, "/")
	return address, "/" + path, found
}
