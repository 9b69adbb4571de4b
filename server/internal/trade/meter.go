package trade

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"zhigui/server/internal/host"
)

// span of the meter: older seconds are forgotten. Longer histories are in the journal.
const span = 900

// Series is what came of one kind of request in one step of time.
type Series struct {
	At                                 time.Time
	Channel, Host, Product             string
	Count                              int64
	Approved, Declined, NotSent, Doubt int64 // NotSent: refused here, nothing happened; Doubt: no usable answer
	Micros, Slowest                    int64 // sum and most, from the receipt to the answer
}

type seriesKey struct{ channel, host, product string }

// meter counts by the second.
type meter struct {
	mu  sync.Mutex
	sec [span]struct {
		at    int64
		cells map[seriesKey]*Series
	}
}

// add notes one request; now is when it was answered.
func (m *meter) add(k seriesKey, rc string, took time.Duration, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := &m.sec[now.Unix()%span]
	if b.at != now.Unix() {
		b.at = now.Unix()
		if b.cells == nil {
			b.cells = map[seriesKey]*Series{}
		}
		clear(b.cells)
	}
	c := b.cells[k]
	if c == nil {
		c = &Series{Channel: k.channel, Host: k.host, Product: k.product}
		b.cells[k] = c
	}
	c.Count++
	switch rc {
	case rcOK:
		c.Approved++
	case rcNoAnswer:
		c.Doubt++
	case rcNotReached, rcSystem, rcNoRoute, rcLate:
		c.NotSent++
	default:
		c.Declined++
	}
	us := took.Microseconds()
	c.Micros += us
	c.Slowest = max(c.Slowest, us)
}

// Meter adds the last seconds up in steps: of time, and by channel, host and product where by says so.
func (e *Engine) Meter(last, step time.Duration, byChannel, byHost, byProduct bool) []Series {
	now := time.Now()
	n := min(int64(last/time.Second), span-1)
	width := max(int64(step/time.Second), 1)
	type key struct {
		at int64
		seriesKey
	}
	sums := map[key]*Series{}
	e.meter.mu.Lock()
	for s := now.Unix() - n; s <= now.Unix(); s++ {
		b := &e.meter.sec[s%span]
		if b.at != s {
			continue
		}
		for k, c := range b.cells {
			if !byChannel {
				k.channel = ""
			}
			if !byHost {
				k.host = ""
			}
			if !byProduct {
				k.product = ""
			}
			at := s - s%width
			x := sums[key{at, k}]
			if x == nil {
				x = &Series{At: time.Unix(at, 0).UTC(), Channel: k.channel, Host: k.host, Product: k.product}
				sums[key{at, k}] = x
			}
			x.Count += c.Count
			x.Approved += c.Approved
			x.Declined += c.Declined
			x.NotSent += c.NotSent
			x.Doubt += c.Doubt
			x.Micros += c.Micros
			x.Slowest = max(x.Slowest, c.Slowest)
		}
	}
	e.meter.mu.Unlock()
	out := make([]Series, 0, len(sums))
	for _, x := range sums {
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b Series) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Product, b.Product))
	})
	return out
}

// Waiting is one message that a host must still be told.
type Waiting struct {
	Txn            int64
	Terminal, Host string
	Credit         bool
	Attempts       int
	RC             string
	Created, Next  time.Time
}

// Queue is what the hosts must still be told.
type Queue struct {
	Waiting []Waiting // oldest first
	Ended   int64     // in the last minute
	Drain   time.Duration
	// Known is false when nothing ended in the last minute: how long it takes cannot be told.
	Known bool
}

// Queue tells what is waiting, and how long it takes at the pace of the last minute.
func (e *Engine) Queue() (q Queue) {
	d := e.drain
	d.mu.Lock()
	for _, rs := range d.todo {
		for _, r := range rs {
			q.Waiting = append(q.Waiting, Waiting{Txn: r.Txn, Terminal: r.Terminal, Host: r.Host, Credit: r.Credit, Attempts: r.Attempts, RC: r.RC, Created: r.Created, Next: r.Next})
		}
	}
	now := time.Now().Unix()
	for i, at := range d.endedAt {
		if at > 0 && now-at < 60 {
			q.Ended += d.endedN[i]
		}
	}
	d.mu.Unlock()
	slices.SortFunc(q.Waiting, func(a, b Waiting) int { return a.Created.Compare(b.Created) })
	switch {
	case len(q.Waiting) == 0:
		q.Known = true
	case q.Ended > 0:
		q.Known, q.Drain = true, time.Duration(float64(len(q.Waiting))/float64(q.Ended)*float64(time.Minute))
	}
	return q
}

// RetryNow lets a waiting message be sent as soon as its host takes it; false when it is not waiting.
func (e *Engine) RetryNow(txn int64) bool {
	d := e.drain
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, rs := range d.todo {
		for _, r := range rs {
			if r.Txn == txn {
				if !d.busy[lane(r)] {
					r.Next = e.o.Now()
				}
				d.poke()
				return true
			}
		}
	}
	return false
}

// Host returns a host by its name, nil when there is none.
func (e *Engine) Host(name string) *host.Host { return e.hosts[name] }
