package mgmt

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/trade"
)

// Live is what runs in this process, as the console shows it.
type Live struct {
	Switch func() api.Switch
	Queue  func() api.Queue
	Meter  func(last, step time.Duration, byChannel, byHost, byProduct bool) []trade.Series
	Retry  func(txn int64) bool
}

// since remembers when each of them came into the state that it is in.
type since struct {
	mu sync.Mutex
	of map[string]stateSince
}

type stateSince struct {
	state string
	at    time.Time
}

func (s *since) at(what, state string, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.of[what]
	if !ok || x.state != state {
		x = stateSince{state, now}
		s.of[what] = x
	}
	return x.at
}

// Watch looks every second, so that what is shown as the begin of a state is it.
func (l *Live) Watch(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		l.Switch()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// LiveOf is an engine with its hosts and channels; kinds are the carriers of the hosts. Somebody must Watch it.
func LiveOf(e *trade.Engine, kinds map[string]string, channels func() []api.Channel, cache func() *api.Cache, now func() time.Time) *Live {
	states := &since{of: map[string]stateSince{}}
	return &Live{Meter: e.Meter, Retry: e.RetryNow, Queue: func() api.Queue { return queueOf(e.Queue()) }, Switch: func() api.Switch {
		v := api.Switch{Hosts: []api.Host{}, Channels: []api.Channel{}}
		for _, h := range e.Hosts() {
			l := h.Link
			x := api.Host{Name: h.Name, Dialect: h.Dialect, State: "up", Breaker: h.Breaker, Day: e.Host(h.Name).Day(now()), Limit: h.Limit, Refused: h.Refused, Barred: h.BreakerBar,
				Opened: h.BreakerOpened, Answered: h.Answered, Unknown: h.Unknown, MACErrors: h.MACErrors, FormatErrs: h.FormatErrors, MeanMicros: h.MeanMicros,
				Link: api.Link{Kind: kinds[h.Name], Up: l.Up, Want: l.Want, InFlight: l.InFlight, Queued: h.Queued, Sent: l.Sent, Answered: l.Answered, Late: l.Late, Orphan: l.Orphan,
					Garbage: l.Garbage, Lost: l.Lost, Timeouts: l.Timeouts, Reconnect: l.Reconnects, LastError: l.LastError, LastErrorAt: l.LastErrorAt}}
			switch {
			case h.SignedOff:
				x.State = "signedOff"
			case h.Breaker == "open":
				x.State = "breaker"
			case !h.Up:
				x.State = "down"
			}
			x.Since = states.at("host "+x.Name, x.State+x.Breaker, now())
			v.Hosts = append(v.Hosts, x)
		}
		if channels != nil {
			for _, c := range channels() {
				c.State = channelState(&c)
				c.Since = states.at("channel "+c.Name, c.State, now())
				v.Channels = append(v.Channels, c)
			}
		}
		if cache != nil {
			v.Cache = cache()
		}
		return v
	}}
}

// channelState is what its figures make of a channel.
func channelState(c *api.Channel) string {
	busy := c.InFlight
	if c.LimitOf == "connections" {
		busy = c.Open
	}
	switch {
	case c.Want > 0 && c.Open < int64(c.Want):
		return "down"
	case c.Limit > 0 && busy >= int64(c.Limit):
		return "full"
	case c.Frames == 0:
		return "quiet"
	}
	return "up"
}

// shown is how many waiting messages a page lists.
const shown = 200

func queueOf(q trade.Queue) api.Queue {
	v := api.Queue{Waiting: []api.Waiting{}, Depth: len(q.Waiting), LastMinute: q.Ended}
	for i, w := range q.Waiting {
		if i == 0 {
			v.Oldest = w.Created
		}
		if i == shown {
			break
		}
		kind := "reversal"
		if w.Credit {
			kind = "credit"
		}
		v.Waiting = append(v.Waiting, api.Waiting{Transaction: strconv.FormatInt(w.Txn, 10), Terminal: w.Terminal, Host: w.Host, Kind: kind, Attempts: w.Attempts, Response: w.RC,
			Created: w.Created, Next: w.Next})
	}
	return v
}

// drained completes a queue: its age, and how long it takes at the pace of the last minute.
func drained(v *api.Queue, now time.Time) {
	v.OldestAge, v.DrainSeconds = 0, -1
	if v.Depth > 0 {
		v.OldestAge = int64(now.Sub(v.Oldest) / time.Second)
	}
	switch {
	case v.Depth == 0:
		v.DrainSeconds = 0
	case v.LastMinute > 0:
		v.DrainSeconds = int64(float64(v.Depth) / float64(v.LastMinute) * 60)
	}
}

func (s *Service) switchState(ctx context.Context, _ *struct{}) (*out[api.Switch], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	v := api.Switch{Hosts: []api.Host{}, Channels: []api.Channel{}}
	if s.o.Live != nil {
		v = s.o.Live.Switch()
	}
	if err := s.o.Peers.addSwitch(ctx, &v, s.o.Now()); err != nil {
		return nil, s.fail(err)
	}
	if v.Cache != nil && len(v.Servers) == 0 {
		v.Servers = []api.Server{{Name: s.o.Server, At: s.o.Now(), Here: true, Cache: v.Cache}}
	}
	v.Cache = nil
	return done(v), nil
}

func (s *Service) queue(ctx context.Context, _ *struct{}) (*out[api.Queue], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	v := api.Queue{Waiting: []api.Waiting{}}
	if s.o.Live != nil {
		v = s.o.Live.Queue()
	}
	if err := s.o.Peers.addQueue(ctx, &v, s.o.Now()); err != nil {
		return nil, s.fail(err)
	}
	drained(&v, s.o.Now())
	return done(v), nil
}

func (s *Service) meter(ctx context.Context, in *struct {
	Seconds int64  `query:"seconds" minimum:"10" maximum:"890" default:"300"`
	Step    int64  `query:"step" minimum:"1" maximum:"86400" default:"5"`
	By      string `query:"by" enum:"all,channel,host,product" default:"all"`
	Span    string `query:"span" enum:"now,today,yesterday,week" default:"now"`
}) (*out[api.Meter], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	if (in.Span == "now") != (in.Step <= 120) || in.Span != "now" && (in.Step%int64(sumsStep/time.Second) != 0 || int64(daySpan/time.Second)%in.Step != 0) {
		return nil, refuse(http.StatusBadRequest, code.BadRequest)
	}
	if in.Span != "now" {
		v, err := s.days(ctx, in.Span, in.By, in.Step)
		if err != nil {
			return nil, err
		}
		return done(*v), nil
	}
	v := api.Meter{Now: time.Now().UTC(), Seconds: in.Seconds, Step: in.Step, Points: []api.Point{}}
	if s.o.Live != nil {
		v.Points = points(s.o.Live.Meter(time.Duration(in.Seconds)*time.Second, time.Duration(in.Step)*time.Second, in.By == "channel", in.By == "host", in.By == "product"))
	}
	if err := s.o.Peers.addMeter(ctx, &v, in.By); err != nil {
		return nil, s.fail(err)
	}
	return done(v), nil
}

func points(xs []trade.Series) []api.Point {
	out := make([]api.Point, 0, len(xs))
	for _, p := range xs {
		out = append(out, api.Point{At: p.At, Channel: p.Channel, Host: p.Host, Product: p.Product, Count: p.Count, Approved: p.Approved, Declined: p.Declined, NotSent: p.NotSent,
			Doubt: p.Doubt, MeanMicros: p.Micros / max(p.Count, 1), MaxMicros: p.Slowest})
	}
	return out
}
