package bankhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Host.
type Options struct {
	Listen  string // TCP address of the interchange link
	Control string // HTTP address of the control, empty = none
	Ledger  string // file of the ledger
	Zone    Zone
	Late    time.Duration // how late a late answer is; 0 = 40 s
	// BenchCards opens that many more accounts, 6225881000000001 on, with plenty of money.
	BenchCards int
	// Fast is for load tests, whose processor time is the server's: a codec of its own instead of moov's, a
	// ledger that nobody waits for, HTTP without net/http's server.
	Fast bool
	// Cipher of the interchange link: fields are encrypted. nil: none are.
	Cipher *Cipher
	// Doors are more ways to the same accounts, in other formats and over other carriers.
	Doors []Door
	// Heard is told of each request how long its sender said to wait, in milliseconds, by a header of its
	// carrier or a field of its format: "" when it said nothing. nil: nobody is.
	Heard func(mti, header, field string)
	Log   *slog.Logger
}

// Host is a running bank host.
type Host struct {
	o     Options
	keys  atomic.Pointer[[]*zone] // the newest last; those before stay good for what is under way
	codec codec
	wire  wire // of the interchange link
	l     *ledger
	ln    net.Listener
	web   *http.Server
	sc    scenarios
	mu    sync.Mutex
	live  map[net.Conn]struct{}
	wg    sync.WaitGroup
	work  chan func() // to idle workers
	quit  chan struct{}
	once  sync.Once

	doors []io.Closer
	day   string // settlement day, MMDD; empty: the calendar's

	WebAddr string // address of the control
}

// Demo cards all have the PIN 123456.
var demo = []Account{
	{Card: "6225880000000001", Balance: 2_000_000, Status: "ok"},
	{Card: "6225880000000002", Balance: 5_000, Status: "ok"},
	{Card: "6225880000000003", Balance: 1_000_000, Status: "blocked"},
	{Card: "6225880000000004", Balance: 1_000_000, Status: "expired"},
	{Card: "6225880000000005", Balance: 2_000_000, Status: "ok"},
	{Card: "6225880000000006", Balance: 200_000_000, Status: "ok"},
}

// blanks is how many blank cards lie in the terminals' stock: 6225880000002001 on.
const blanks = 200

// Start opens the ledger, creates missing accounts and serves until Close.
func Start(o Options) (*Host, error) {
	if o.Late <= 0 {
		o.Late = 40 * time.Second
	}
	z, err := newZone(o.Zone)
	if err != nil {
		return nil, err
	}
	pinBytes := 8
	if o.Zone.SM4 {
		pinBytes = 16
	}
	slow := moov{spec(pinBytes)}
	h := &Host{o: o, codec: slow, live: map[net.Conn]struct{}{}, work: make(chan func()), quit: make(chan struct{}), wire: native{}}
	if o.Cipher != nil {
		h.wire = sealed{native{}, o.Cipher}
	}
	h.keys.Store(&[]*zone{z})
	if o.Fast {
		h.codec = newFast(slow, pinBytes)
	}
	if h.l, err = openLedger(o.Ledger, o.Fast); err != nil {
		return nil, err
	}
	h.l.mu.Lock()
	var last <-chan error
	open := func(a Account) {
		if h.l.accounts[a.Card] == nil {
			last = h.l.post(Entry{Kind: "open", Card: a.Card, Amount: a.Balance, RC: a.Status, PIN: pinDigest(a.Card, "123456")})
		}
	}
	for _, a := range demo {
		open(a)
	}
	for i := range blanks {
		open(Account{Card: fmt.Sprintf("622588%010d", 2001+i), Status: "blank"})
	}
	for i := range o.BenchCards {
		open(Account{Card: fmt.Sprintf("622588%010d", 1_000_000_001+i), Balance: 500_000_000_000, Status: "ok"})
	}
	h.l.mu.Unlock()
	if last != nil {
		if err := <-last; err != nil {
			return nil, errors.Join(err, h.l.Close())
		}
	}
	if h.ln, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("bankhost: listen: %w", err), h.l.Close())
	}
	if o.Control != "" {
		if err := h.startControl(); err != nil {
			return nil, errors.Join(err, h.ln.Close(), h.l.Close())
		}
	}
	h.wg.Go(h.accept)
	for _, d := range o.Doors {
		if err := h.openDoor(d); err != nil {
			return nil, errors.Join(fmt.Errorf("bankhost: door %s %s: %w", d.Kind, d.Dialect, err), h.Close())
		}
	}
	return h, nil
}

