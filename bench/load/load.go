// Package load generates transaction load against the server as terminals would: one TCP
// connection per transaction, MAC and PIN block computed by the client, every answer checked.
// bench/cmd/bench and nothing else imports it.
package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/brief"
	"zhigui/server/api/paycrypto"
)

// Config of a run.
type Config struct {
	Address   string
	TMKs      string // file of serverctl terminal add --count
	STAN      uint64 // trace numbers begin behind it
	Skip      int    // terminals of the file to leave out
	Terminals int    // parallel terminals, one request each at a time
	Warm, Run time.Duration
	Keys      string        // the host zone's keys, for the bare forwarder
	Tolerant  bool          // a refusal or a doubt is a result, not a mistake
	Think     time.Duration // between an answer and the next request
	// Rate makes the loop open: so many requests a second begin, whether answers come or not, as long
	// as a terminal is free. Latency counts from the moment a request was due.
	Rate float64
}

// Second is one second of a run.
type Second struct {
	N   int     `json:"n"`   // answers that were approvals
	Sum float64 `json:"sum"` // of their latencies, in milliseconds
	Not int     `json:"not"` // other answers
}

// Result of a run. Times are in milliseconds.
type Result struct {
	Approved int            `json:"approved"` // during the measured time
	Total    int            `json:"total"`    // approved including the warm-up
	Errors   map[string]int `json:"errors"`
	Seconds  float64        `json:"seconds"`
	TPS      float64        `json:"tps"`
	Mean     float64        `json:"mean"`
	P50      float64        `json:"p50"`
	P95      float64        `json:"p95"`
	P99      float64        `json:"p99"`
	Max      float64        `json:"max"`
	// RefusedP99 is of requests that were answered 91: refused because the host is sick.
	RefusedP99 float64   `json:"refusedP99,omitempty"`
	Start      time.Time `json:"start"` // of the measured time
	End        time.Time `json:"end"`
	Timeline   []Second  `json:"timeline"` // from Start on
}

type terminal struct {
	id       string
	card     string
	d        *message.Dialect
	tmk      *paycrypto.Key
	pik, mak *paycrypto.Key
	stan     uint64
	addr     string
	m, a     *message.Message
	buf, in  []byte
	r        *bufio.Reader
	pin      []byte
}

const merchant = "102290000000001"

// Trade runs withdrawals.
func Trade(c Config) (*Result, error) {
	data, err := os.ReadFile(c.TMKs)
	if err != nil {
		return nil, err
	}
	d, err := message.Builtin("pos64")
	if err != nil {
		return nil, err
	}
	var ts []*terminal
	skip := c.Skip
	for line := range bytes.Lines(data) {
		if skip--; skip >= 0 {
			continue
		}
		var f struct{ Terminal, Key string }
		if err := json.Unmarshal(line, &f); err != nil {
			return nil, err
		}
		raw, err := hex.DecodeString(f.Key)
		if err != nil {
			return nil, err
		}
		t := &terminal{id: f.Terminal, card: fmt.Sprintf("622588%010d", 1_000_000_001+len(ts)), d: d, addr: c.Address, stan: c.STAN,
			m: message.New(d), a: message.New(d), r: bufio.NewReader(nil)}
		if t.tmk, err = paycrypto.NewKey(paycrypto.DES, raw); err != nil {
			return nil, err
		}
		if ts = append(ts, t); len(ts) == c.Terminals {
			break
		}
	}
	if len(ts) < c.Terminals {
		return nil, errors.New("load: not enough terminals")
	}
	for _, t := range ts {
		if err := t.signIn(); err != nil {
			return nil, fmt.Errorf("load: sign-in of %s: %w", t.id, err)
		}
	}
	return run(c, func(i int) error { return ts[i].withdraw() })
}

// Quantile is the p-quantile of sorted values by nearest rank: the smallest value that is not
// less than p of them. 0 when there are none.
func Quantile[T int64 | float64 | time.Duration](sorted []T, p float64) T {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted), max(1, int(math.Ceil(p*float64(len(sorted))))))-1]
}

