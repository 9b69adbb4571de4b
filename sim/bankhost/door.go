package bankhost

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"zhigui/server/api/message/brief"
	"zhigui/server/api/message/format"
	"zhigui/sim/plainhttp"
)

// Door is one more way to the host.
type Door struct {
	Kind    string          // long, short, async, group, http, soap, kafka
	Dialect string          // cups128, a format that comes with the platform, or a file (….yaml)
	Format  *format.Dialect // or one of its own
	Listen  string
	Address string // of the acquirer (async, group), or of the brokers
	Count   int    // connections of a group, each way
	TLS     *tls.Config
	Request string // topics
	Answer  string
	Cipher  *Cipher // fields or messages are encrypted
}

// closers end a door.
type closers []func()

func (c closers) Close() error {
	for _, f := range c {
		f()
	}
	return nil
}

func (h *Host) openDoor(d Door) error {
	var w wire = native{}
	if d.Format != nil {
		w = foreign{d.Format}
	} else if d.Dialect != "cups128" && d.Dialect != "cups128sm4" {
		load := format.Builtin
		if strings.HasSuffix(d.Dialect, ".yaml") {
			load = format.LoadFile
		}
		f, err := load(d.Dialect)
		if err != nil {
			return err
		}
		w = foreign{f}
	}
	if d.Cipher != nil {
		w = sealed{w, d.Cipher}
	}
	if d.Kind == "kafka" {
		return h.kafkaDoor(d, w)
	}
	ctx, stop := context.WithCancel(context.Background())
	ln, err := brief.Listen(d.Listen)
	if err != nil {
		stop()
		return err
	}
	if d.TLS != nil {
		ln = tls.NewListener(ln, d.TLS)
	}
	var live sync.Map
	h.doors = append(h.doors, closers{stop, func() { _ = ln.Close() }, func() { live.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true }) }})
	switch {
	case d.Kind == "http" && h.o.Fast: // below
	case d.Kind == "http", d.Kind == "soap":
		s := &http.Server{Handler: h.webDoor(w, d.Kind == "soap"), ReadHeaderTimeout: 10 * time.Second}
		h.doors = append(h.doors, s)
		h.wg.Go(func() { _ = s.Serve(ln) })
		return nil
	case d.Kind == "group":
		h.groupDoor(ctx, d, w, ln, &live)
		return nil
	}
	h.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			live.Store(c, true)
			h.wg.Add(1)
			h.do(func() {
				defer func() { live.Delete(c); _ = c.Close(); h.wg.Done() }()
				if d.Kind == "http" {
					h.fastWeb(w, c)
					return
				}
				r := bufio.NewReaderSize(c, 1024)
				var mu sync.Mutex
				for {
					body, err := w.read(r)
					if err != nil {
						return
					}
					if len(body) == 0 {
						continue
					}
					switch d.Kind {
					case "short":
						h.exchange(w, body, func(f []byte) { _ = brief.Last(c, f) }, func() { _ = c.Close() })
						return
					case "async":
						h.exchange(w, body, func(f []byte) {
							if a, err := net.DialTimeout("tcp", d.Address, 5*time.Second); err == nil {
								_, _ = a.Write(f)
								_ = a.Close()
							}
						}, func() {})
					default:
						h.wg.Go(func() {
							h.exchange(w, body, func(f []byte) {
								mu.Lock()
								defer mu.Unlock()
								_, _ = c.Write(f)
							}, func() { _ = c.Close() })
						})
					}
				}
			})
		}
	})
	return nil
}