// Addr is the address of the interchange link.
func (h *Host) Addr() string { return h.ln.Addr().String() }

// Close ends the host; the ledger is durable already.
func (h *Host) Close() error {
	err := h.ln.Close()
	for _, d := range h.doors {
		_ = d.Close()
	}
	if h.web != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = h.web.Shutdown(ctx)
	}
	h.dropLinks()
	h.wg.Wait()
	h.once.Do(func() { close(h.quit) })
	return errors.Join(err, h.l.Close())
}

func (h *Host) dropLinks() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.live {
		_ = c.Close()
	}
}

func (h *Host) accept() {
	for {
		c, err := h.ln.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.live[c] = struct{}{}
		h.mu.Unlock()
		h.wg.Go(func() { h.serve(c) })
	}
}

// peer is one connection with its coalescing writer.
type peer struct {
	c    net.Conn
	mu   sync.Mutex
	buf  []byte
	kick chan struct{}
}

func (p *peer) send(b []byte) {
	p.mu.Lock()
	p.buf = append(p.buf, b...)
	p.mu.Unlock()
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

func (p *peer) run(done <-chan struct{}) {
	var spare []byte
	for {
		select {
		case <-done:
			return
		case <-p.kick:
		}
		runtime.Gosched() // lets those who are about to answer share this write
		p.mu.Lock()
		b := p.buf
		p.buf = spare[:0]
		p.mu.Unlock()
		_ = p.c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := p.c.Write(b); err != nil {
			_ = p.c.Close()
		}
		spare = b
	}
}

func (h *Host) serve(c net.Conn) {
	p := &peer{c: c, kick: make(chan struct{}, 1)}
	done := make(chan struct{})
	go p.run(done)
	defer func() {
		close(done)
		_ = c.Close()
		h.mu.Lock()
		delete(h.live, c)
		h.mu.Unlock()
	}()
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		body, err := h.wire.read(r)
		if err != nil {
			return
		}
		if len(body) == 0 {
			continue // idle frame
		}
		h.do(func() { h.exchange(h.wire, body, p.send, func() { _ = c.Close() }) })
	}
}

// do has an idle worker do f, or a new one.
func (h *Host) do(f func()) {
	select {
	case h.work <- f:
	default:
		go h.worker(f)
	}
}

// worker does one thing after another: its stack has grown already, which is a seventh of the cost of
// a message. There are never more workers than there were things to do at a time.
func (h *Host) worker(f func()) {
	for {
		f()
		select {
		case f = <-h.work:
		case <-h.quit:
			return
		}
	}
}

// exchange answers one message that came by w, as the scenario for it wants: send takes the frames of the answer, drop cuts the
// connection.
func (h *Host) exchange(w wire, body []byte, send func([]byte), drop func()) {
	h.exchangeSaid(w, body, "", send, drop)
}

// exchangeSaid is exchange for a message whose carrier said beside it how long its sender waits.
func (h *Host) exchangeSaid(w wire, body []byte, said string, send func([]byte), drop func()) {
	m, z, err := w.open(h, body)
	if h.o.Heard != nil && err == nil {
		f, _ := m.(foreignMessage)
		field := ""
		if f.t != nil {
			field = f.t.Values["timeLeft"]
		}
		h.o.Heard(m.text(0), said, field)
	}
	if err != nil {
		h.o.Log.Warn("unreadable message", "error", fmt.Sprintf("%T", err))
		drop()
		return
	}
	q := &request{m: m, mti: m.text(0), z: z}
	if len(q.mti) == 4 && (q.mti[2] == '1' || q.mti[2] == '3') {
		return // the answer to a message of our own: a day, new keys
	}
	s := Scenario{}
	if z == nil {
		q.rc, z = "A0", h.zones()[0]
	} else {
		s = h.sc.take(q)
		h.decide(q, s)
	}
	q.bent = s.Kind == "badChip"
	f, err := w.seal(h, z, body, h.fields(q), s.Kind == "badMac")
	if err != nil {
		h.o.Log.Error("answer cannot be packed", "error", err.Error())
		drop()
		return
	}
	switch s.Kind {
	case "noAnswer", "lost":
		return
	case "disconnect":
		drop()
		return
	case "late":
		time.Sleep(s.delay(h.o.Late))
	case "delay":
		time.Sleep(s.delay(3 * time.Second))
	case "twice":
		f = append(f, f...)
	}
	send(f)
}
