package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
)

// keys of the tests live in memory.
type keys struct {
	mu   sync.Mutex
	recs []hsm.Record
}

func (k *keys) SaveKeys(r ...hsm.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.recs = append(k.recs, r...)
	return nil
}
func (k *keys) DropKeys(string, ...hsm.Record) error { return nil }
func (k *keys) LoadKeys(owner string) (out []hsm.Record, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.recs {
		if owner == "" || r.Owner == owner {
			out = append(out, r)
		}
	}
	return out, nil
}

// way is a link whose answers the test decides.
type way struct {
	mu    sync.Mutex
	up    bool
	sent  int
	reply func(ctx context.Context, frame []byte) (*link.Answer, error)
}

func (w *way) Start()            {}
func (w *way) Close()            {}
func (w *way) Up() bool          { w.mu.Lock(); defer w.mu.Unlock(); return w.up }
func (w *way) Stats() link.Stats { return link.Stats{} }
func (w *way) Send(ctx context.Context, _ link.Key, frame []byte) (*link.Answer, error) {
	w.mu.Lock()
	w.sent++
	f := w.reply
	w.mu.Unlock()
	return f(ctx, frame)
}

func (w *way) set(f func(ctx context.Context, frame []byte) (*link.Answer, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reply = f
}

func (w *way) count() int { w.mu.Lock(); defer w.mu.Unlock(); return w.sent }

type kit struct {
	t    testing.TB
	h    *Host
	w    *way
	c    *link.Codec
	hsm  *hsm.Soft
	stan int
	cuts []string
	fail error
	log  bytes.Buffer
}

var pik, mak = []byte("0123456789abcdef"), []byte("fedcba9876543210")

func newKit(t testing.TB, l Limits) *kit {
	t.Helper()
	d, err := format.Builtin("cups128")
	if err != nil {
		t.Fatal(err)
	}
	s, err := hsm.NewSoft(make([]byte, 32), &keys{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Import("bank", paycrypto.DES, pik, mak); err != nil {
		t.Fatal(err)
	}
	k := &kit{t: t, w: &way{up: true}, c: link.NewCodec(d, d.ISO()), hsm: s}
	k.h = New(Options{Name: "bank", Codec: k.c, HSM: s, Keys: "bank", Limits: l, Management: "cups", Acquirer: "1", Forwarder: "2",
		Trace:   func(context.Context) (string, error) { k.stan++; return fmt.Sprintf("%06d", k.stan), nil },
		CutOver: func(_ context.Context, day string) error { k.cuts = append(k.cuts, day); return k.fail }, Log: slog.New(slog.NewTextHandler(&k.log, nil))})
	k.h.Attach(k.w)
	k.w.set(k.well)
	return k
}

func (k *kit) message(mti string) *message.Message {
	m := message.New(k.h.Model())
	_ = m.SetMTI(mti)
	stan, _ := k.h.Trace(context.Background())
	k.h.Stamp(m, time.Now(), stan)
	_ = m.SetString(41, "TERM0001")
	return m
}

// well answers 00 under the right key.
func (k *kit) well(_ context.Context, frame []byte) (*link.Answer, error) { return k.answer(frame, 0) }

func (k *kit) answer(frame []byte, spoil byte) (*link.Answer, error) {
	q := message.New(k.h.Model())
	if _, err := k.c.Unpack(q, k.c.Strip(frame)); err != nil {
		return nil, err
	}
	a := message.New(k.h.Model())
	a.ReplyTo(q)
	_ = a.SetString(39, "00")
	out, err := k.h.Pack(nil, a)
	if err != nil {
		return nil, err
	}
	out[len(out)-1] ^= spoil
	got := &link.Answer{Msg: message.New(k.h.Model())}
	got.Seal, err = k.c.Unpack(got.Msg, k.c.Strip(out))
	return got, err
}

func silent(ctx context.Context, _ []byte) (*link.Answer, error) {
	<-ctx.Done()
	return nil, link.ErrNoAnswer
}

func (k *kit) do(c Class, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	a, err := k.h.Do(ctx, c, k.message("0200"))
	if err == nil {
		a.Release()
	}
	return err
}

func TestABreakerOpensAfterMissesRefusesAndHealsByATrickle(t *testing.T) {
	k := newKit(t, Limits{BreakAfter: 3, Rest: 30 * time.Millisecond})
	k.w.set(silent)
	for range 3 {
		if err := k.do(Financial, time.Millisecond); !errors.Is(err, link.ErrNoAnswer) {
			t.Fatal(err)
		}
	}
	n := k.w.count()
	if err := k.do(Financial, time.Second); !errors.Is(err, ErrDown) || !errors.Is(err, link.ErrNotSent) || k.w.count() != n || k.h.Up() {
		t.Fatalf("%v, %d sent after %d", err, k.w.count(), n)
	}
	until(t, func() bool { return k.h.Stats().Breaker != "open" })
	// The first try finds it silent still: open again.
	if err := k.do(Financial, time.Millisecond); !errors.Is(err, link.ErrNoAnswer) || k.h.Stats().Breaker != "open" {
		t.Fatal(err, k.h.Stats())
	}
	until(t, func() bool { return k.h.Stats().Breaker != "open" })
	// While it is tried, one goes through at a time.
	gate := make(chan struct{})
	k.w.set(func(_ context.Context, f []byte) (*link.Answer, error) { <-gate; return k.answer(f, 0) })
	first := make(chan error)
	n = k.w.count()
	go func() { first <- k.do(Financial, time.Minute) }()
	until(t, func() bool { return k.w.count() != n })
	if err := k.do(Financial, time.Minute); !errors.Is(err, ErrDown) {
		t.Error("two tries at a time:", err)
	}
	close(gate)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if err := k.do(Financial, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if s := k.h.Stats(); s.Breaker != "closed" || s.BreakerOpened != 1 || s.BreakerBar == 0 || !s.Up {
		t.Errorf("%+v", s)
	}
}

func TestAnEchoThatComesBackEndsTheRestOfABreaker(t *testing.T) {
	k := newKit(t, Limits{BreakAfter: 1, Rest: time.Hour})
	k.w.set(silent)
	_ = k.do(Financial, time.Millisecond)
	k.w.set(k.well)
	if err := k.do(Financial, time.Second); !errors.Is(err, ErrDown) {
		t.Fatal(err)
	}
	if err := k.h.Manage(t.Context(), Echo); err != nil {
		t.Fatal(err)
	}
	if err := k.do(Financial, time.Second); err != nil {
		t.Fatal(err)
	}
}

// A burst comes when the rest of an open breaker is over: one goes through, the others are refused, as
// long as that one has no answer. What was let through and not sent is given back.
func TestAfterARestOnlyTheTrialsGoThroughHoweverManyCome(t *testing.T) {
	k := newKit(t, Limits{BreakAfter: 1, Rest: time.Millisecond, InFlight: 100})
	k.w.set(silent)
	_ = k.do(Financial, time.Millisecond)
	burst := func() (let []Permit) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if p, err := k.h.Admit(t.Context(), Financial); err == nil {
					mu.Lock()
					let = append(let, p)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return let
	}
	until(t, func() bool { return k.h.brk.state() == "trying" })
	let := burst()
	if len(let) != 1 {
		t.Fatalf("%d of fifty went through after the rest", len(let))
	}
	let[0].Release() // it came to nothing before it was sent
	k.w.set(k.well)
	for want := 1; want <= 4; want *= 2 { // each answer lets twice as many through
		if let = burst(); len(let) != want {
			t.Fatalf("%d of fifty, want %d", len(let), want)
		}
		for _, p := range let {
			p.Release()
		}
		if err := k.do(Financial, time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnImpossibleSettlementDayIsCountedAndTheHostsDayHolds(t *testing.T) {
	k := newKit(t, Limits{})
	k.h.SetDay("20261120")
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, shanghai)
	for date, want := range map[string]string{"1121": "20261121", "0230": "20261120", "1399": "20261120", "1": "20261120", "": ""} {
		if got := k.h.Settled(date, now); got != want {
			t.Errorf("%q: %s, want %s", date, got, want)
		}
	}
	if n := k.h.Stats().FormatErrors; n != 3 {
		t.Errorf("%d counted", n)
	}
}

func day(date string, now time.Time) string {
	d, _ := FullDay(date, now)
	return d
}

func TestTheOldestRequestUnderWayOpensTheBreakerBeforeTheFirstTimeOut(t *testing.T) {
	b := newBreaker(Limits{BreakAfter: 1000, Slow: 3 * time.Second, Rest: time.Hour})
	began := time.Now().Add(-5 * time.Second)
	var slots []int
	for range 19 {
		slots = append(slots, b.begin(began))
	}
	if ok, _ := b.allow(); !ok {
		t.Error("nineteen slow ones opened it")
	}
	slots = append(slots, b.begin(began))
	if ok, _ := b.allow(); ok || b.state() != "open" {
		t.Error("twenty requests are five seconds old and the breaker is", b.state())
	}
	for _, s := range slots {
		b.end(s, true, false)
	}
	if b.oldest(time.Now()) != 0 || b.flying.Load() != 0 {
		t.Error("what ended still counts")
	}
}

func TestTheLimitHoldsQueuesALittleAndServesTheNewestFirst(t *testing.T) {
	p := &pool{free: 1, size: 1, queue: 2}
	ctx := t.Context()
	if !p.acquire(ctx, 0) {
		t.Fatal("the first")
	}
	order := make(chan int, 2)
	for i := range 2 {
		go func() {
			if p.acquire(ctx, time.Minute) {
				order <- i
			}
		}()
		until(t, func() bool { _, n, _ := p.look(); return n == i+1 })
	}
	if p.acquire(ctx, time.Minute) {
		t.Error("more wait than the queue holds")
	}
	p.release()
	if got := <-order; got != 1 {
		t.Error("the oldest went first")
	}
	p.release()
	if got := <-order; got != 0 {
		t.Error("the other never came")
	}
	if p.acquire(ctx, time.Millisecond) {
		t.Error("a turn out of nothing")
	}
	p.release()
	if used, waiting, refused := p.look(); used != 0 || waiting != 0 || refused != 2 {
		t.Error(used, waiting, refused)
	}
}

func TestReversalsHaveATurnWhenTransactionsFillTheHost(t *testing.T) {
	k := newKit(t, Limits{InFlight: 2, Queue: 1, Wait: time.Millisecond})
	for range 2 {
		p, err := k.h.Admit(t.Context(), Financial)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
	}
	if _, err := k.h.Admit(t.Context(), Financial); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	for _, c := range []Class{Reversal, Network, Inquiry} {
		p, err := k.h.Admit(t.Context(), c)
		if err != nil {
			t.Error(c, err)
		}
		p.Release()
	}
}

func TestAnAnswerUnderTheWrongMACIsNoAnswer(t *testing.T) {
	k := newKit(t, Limits{})
	k.w.set(func(_ context.Context, f []byte) (*link.Answer, error) { return k.answer(f, 1) })
	if err := k.do(Financial, time.Second); !errors.Is(err, ErrMAC) || !errors.Is(err, link.ErrNoAnswer) {
		t.Fatal(err)
	}
	if s := k.h.Stats(); s.MACErrors != 1 || s.Answered != 0 || s.Unknown != 1 {
		t.Errorf("%+v", s)
	}
	_ = k.do(Financial, time.Second)
	if n := strings.Count(k.log.String(), "level=ERROR"); n != 1 || k.h.Stats().MACErrors != 2 {
		t.Errorf("%d alarms of %+v", n, k.h.Stats())
	}
}

func TestAnAnswerUnderTheKeyBeforeIsGoodAfterAChangeOfKeys(t *testing.T) {
	k := newKit(t, Limits{})
	var late []byte
	k.w.set(func(_ context.Context, f []byte) (*link.Answer, error) {
		a, err := k.answer(f, 0) // sealed by the key of this moment
		if late == nil {
			late = f
			if err := k.hsm.Import("bank", paycrypto.DES, []byte("aaaaaaaabbbbbbbb"), []byte("ccccccccdddddddd")); err != nil {
				t.Error(err)
			}
		}
		return a, err
	})
	for range 2 {
		if err := k.do(Financial, time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

// asked lets the host ask us and returns our answer.
func (k *kit) asked(mti string, set map[int]string, spoil byte) *message.Message {
	k.t.Helper()
	m := k.message(mti)
	m.Unset(41)
	for n, v := range set {
		if err := m.SetString(n, v); err != nil {
			k.t.Fatal(err)
		}
	}
	out, err := k.h.Pack(nil, m)
	if err != nil {
		k.t.Fatal(err)
	}
	out[len(out)-1] ^= spoil
	frame, _ := k.h.Handle(context.Background(), k.c.Strip(out), nil)
	a := message.New(k.h.Model())
	if seal, err := k.c.Unpack(a, k.c.Strip(frame)); err != nil || !k.h.trusted(seal) {
		k.t.Fatal("our answer: ", err)
	}
	return a
}

func TestTheHostsOwnRequestsAreAnswered(t *testing.T) {
	k := newKit(t, Limits{})
	for _, c := range []struct {
		mti   string
		set   map[int]string
		spoil byte
		want  string
	}{
		{"0820", map[int]string{70: Echo}, 0, "00"},
		{"0820", map[int]string{70: SignOff}, 1, "A0"},
		{"0820", map[int]string{70: "999"}, 0, "12"},
		{"0820", map[int]string{70: End}, 0, "30"},
		{"0820", map[int]string{70: End, 15: "0230"}, 0, "30"},
		{"0820", map[int]string{70: Begin}, 0, "00"},
		{"0820", map[int]string{70: End, 15: "1123"}, 0, "00"},
		{"0200", map[int]string{3: "010000"}, 0, "12"},
	} {
		if a := k.asked(c.mti, c.set, c.spoil); a.String(39) != c.want || a.String(70) != c.set[70] {
			t.Errorf("%s %v: %s, want %s", c.mti, c.set, a.String(39), c.want)
		}
	}
	if len(k.cuts) != 1 || k.cuts[0] != day("1123", time.Now()) || k.h.Day(time.Now()) != k.cuts[0] {
		t.Errorf("cut-over: %v", k.cuts)
	}
	k.fail = errors.New("disk full")
	if a := k.asked("0820", map[int]string{70: End, 15: "1124"}, 0); a.String(39) != "96" || k.h.Day(time.Now()) != k.cuts[0] {
		t.Errorf("a day that could not be stored was answered %s", a.String(39))
	}
	k.asked("0820", map[int]string{70: SignOff}, 0)
	if err := k.do(Financial, time.Second); !errors.Is(err, ErrDown) || k.h.Up() {
		t.Error("a host that has signed off was asked:", err)
	}
	k.asked("0820", map[int]string{70: SignOn}, 0)
	if err := k.do(Financial, time.Second); err != nil {
		t.Error(err)
	}
}

// The cut-over of a day may come again, or a mistaken one be put right; what was under way for long changes nothing.
func TestADayThatIsOverDoesNotComeAgain(t *testing.T) {
	k := newKit(t, Limits{})
	in := func(days int) string { return time.Now().In(shanghai).AddDate(0, 0, days).Format("0102") }
	for _, c := range []struct {
		day        int
		want, then string
	}{{-2, "00", in(-2)}, {30, "00", in(30)}, {-1, "30", in(30)}, {1, "00", in(1)}, {1, "00", in(1)}, {-3, "30", in(1)}} {
		a := k.asked("0820", map[int]string{70: End, 15: in(c.day)}, 0)
		if got := k.h.Day(time.Now()); a.String(39) != c.want || got[4:] != c.then {
			t.Errorf("day %+d: answered %s, the day is %s, want %s and %s", c.day, a.String(39), got, c.want, c.then)
		}
	}
}

func TestADayOfTheOtherSideOfNewYearIsFound(t *testing.T) {
	at := func(s string) time.Time { x, _ := time.ParseInLocation("20060102 15", s, shanghai); return x }
	for _, c := range []struct{ now, date, want string }{
		{"20261231 23", "0101", "20270101"}, {"20270101 01", "1231", "20261231"}, {"20261122 10", "1122", "20261122"}, {"20261122 22", "1123", "20261123"},
		{"20280229 10", "0229", "20280229"}, {"20261122 10", "0230", ""}, {"20261122 10", "1399", ""}, {"20270302 10", "0229", ""}, {"20261122 10", "112", ""},
	} {
		if got := day(c.date, at(c.now)); got != c.want {
			t.Errorf("%s seen %s: %s, want %s", c.date, c.now, got, c.want)
		}
	}
}

// until looks until f holds; the limit only ends a test that hangs.
func until(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("did not come about")
		}
	}
}

func TestASenderInAHurryDoesNotOpenTheBreakerForTheOthers(t *testing.T) {
	for _, c := range []struct {
		name       string
		hurry, was time.Duration // the sender's time, and what the host's answers took before
		opens      bool
	}{
		{"nobody knows yet how fast the host is", 5 * time.Millisecond, 0, false},
		{"the host takes longer than the sender waits", 5 * time.Millisecond, 30 * time.Second, false},
		{"a host of a millisecond is dead", 50 * time.Millisecond, time.Millisecond, true},
		{"the sender says nothing", 0, time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, Limits{BreakAfter: 3, Rest: time.Hour})
			if c.was > 0 {
				k.h.answered.Store(1)
				k.h.timeSum.Store(c.was.Microseconds())
			}
			k.w.set(silent)
			for range 3 {
				at := time.Now().Add(max(c.hurry, time.Millisecond))
				until := at
				if c.hurry == 0 {
					until = time.Time{}
				}
				p, err := k.h.AdmitUntil(t.Context(), Financial, until)
				if err != nil {
					t.Fatal(err)
				}
				m := k.message("0200")
				frame, err := k.h.Pack(nil, m)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithDeadline(t.Context(), at)
				if _, err := p.Send(ctx, m, frame); !errors.Is(err, link.ErrNoAnswer) {
					t.Error(err)
				}
				cancel()
				p.Release()
			}
			if got := k.h.Stats().Breaker == "open"; got != c.opens {
				t.Errorf("open %v, want %v", got, c.opens)
			}
		})
	}
}

// A trial whose sender waits too short a time to prove anything gives its place to the next, again and again; the first
// answer counts.
func TestTrialsOfSendersInAHurryDoNotHoldTheBreakerHalfOpen(t *testing.T) {
	k := newKit(t, Limits{BreakAfter: 1, Rest: time.Nanosecond})
	k.w.set(silent)
	if err := k.do(Financial, time.Millisecond); !errors.Is(err, link.ErrNoAnswer) {
		t.Fatal(err)
	}
	send := func() error {
		at := time.Now().Add(2 * time.Millisecond)
		p, err := k.h.AdmitUntil(t.Context(), Financial, at.Add(time.Minute))
		if err != nil {
			return err
		}
		defer p.Release()
		m := k.message("0200")
		frame, err := k.h.Pack(nil, m)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithDeadline(t.Context(), at)
		defer cancel()
		a, err := p.Send(ctx, m, frame)
		if err == nil {
			a.Release()
		}
		return err
	}
	for range 5 {
		if err := send(); !errors.Is(err, link.ErrNoAnswer) {
			t.Errorf("a trial: %v", err)
		}
	}
	if b := k.h.brk; b.out != 0 || k.h.Stats().Breaker == "closed" {
		t.Errorf("%d trials under way, the breaker is %s", b.out, k.h.Stats().Breaker)
	}
	k.w.set(func(_ context.Context, f []byte) (*link.Answer, error) { return k.answer(f, 0) })
	for i := 0; k.h.Stats().Breaker != "closed"; i++ {
		if err := k.do(Financial, time.Minute); err != nil || i > 10 {
			t.Fatalf("%d: %v, the breaker is %s", i, err, k.h.Stats().Breaker)
		}
	}
}