// run calls f from Terminals goroutines until the time is over.
func run(c Config, f func(i int) error) (*Result, error) {
	start := time.Now().Add(c.Warm)
	end := start.Add(c.Run)
	res := &Result{Errors: map[string]int{}, Start: start, End: end, Seconds: c.Run.Seconds()}
	due := dues(c, end)
	var mu sync.Mutex
	var wg sync.WaitGroup
	var all, away []time.Duration
	for i := range c.Terminals {
		wg.Go(func() {
			u := user{Result: Result{Errors: map[string]int{}}}
			for t0 := range due {
				u.note(c, start, end, t0, f(i))
			}
			mu.Lock()
			defer mu.Unlock()
			all, away = append(all, u.times...), append(away, u.refused...)
			res.Total += u.Total
			for k, v := range u.Errors {
				res.Errors[k] += v
			}
			for i, x := range u.Timeline {
				res.second(i).add(x)
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	slices.Sort(away)
	res.RefusedP99 = float64(Quantile(away, 0.99).Microseconds()) / 1000
	res.Approved = len(all)
	res.TPS = float64(len(all)) / res.Seconds
	ms := func(p float64) float64 { return float64(Quantile(all, p).Microseconds()) / 1000 }
	res.P50, res.P95, res.P99, res.Max = ms(0.5), ms(0.95), ms(0.99), ms(1)
	sum := time.Duration(0)
	for _, d := range all {
		sum += d
	}
	res.Mean = float64(sum.Microseconds()) / 1000 / float64(max(1, len(all)))
	return res, nil
}

// dues yields, to each user, the moments at which a request is due.
func dues(c Config, end time.Time) iter.Seq[time.Time] {
	if c.Rate <= 0 {
		return func(yield func(time.Time) bool) {
			for t := time.Now(); !t.After(end) && yield(t); t = time.Now() {
			}
		}
	}
	ticks := make(chan time.Time, 1<<16)
	go func() {
		defer close(ticks)
		step := time.Duration(float64(time.Second) / c.Rate)
		for t := time.Now(); !t.After(end); t = t.Add(step) {
			time.Sleep(time.Until(t))
			ticks <- t
		}
	}()
	return func(yield func(time.Time) bool) {
		for t := range ticks {
			if !yield(t) {
				return
			}
		}
	}
}

// user is what one goroutine of a run has seen.
type user struct {
	Result
	times, refused []time.Duration
}

func (u *user) note(c Config, start, end, t0 time.Time, err error) {
	t1 := time.Now()
	if at := int(t1.Sub(start) / time.Second); t1.After(start) && t1.Before(end) {
		x := u.second(at)
		if err == nil {
			x.add(Second{N: 1, Sum: float64(t1.Sub(t0).Microseconds()) / 1000})
		} else {
			x.add(Second{Not: 1})
		}
	}
	if c.Think > 0 {
		time.Sleep(c.Think)
	}
	if err != nil {
		u.Errors[err.Error()]++
		if err.Error() == "response 91" {
			u.refused = append(u.refused, t1.Sub(t0))
			if c.Tolerant && c.Rate == 0 {
				time.Sleep(5 * time.Millisecond) // a person would wait longer
			}
		}
		return
	}
	u.Total++
	if t0.After(start) && t1.Before(end) {
		u.times = append(u.times, t1.Sub(t0))
	}
}

func (r *Result) second(i int) *Second {
	for len(r.Timeline) <= i {
		r.Timeline = append(r.Timeline, Second{})
	}
	return &r.Timeline[i]
}

func (x *Second) add(y Second) {
	x.N, x.Sum, x.Not = x.N+y.N, x.Sum+y.Sum, x.Not+y.Not
}

// numbers is how many trace numbers there are: the next ones are of another batch, or of a partner's other day.
const numbers = 1_000_000

func (t *terminal) begin(mti string) {
	t.stan++
	t.m.Reset(t.d)
	_ = t.m.SetMTI(mti)
	_ = t.m.SetNumber(11, t.stan%numbers)
	_ = t.m.SetString(41, t.id)
	_ = t.m.SetString(42, merchant)
}

func (t *terminal) signIn() error {
	t.begin("0800")
	_ = t.m.SetString(60, "00000001003")
	frame, _, err := t.m.Pack(t.buf[:0])
	if err != nil {
		return err
	}
	if err := t.call(frame); err != nil {
		return err
	}
	f := t.a.Get(62)
	if string(t.a.Get(39)) != "00" || len(f) != 40 {
		return errors.New("refused")
	}
	pik, _ := paycrypto.Unwrap(t.tmk, f[:16])
	mak, _ := paycrypto.Unwrap(t.tmk, f[20:36])
	if t.pik, err = paycrypto.NewKey(paycrypto.DES, pik); err != nil {
		return err
	}
	if t.mak, err = paycrypto.NewKey(paycrypto.DES, mak); err != nil {
		return err
	}
	clearBlock, err := paycrypto.EncodePIN(paycrypto.ISO0, []byte("123456"), []byte(t.card))
	if err != nil {
		return err
	}
	t.pin, err = t.pik.ECB(nil, clearBlock, false)
	return err
}

func (t *terminal) withdraw() error {
	t.begin("0200")
	_ = t.m.SetString(3, "010000")
	_ = t.m.SetNumber(4, 10000)
	_ = t.m.SetString(22, "021")
	_ = t.m.SetString(25, "02")
	_ = t.m.SetString(26, "06")
	_ = t.m.SetString(35, t.card+"=3012101123456789")
	_ = t.m.SetString(49, "156")
	_ = t.m.Set(52, t.pin)
	_ = t.m.SetString(53, "2600000000000000")
	_ = t.m.SetString(60, fmt.Sprintf("00%06d000", 1+t.stan/numbers))
	t.m.ReserveMAC()
	frame, lay, err := t.m.Pack(t.buf[:0])
	if err != nil {
		return err
	}
	var mac [16]byte
	b, err := paycrypto.AppendMAC(mac[:0], paycrypto.X919, t.mak, lay.Cover(frame))
	if err != nil || !lay.PutMAC(frame, b) {
		return errors.New("mac")
	}
	t.buf = frame
	if err := t.call(frame); err != nil {
		return err
	}
	b, _ = paycrypto.AppendMAC(mac[:0], paycrypto.X919, t.mak, t.a.Covered())
	if rc := string(t.a.Get(39)); rc != "00" {
		return errors.New("response " + rc)
	}
	if n, _ := t.a.Number(11); n != t.stan%numbers || !t.a.MACEquals(b) {
		return errors.New("answer of another request or wrong MAC")
	}
	return nil
}

// call makes one short connection; the server closes it.
func (t *terminal) call(frame []byte) error {
	body, err := short(t.addr, frame, t.r, t.d, &t.in)
	if err != nil {
		return err
	}
	return t.a.Unpack(t.d, body)
}

func short(addr string, frame []byte, r *bufio.Reader, d *message.Dialect, in *[]byte) ([]byte, error) {
	c, err := brief.Dial(context.Background(), addr)
	if err != nil {
		return nil, errors.New("connect")
	}
	defer c.Close() //nolint:errcheck // the server closes first
	if _, err := c.Write(frame); err != nil {
		return nil, errors.New("write")
	}
	r.Reset(c)
	body, err := d.ReadFrame(r, *in)
	if err != nil {
		return nil, errors.New("read")
	}
	*in = body
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the server did not close")
	}
	return body, nil
}