// groupDoor is the card network's side of simplex connections: it reads those it accepts and answers
// on those it dials. When one of either breaks it closes all, as the network does.
func (h *Host) groupDoor(ctx context.Context, d Door, w wire, ln net.Listener, live *sync.Map) {
	n := max(1, d.Count)
	var mu sync.Mutex
	var out []net.Conn
	next := 0
	drop := func() { live.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true }) }
	for range n {
		h.wg.Go(func() {
			for ctx.Err() == nil {
				c, err := net.DialTimeout("tcp", d.Address, time.Second)
				if err != nil {
					select {
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond):
					}
					continue
				}
				live.Store(c, true)
				mu.Lock()
				out = append(out, c)
				mu.Unlock()
				_, _ = io.Copy(io.Discard, c) // nothing comes but the end
				mu.Lock()
				for i := range out {
					if out[i] == c {
						out = append(out[:i:i], out[i+1:]...)
						break
					}
				}
				mu.Unlock()
				live.Delete(c)
				_ = c.Close()
				drop()
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
	send := func(f []byte) {
		mu.Lock()
		defer mu.Unlock()
		if len(out) == 0 {
			return
		}
		next++
		_, _ = out[next%len(out)].Write(f)
	}
	h.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			live.Store(c, true)
			h.wg.Go(func() {
				r := bufio.NewReader(c)
				for {
					body, err := w.read(r)
					if err != nil {
						break
					}
					if len(body) > 0 {
						h.wg.Go(func() { h.exchange(w, body, send, drop) })
					}
				}
				live.Delete(c)
				_ = c.Close()
				drop()
			})
		}
	})
}

// envelope is what this host reads of a SOAP message: the text of the first element in the body.
type envelope struct {
	Body struct {
		Call struct {
			Text string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
}

func (h *Host) webDoor(w wire, soap bool) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil || r.Method != http.MethodPost {
			http.Error(rw, "POST a message", http.StatusBadRequest)
			return
		}
		if soap {
			var e envelope
			if err := xml.Unmarshal(body, &e); err != nil {
				http.Error(rw, "no envelope", http.StatusInternalServerError)
				return
			}
			body = []byte(e.Body.Call.Text)
		}
		answered := false
		cut := func() {
			if c, _, err := http.NewResponseController(rw).Hijack(); err == nil {
				_ = c.Close()
			}
		}
		h.exchangeSaid(w, body, r.Header.Get("X-Time-Left"), func(f []byte) {
			answered = true
			out := w.bare(f)
			if soap {
				var b strings.Builder
				_ = xml.EscapeText(&b, out)
				out = fmt.Appendf(nil, `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><answer>%s</answer></e:Body></e:Envelope>`, b.String())
			}
			_, _ = rw.Write(out)
		}, func() { answered = true; cut() })
		if !answered { // silence: the connection stays until the other side has had enough
			<-r.Context().Done()
			cut()
		}
	})
}

// fastWeb serves one connection as webDoor does, without what net/http's server spends on each request.
func (h *Host) fastWeb(w wire, c net.Conn) {
	r := bufio.NewReader(c)
	for {
		q, err := plainhttp.Read(r, nil)
		if err != nil {
			return
		}
		answered := false
		h.exchange(w, q.Body, func(f []byte) {
			answered = true
			out := w.bare(f)
			_, err = c.Write(append(fmt.Appendf(make([]byte, 0, 128+len(out)), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(out)), out...))
		}, func() { answered = true; _ = c.Close() })
		if !answered {
			_, _ = io.Copy(io.Discard, r) // silence, until the other side has had enough
		}
		if err != nil || q.Last || !answered {
			return
		}
	}
}

// kafkaDoor takes requests from a topic and puts answers into another, with another client library
// than the server's.
func (h *Host) kafkaDoor(d Door, w wire) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(d.Address, ",")...), kgo.ConsumeTopics(d.Request), kgo.ConsumerGroup("bank"), kgo.AllowAutoTopicCreation())
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	h.doors = append(h.doors, closers{stop, c.Close})
	h.wg.Go(func() {
		for {
			f := c.PollFetches(ctx)
			if f.IsClientClosed() || ctx.Err() != nil {
				return
			}
			f.EachRecord(func(r *kgo.Record) {
				said := ""
				for _, x := range r.Headers {
					if x.Key == "time-left" {
						said = string(x.Value)
					}
				}
				h.wg.Go(func() {
					h.exchangeSaid(w, r.Value, said, func(out []byte) {
						c.Produce(ctx, &kgo.Record{Topic: d.Answer, Key: r.Key, Value: w.bare(out)}, nil)
					}, func() {})
				})
			})
		}
	})
	return nil
}
