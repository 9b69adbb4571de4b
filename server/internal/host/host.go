// Package host is one destination of transactions, a bank host or a card network: its link, its
// dialect and its keys, and what keeps a sick one from taking the others with it: a limit on what
// is under way, a bounded queue, and a breaker. trade and server/cmd use it; it knows no business.
//
// Source: transaction.md §4.6 (bulkhead, breaker, half-open by echo and trickle).
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
)

// Reasons why nothing was sent. Each is a refusal that may be answered 91 without a reversal.
var (
	ErrDown = errors.New("host: not connected") // no link, signed off, or the breaker is open
	ErrBusy = errors.New("host: too much under way")
	// ErrModule says that the security module did not do its part: it passes.
	ErrModule = errors.New("host: security module")
	// ErrMAC is an answer whose MAC is wrong: as good as none.
	ErrMAC = fmt.Errorf("%w: its MAC is wrong", link.ErrNoAnswer)
)

// Class of a request; each has a budget of its own, so that reversals and network management are
// not starved by new transactions, nor the other way round.
type Class uint8

// Classes of requests.
const (
	Financial Class = iota
	Inquiry
	Reversal
	Network
	classes
)

// Options of New. Zero values get defaults.
type Options struct {
	Name   string
	Codec  *link.Codec
	HSM    hsm.HSM
	Keys   string // owner of its keys in the security module; empty: this host has none
	KEK    string // owner of the key that new keys of the host come under; empty: it may not change them
	Limits Limits
	// Practice is its kind of MAC and PIN block, where its keys do not say.
	Practice hsm.Practice
	// Bare: its new keys come one by one in ECB under the KEK, not as TR-31 key blocks.
	Bare bool
	// Data is the owner of the data keys of the codec's cipher, which the host may change under the KEK as well.
	Data string
	// Management is the network management the host wants: "cups" (0820 sign-on when the links come up,
	// echo) or empty.
	Management string
	Acquirer   string // F32
	Forwarder  string // F33
	EchoEvery  time.Duration
	// Trace makes the host's trace numbers (F11).
	Trace func(ctx context.Context) (string, error)
	// Day is the settlement day (yyyyMMdd) of the host's last cut-over; empty: its day is the calendar's.
	Day string
	// CutOver makes a new settlement day durable; until it has, the host is not answered.
	CutOver func(ctx context.Context, day string) error
	Now     func() time.Time
	Log     *slog.Logger
}

// Limits of a host.
type Limits struct {
	InFlight   int           // financial requests at a time; 0 = 512. Inquiries: half of it; reversals: a tenth, 4 at least
	Queue      int           // requests that may wait for their turn; 0 = as many as InFlight
	Wait       time.Duration // the longest wait; 0 = 1 s
	BreakAfter int           // consecutive missing answers that open the breaker; 0 = 20
	Slow       time.Duration // the oldest request is so old, and 20 are under way: open; 0 = 3 s
	Rest       time.Duration // how long an open breaker refuses before it tries again; 0 = 1 s
}

// Host is one destination. It is safe for concurrent use.
type Host struct {
	o     Options
	link  link.Client
	tells bool // the link can say how long we wait
	pools [classes]*pool
	brk   *breaker
	signed,
	off atomic.Bool // off: the host has signed off

	day       atomic.Pointer[string]
	macTold   atomic.Int64 // when a wrong MAC was last an alarm, Unix seconds
	refreshed atomic.Int64 // when its keys were last read again, Unix nanoseconds

	answered, unknown, notSent, macErrors, formatErrors atomic.Uint64
	timeSum                                             atomic.Int64 // of answered ones, microseconds
}

