package link

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/server/internal/bus"
	"zhigui/server/internal/certificate"
)

// local is the embedded bus of this process: those who name the same topics meet on it.
var local = bus.NewEmbedded()

func (s *Spec) bus(sec *Security, log *slog.Logger) (bus.Bus, error) {
	if s.Kind == "bus" {
		return local, nil
	}
	var a bus.Access
	if sec != nil {
		a.TLS = sec.client("") // the name is each broker's
	}
	if s.SASL != nil {
		if err := certificate.Private(s.SASL.Password); err != nil {
			return nil, fmt.Errorf("link: password of the brokers: %w", err)
		}
		password, err := os.ReadFile(s.SASL.Password)
		if err != nil {
			return nil, fmt.Errorf("link: password of the brokers: %w", err)
		}
		a.Mechanism, a.User, a.Password = s.SASL.Mechanism, s.SASL.User, strings.TrimSpace(string(password))
	}
	return bus.NewKafka(strings.Split(s.Address, ","), a, log)
}

// SASL is how brokers know us.
type SASL struct {
	Mechanism string `yaml:"mechanism"` // plain, scram-sha-256 or scram-sha-512
	User      string `yaml:"user"`
	Password  string `yaml:"password"` // file that holds it
}

func (s *SASL) validate(secure bool) (key, reason string) {
	switch {
	case !slices.Contains(bus.Mechanisms(), s.Mechanism):
		return "mechanism", "want " + strings.Join(bus.Mechanisms(), ", ")
	case s.Mechanism == "plain" && !secure:
		return "mechanism", "plain sends the password as it is: want tls, or scram-sha-512"
	case s.User == "":
		return "user", "want the name that the brokers know"
	case s.Password == "":
		return "password", "want a file that holds the password"
	}
	return "", ""
}

// MQ is the client of a host that takes requests from one topic and puts answers into another.
type MQ struct {
	s    Spec
	b    bus.Bus
	c    *Codec
	p    pairing
	stop chan struct{}
	wg   sync.WaitGroup
	gauge
	up atomic.Bool
}

// NewMQ makes a client of the topics of s.
func NewMQ(s *Spec, c *Codec, b bus.Bus, log *slog.Logger) *MQ {
	m := &MQ{s: *s, b: b, c: c, stop: make(chan struct{}), p: pairing{codec: c, max: s.Max, tombstone: time.Minute, log: log}}
	if m.p.max == 0 {
		m.p.max = 1024
	}
	m.p.init()
	return m
}

// Start implements Client: it subscribes, again and again until it succeeds.
func (m *MQ) Start() {
	m.wg.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		var end func()
		for {
			if end == nil {
				var err error
				end, err = m.b.Subscribe(m.s.Answer, "", func(x bus.Message) {
					a := answers.Get().(*Answer)
					a.buf = append(a.buf[:0], x.Value...)
					if !m.p.receive(a) {
						m.p.orphan.Add(1)
						a.Release()
					}
				})
				m.reached(err)
				m.up.Store(err == nil)
			}
			select {
			case <-m.stop:
				m.up.Store(false)
				if end != nil {
					end()
				}
				return
			case now := <-t.C:
				m.p.sweep(now)
			}
		}
	})
}

// Close implements Client.
func (m *MQ) Close() {
	close(m.stop)
	m.wg.Wait()
	_ = m.b.Close()
}

// Up implements Client.
func (m *MQ) Up() bool { return m.up.Load() }

// Stats implements Client.
func (m *MQ) Stats() Stats {
	s := m.stats()
	p := &m.p
	s.InFlight, s.Answered, s.Late, s.Orphan, s.Garbage, s.Timeouts = p.inFlight(), p.answered.Load(), p.late.Load(), p.orphan.Load(), p.garbage.Load(), p.timeouts.Load()
	if !m.Up() {
		s.Up = 0
	}
	return s
}

// Send implements Client.
func (m *MQ) Send(ctx context.Context, key Key, frame []byte) (*Answer, error) {
	w := &wait{frame: frame, ch: make(chan *Answer, 1)}
	if !m.Up() || !m.p.add(key, w) {
		m.refused.Add(1)
		return nil, ErrNotSent
	}
	left, over := telling(ctx)
	if over && m.p.remove(key, w) {
		m.refused.Add(1)
		return nil, ErrNotSent
	}
	w.state.Store(written)
	if err := m.b.Publish(ctx, m.s.Request, bus.Message{Key: key[11:], Value: append([]byte(nil), m.c.Strip(frame)...), TimeLeft: left}); err != nil {
		if m.s.Kind == "bus" && m.p.remove(key, w) { // the embedded bus says for sure that it has nothing
			m.refused.Add(1)
			return nil, ErrNotSent
		}
		m.mu.Lock()
		m.lastErr, m.lastAt = err.Error(), time.Now()
		m.mu.Unlock()
		m.lost.Add(1) // the brokers may have it all the same: wait
	}
	m.sent.Add(1)
	return m.p.wait(ctx, key, w)
}

// MQServer answers the requests of one topic into another. Servers with the same topics share them.
type MQServer struct {
	b      bus.Bus
	end    func()
	cancel context.CancelFunc
	wg     sync.WaitGroup

	frames, garbage, lost atomic.Uint64
	most                  int
	faults
}

// NewMQServer subscribes and answers until Close.
func NewMQServer(s *Spec, c *Codec, b bus.Bus, h Handler, log *slog.Logger) (*MQServer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	m := &MQServer{b: b, cancel: cancel}
	m.most = max(64, s.Max)
	slots := make(chan struct{}, m.most)
	var err error
	m.end, err = b.Subscribe(s.Request, "zhigui."+s.Request, func(x bus.Message) {
		slots <- struct{}{} // waits here: the broker keeps what is not taken yet
		m.frames.Add(1)
		m.wg.Go(func() {
			defer func() { <-slots }()
			out := handle(received(ctx, x.At, x.TimeLeft, x.TimeLeft != ""), h, x.Value, log)
			answer := c.Strip(out)
			if len(answer) == 0 {
				m.garbage.Add(1)
				m.note(FaultGarbage)
				return
			}
			if err := b.Publish(ctx, s.Answer, bus.Message{Key: x.Key, Value: answer}); err != nil {
				m.note(FaultLost)
				m.lost.Add(1) // who asked asks again, and gets the stored answer
				log.Warn("link: answer not published", "error", err.Error())
			}
		})
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return m, nil
}

// Close implements Server.
func (m *MQServer) Close(ctx context.Context) {
	m.end()
	done := make(chan struct{})
	go func() { m.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	m.cancel()
	<-done
	_ = m.b.Close()
}

// Stats implements Server.
func (m *MQServer) Stats() ListenerStats {
	return m.into(ListenerStats{Open: 1, Most: m.most, Frames: m.frames.Load(), Garbage: m.garbage.Load()})
}
