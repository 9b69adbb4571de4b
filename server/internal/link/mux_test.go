package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
)

func dialect(t testing.TB) *message.Dialect {
	t.Helper()
	d, err := message.Builtin("cups128")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func codecOf(d *message.Dialect) *Codec { return NewCodec(format.Of(d), d) }

// peer is a host whose answers the test decides.
func peer(t testing.TB, d *message.Dialect, f func(c net.Conn, m *message.Message)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				r := bufio.NewReader(c)
				for {
					b, err := d.ReadFrame(r, nil)
					if err != nil {
						_ = c.Close()
						return
					}
					m := message.New(d)
					if len(b) > 0 && m.Unpack(d, b) == nil {
						f(c, m)
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

func answer(c net.Conn, q *message.Message) {
	a := message.New(q.Dialect())
	a.ReplyTo(q)
	for _, n := range []int{7, 11, 41} {
		_ = a.Set(n, q.Get(n))
	}
	_ = a.SetString(39, "00")
	f, _, _ := a.Pack(nil)
	_, _ = c.Write(f)
}

func request(t testing.TB, d *message.Dialect, terminal string, stan int) (Key, []byte) {
	t.Helper()
	m := message.New(d)
	_ = m.SetMTI("0200")
	_ = m.SetString(7, "1122010203")
	_ = m.SetNumber(11, uint64(stan))
	_ = m.SetString(41, terminal)
	f, _, err := m.Pack(nil)
	if err != nil {
		t.Fatal(err)
	}
	return codecOf(d).Key(m), f
}

func mux(t testing.TB, d *message.Dialect, addr string, o Options) *Mux {
	t.Helper()
	up := make(chan struct{}, 16)
	o.Lines, o.Codec, o.Backoff, o.Log = []Line{{Address: addr, Count: 4}}, codecOf(d), 5*time.Millisecond, slog.New(slog.NewTextHandler(io.Discard, nil))
	o.OnUp = func() { up <- struct{}{} }
	m := NewMux(o)
	m.Start()
	t.Cleanup(m.Close)
	select {
	case <-up:
	case <-time.After(10 * time.Second):
		t.Fatal("no link")
	}
	return m
}

func TestTwoTerminalsWithOneTraceNumberGetTheirOwnAnswers(t *testing.T) {
	d := dialect(t)
	var mu sync.Mutex
	var held []func()
	addr := peer(t, d, func(c net.Conn, q *message.Message) {
		mu.Lock()
		defer mu.Unlock()
		held = append([]func(){func() { answer(c, q) }}, held...) // answered in reverse order
		if len(held) == 2 {
			for _, f := range held {
				f()
			}
		}
	})
	m := mux(t, d, addr, Options{})
	var wg sync.WaitGroup
	for _, id := range []string{"TERM0001", "TERM0002"} {
		k, f := request(t, d, id, 7)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			a, err := m.Send(ctx, k, f)
			if err != nil || a.Msg.String(41) != id {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	wg.Wait()
}

func TestADuplicateKeyIsRefusedAndNotSent(t *testing.T) {
	d := dialect(t)
	addr := peer(t, d, func(net.Conn, *message.Message) {})
	m := mux(t, d, addr, Options{})
	k, f := request(t, d, "TERM0001", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	first := make(chan error, 1)
	go func() { _, err := m.Send(ctx, k, f); first <- err }()
	for m.Stats().InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := m.Send(ctx, k, f); !errors.Is(err, ErrNotSent) {
		t.Error(err)
	}
	if err := <-first; !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
}

func TestAHostThatStopsReadingFreesEverySenderInTime(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // test
	go func() {
		for {
			if _, err := ln.Accept(); err != nil { // accepts, never reads
				return
			}
		}
	}()
	d := dialect(t)
	m := mux(t, d, ln.Addr().String(), Options{InFlight: 4096})
	var wg sync.WaitGroup
	for i := range 2000 {
		k, f := request(t, d, fmt.Sprintf("T%07d", i), i)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := m.Send(ctx, k, f); !errors.Is(err, ErrNoAnswer) && !errors.Is(err, ErrNotSent) {
				t.Error(err)
			}
		})
	}
	wg.Wait() // the test's own time limit is the assertion
}

func TestLinksThatBreakWhileRequestsTimeOutNeverHang(t *testing.T) {
	d := dialect(t)
	addr := peer(t, d, func(c net.Conn, q *message.Message) {
		if n, _ := q.Number(11); n%17 == 0 {
			_ = c.Close()
		} else if n%3 == 0 {
			answer(c, q)
		}
	})
	m := mux(t, d, addr, Options{})
	var wg sync.WaitGroup
	for w := range 40 {
		wg.Go(func() {
			for i := range 30 {
				k, f := request(t, d, fmt.Sprintf("T%07d", w), i+1)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				a, err := m.Send(ctx, k, f)
				cancel()
				if err == nil {
					a.Release()
				}
			}
		})
	}
	wg.Wait()
	if n := m.Stats().InFlight; n != 0 {
		t.Errorf("%d requests left behind", n)
	}
}

func TestLateAndAlienAnswersAreToldApart(t *testing.T) {
	d := dialect(t)
	late := make(chan func(), 1)
	addr := peer(t, d, func(c net.Conn, q *message.Message) { late <- func() { answer(c, q) } })
	m := mux(t, d, addr, Options{})
	k, f := request(t, d, "TERM0001", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := m.Send(ctx, k, f); !errors.Is(err, ErrNoAnswer) {
		t.Fatal(err)
	}
	(<-late)()
	for m.Stats().Late == 0 {
		time.Sleep(time.Millisecond)
	}
	if m.Stats().Orphan != 0 {
		t.Error("a late answer was counted as alien")
	}
}

// A host that dies again and again is connected to as fast each time, as long as it answers in between;
// one that only takes connections and drops them is left alone longer and longer.
func TestAHostThatAnsweredBeforeItDiedIsConnectedToAtOnce(t *testing.T) {
	d := dialect(t)
	talks := peer(t, d, func(c net.Conn, q *message.Message) { answer(c, q); _ = c.Close() })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // the test's end
	go func() {
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			_ = c.Close()
		}
	}()
	o := func(address string) Options {
		return Options{Lines: []Line{{Way: Duplex, Address: address, Count: 1}}, Codec: codecOf(d), Backoff: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	}
	good, bad := NewMux(o(talks)), NewMux(o(ln.Addr().String()))
	for _, m := range []*Mux{good, bad} {
		m.Start()
		defer m.Close()
	}
	for i := 1; good.Stats().Reconnects < 30; i++ {
		key, frame := request(t, d, "00000001", i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, _ = good.Send(ctx, key, frame)
		cancel()
		time.Sleep(time.Millisecond) // until it is up again
	}
	if n := bad.Stats().Reconnects; n > 15 {
		t.Errorf("%d connections to the one that never answers, 30 to the other", n)
	}
}

// A peer that takes fewer connections than we want drops the rest: what comes by the others is no reason to try
// it again and again, as each try takes requests with it.
func TestAConnectionThatIsDroppedIsLeftAloneThoughTheOthersAreWell(t *testing.T) {
	d := dialect(t)
	well := peer(t, d, func(c net.Conn, q *message.Message) { answer(c, q) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // the test's end
	var dropped atomic.Int64
	go func() {
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			dropped.Add(1)
			_, _ = c.Read(make([]byte, 1)) // a request, which is lost
			_ = c.Close()
		}
	}()
	m := NewMux(Options{Lines: []Line{{Address: well}, {Address: ln.Addr().String()}}, Codec: codecOf(d), Backoff: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	m.Start()
	defer m.Close()
	lost := 0
	for i, begin := 1, time.Now(); time.Since(begin) < 1500*time.Millisecond; i++ {
		key, frame := request(t, d, "00000001", i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if a, err := m.Send(ctx, key, frame); err == nil {
			a.Release()
		} else if errors.Is(err, ErrNoAnswer) {
			lost++
		}
		cancel()
		time.Sleep(time.Millisecond)
	}
	if n := dropped.Load(); n > 9 || lost > 9 { // 20, 40, 80 … milliseconds apart
		t.Errorf("%d connections, %d requests lost", n, lost)
	}
}