// New makes a host; Attach gives it its link.
func New(o Options) *Host {
	def := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	num := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	l := &o.Limits
	num(&l.InFlight, 512)
	num(&l.Queue, l.InFlight)
	num(&l.BreakAfter, 20)
	def(&l.Wait, time.Second)
	def(&l.Slow, 3*time.Second)
	def(&l.Rest, time.Second)
	def(&o.EchoEvery, 30*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Host{o: o, brk: newBreaker(o.Limits)}
	for c, n := range [classes]int{l.InFlight, max(1, l.InFlight/2), max(4, l.InFlight/10), 4} {
		h.pools[c] = &pool{free: n, size: n, queue: l.Queue}
	}
	h.day.Store(&o.Day)
	return h
}

// Day is the host's settlement day, yyyyMMdd.
func (h *Host) Day(now time.Time) string {
	if d := *h.day.Load(); d != "" {
		return d
	}
	return now.In(shanghai).Format("20060102")
}

// Settled is the settlement day that an answer names in F15; empty when it names none. A day that cannot
// be is counted, and the host's current day holds.
func (h *Host) Settled(date string, now time.Time) string {
	if date == "" {
		return ""
	}
	day, ok := FullDay(date, now)
	if !ok {
		h.formatErrors.Add(1)
		h.o.Log.Error("the host names a settlement day that cannot be: its current day is booked", "host", h.o.Name, "error", fmt.Sprintf("F15 is %q", date))
		return h.Day(now)
	}
	return day
}

// SetDay takes over the settlement day of a cut-over that another server was told.
func (h *Host) SetDay(day string) {
	if old := *h.day.Load(); old != day {
		h.day.Store(&day)
		h.o.Log.Info("the host has changed its day", "host", h.o.Name, "day", day)
	}
}

// Attach gives the host its link; once, before the first request.
func (h *Host) Attach(c link.Client) {
	h.link = c
	_, h.tells = c.(link.Teller)
}

// Name is that of the host.
func (h *Host) Name() string { return h.o.Name }

// Codec is how the host speaks; messages for it are of Codec().Model().
func (h *Host) Codec() *link.Codec { return h.o.Codec }

// Model is the dialect of messages for this host.
func (h *Host) Model() *message.Dialect { return h.o.Codec.Model() }

// Trace makes the next trace number (F11) towards the host.
func (h *Host) Trace(ctx context.Context) (string, error) { return h.o.Trace(ctx) }

// Key is the newest version of the host's keys.
func (h *Host) Key() (hsm.Ref, error) {
	if h.o.Keys == "" {
		return hsm.Ref{}, hsm.ErrNoKey
	}
	key, err := h.o.HSM.Current(h.o.Keys)
	key.Practice = h.o.Practice
	return key, err
}

// Up tells whether the host would take a request now.
func (h *Host) Up() bool { return h.link != nil && !h.off.Load() && h.link.Up() && !h.brk.open() }

// Permit is the right to send one request. Release it.
type Permit struct {
	h     *Host
	c     Class
	trial bool // of the breaker
	hurry bool // its sender says when it stops waiting
}

// Admit waits for a turn, at most Limits.Wait. ErrDown and ErrBusy mean that nothing has happened.
func (h *Host) Admit(ctx context.Context, c Class) (Permit, error) {
	return h.AdmitUntil(ctx, c, time.Time{})
}

// AdmitUntil is Admit for who waits no longer than until; zero: Limits.Wait alone counts.
func (h *Host) AdmitUntil(ctx context.Context, c Class, until time.Time) (Permit, error) {
	if h.link == nil || !h.link.Up() || h.off.Load() && c != Network {
		return Permit{}, ErrDown
	}
	ok, trial := true, false
	if c != Network {
		ok, trial = h.brk.allow()
	}
	if !ok {
		return Permit{}, ErrDown
	}
	wait := h.o.Limits.Wait
	if !until.IsZero() {
		wait = max(0, min(wait, time.Until(until)))
	}
	if !h.pools[c].acquire(ctx, wait) {
		if trial {
			h.brk.done()
		}
		return Permit{}, ErrBusy
	}
	return Permit{h, c, trial, !until.IsZero()}, nil
}

// Release gives the turn to the next.
func (p Permit) Release() {
	if p.h == nil {
		return
	}
	p.h.pools[p.c].release()
	if p.trial {
		p.h.brk.done()
	}
}

// Pack packs m, with its MAC, as the host wants it.
func (h *Host) Pack(dst []byte, m *message.Message) ([]byte, error) {
	key, _ := h.Key()
	return h.PackUnder(dst, m, key)
}

// PackUnder is Pack under one version of the host's keys: a message whose PIN block is under that version
// gets its MAC under the same, though the host has changed its keys in between. Without keys it is zero.
func (h *Host) PackUnder(dst []byte, m *message.Message, key hsm.Ref) ([]byte, error) {
	if key.Version == 0 && h.o.Codec.HasMAC() {
		return dst, fmt.Errorf("%w: %w", ErrModule, hsm.ErrNoKey)
	}
	return h.pack(dst, m, key, link.Seal{})
}

// pack packs a request, or the answer to what came with the seal s.
func (h *Host) pack(dst []byte, m *message.Message, key hsm.Ref, s link.Seal) ([]byte, error) {
	var failed error
	out, err := h.o.Codec.Answer(dst, m, func(cover []byte) ([]byte, error) {
		mac, err := h.o.HSM.AppendMAC(nil, key, cover)
		failed = err
		return mac, err
	}, s)
	if errors.Is(err, link.ErrSealing) {
		failed = err
	}
	if failed != nil {
		return dst, fmt.Errorf("%w: %w", ErrModule, failed)
	}
	return out, err
}

// Send sends a packed request and waits for its answer, whose MAC is right. link.ErrNotSent: not one
// byte left; link.ErrNoAnswer (and ErrMAC): the host may have acted on it.
func (p Permit) Send(ctx context.Context, m *message.Message, frame []byte) (*link.Answer, error) {
	h := p.h
	began := time.Now()
	slot := h.brk.begin(began)
	if h.tells && (p.c == Financial || p.c == Inquiry) {
		ctx = link.Telling(ctx)
	}
	a, err := h.link.Send(ctx, h.o.Codec.Key(m), frame)
	if err == nil {
		err = h.verify(a)
	}
	missed := errors.Is(err, link.ErrNoAnswer)
	if missed && p.hurry && ctx.Err() != nil {
		missed = h.hadTime(time.Since(began))
	}
	h.brk.end(slot, err == nil, missed)
	switch {
	case err == nil:
		h.answered.Add(1)
		h.timeSum.Add(time.Since(began).Microseconds())
	case errors.Is(err, link.ErrNotSent):
		h.notSent.Add(1)
	default:
		h.unknown.Add(1)
	}
	return a, err
}

// hadTime tells whether a host that has not answered in a time which the sender set had a chance to: a sender
// in a hurry must not open the breaker for all others.
func (h *Host) hadTime(waited time.Duration) bool {
	n := h.answered.Load()
	return waited >= time.Second || n > 0 && waited >= 10*time.Microsecond*time.Duration(h.timeSum.Load()/int64(n))
}

// verify checks the MAC of an answer under the newest key and the one before: an answer may have
// crossed a change of keys.
func (h *Host) verify(a *link.Answer) error {
	if !h.o.Codec.HasMAC() {
		return nil
	}
	ok, err := h.sealed(a.Seal)
	if ok {
		return nil
	}
	n := h.macErrors.Add(1)
	a.Release()
	if err != nil {
		h.o.Log.Error("answer not checked", "host", h.o.Name, "error", err.Error())
	} else if at, now := h.macTold.Load(), h.o.Now().Unix(); now-at >= 3600 && h.macTold.CompareAndSwap(at, now) { // an alarm, but not one a message
		h.o.Log.Error("the MAC of an answer is wrong: other keys, or another hand's answer", "host", h.o.Name, "count", n)
	}
	return ErrMAC
}

// sealed checks a MAC; when it is wrong, under the keys that another server may have got from the host.
func (h *Host) sealed(s link.Seal) (bool, error) {
	ok, err := h.under(s)
	now := time.Now().UnixNano()
	if at := h.refreshed.Load(); ok || err != nil || now-at < int64(time.Second) || !h.refreshed.CompareAndSwap(at, now) {
		return ok, err
	}
	if err := h.o.HSM.Refresh(h.o.Keys); err != nil {
		return false, err
	}
	return h.under(s)
}

func (h *Host) under(s link.Seal) (bool, error) {
	key, err := h.Key()
	var buf [32]byte
	for range 2 {
		if err != nil || s.Cover() == nil {
			return false, err
		}
		var mac []byte
		if mac, err = h.o.HSM.AppendMAC(buf[:0], key, s.Cover()); err == nil && s.Equals(mac) {
			return true, nil
		}
		if err == nil && key.Version == 0 {
			return false, nil
		}
		key.Version--
	}
	if errors.Is(err, hsm.ErrNoKey) {
		err = nil
	}
	return false, err
}

// Do is Admit, Pack and Send in one, for messages that need nothing in between.
func (h *Host) Do(ctx context.Context, c Class, m *message.Message) (*link.Answer, error) {
	p, err := h.Admit(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", link.ErrNotSent, err)
	}
	defer p.Release()
	frame, err := h.Pack(nil, m)
	if err != nil {
		return nil, err
	}
	return p.Send(ctx, m, frame)
}

// Stats of a host.
type Stats struct {
	Name, Dialect             string
	Link                      link.Stats
	Up, SignedOff             bool
	Breaker                   string // closed, open, trying
	InFlight, Queued, Limit   int    // of all classes
	Refused                   uint64
	Answered, Unknown         uint64
	NotSent, MACErrors        uint64
	MeanMicros                int64
	BreakerOpened, BreakerBar uint64 // times, and requests it refused
	FormatErrors              uint64 // values of its messages that cannot be
}

// Stats returns the counters.
func (h *Host) Stats() Stats {
	s := Stats{Name: h.o.Name, Dialect: h.o.Codec.Name(), Up: h.Up(), SignedOff: h.off.Load(), Breaker: h.brk.state(), Answered: h.answered.Load(),
		Unknown: h.unknown.Load(), NotSent: h.notSent.Load(), MACErrors: h.macErrors.Load(), FormatErrors: h.formatErrors.Load()}
	if h.link != nil {
		s.Link = h.link.Stats()
	}
	for _, p := range h.pools {
		used, waiting, refused := p.look()
		s.InFlight += used
		s.Queued += waiting
		s.Refused += refused
		s.Limit += p.size
	}
	if s.Answered > 0 {
		s.MeanMicros = h.timeSum.Load() / int64(s.Answered)
	}
	s.BreakerOpened, s.BreakerBar = h.brk.counts()
	return s
}
