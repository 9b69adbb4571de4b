package mgmt

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

// Peers shows a console the parts of the switch that run in other processes with the same database: each says
// every two seconds how it is, and what came in each five seconds. A nil one is of a server that is alone.
type Peers struct {
	st   *store.Store
	name string
	live *Live // nil: nothing runs here, and nothing is said
	log  *slog.Logger
	said time.Time // steps before were said
}

const (
	peersEvery = 2 * time.Second
	peersStep  = 5 * time.Second
	peersFresh = 15 * time.Second // older ones are silent: clocks differ, and a commit takes its time
	peersKeep  = 15 * time.Minute
)

// said is what a server says of itself.
type saidState struct {
	Switch api.Switch
	Queue  api.Queue
}

// NewPeers makes it; name is what this server is called. Run does the work of saying.
func NewPeers(st *store.Store, name string, live *Live, log *slog.Logger) *Peers {
	return &Peers{st: st, name: name, live: live, log: log}
}

// Run says how this server is until ctx ends.
func (p *Peers) Run(ctx context.Context) {
	t := time.NewTicker(peersEvery)
	defer t.Stop()
	failed := false
	for i := 0; ; i++ {
		err := p.say(ctx, time.Now())
		if err == nil && i%30 == 0 {
			err = p.st.ForgetStates(ctx, time.Now().Add(-peersKeep))
		}
		if err != nil && ctx.Err() == nil && !failed {
			p.log.Warn("other servers' consoles do not see this one", "error", err.Error())
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (p *Peers) say(ctx context.Context, now time.Time) error {
	if p.live == nil {
		return nil
	}
	content, err := json.Marshal(saidState{p.live.Switch(), p.live.Queue()})
	if err != nil {
		return err
	}
	xs := []store.ServerState{{Server: p.name, Content: content, At: now}}
	whole := now.Truncate(peersStep) // the step under way is said when it is over
	steps := map[time.Time][]api.Point{}
	for _, x := range points(p.live.Meter(now.Sub(p.said.Add(-peersStep)), peersStep, true, true, true)) {
		if x.At.Before(whole) && !x.At.Before(p.said) {
			steps[x.At] = append(steps[x.At], x)
		}
	}
	for at, v := range steps {
		if content, err = json.Marshal(v); err != nil {
			return err
		}
		xs = append(xs, store.ServerState{Server: p.name, Step: at, Content: content, At: now})
	}
	if err := p.st.PutStates(ctx, xs); err != nil {
		return err
	}
	p.said = whole
	return nil
}

// others are what other servers have said, the silent ones too.
func (p *Peers) others(ctx context.Context) (xs []store.ServerState, err error) {
	if p == nil {
		return nil, nil
	}
	xs, err = p.st.States(ctx)
	return slices.DeleteFunc(xs, func(x store.ServerState) bool { return x.Server == p.name }), err
}

func fresh(x store.ServerState, now time.Time) bool { return now.Sub(x.At) < peersFresh }

func (p *Peers) addSwitch(ctx context.Context, v *api.Switch, now time.Time) error {
	xs, err := p.others(ctx)
	if err != nil || len(xs) == 0 {
		return err
	}
	if p.live != nil {
		v.Servers = append(v.Servers, api.Server{Name: p.name, At: now, Here: true, Cache: v.Cache})
	}
	for i := range v.Hosts {
		v.Hosts[i].Server = p.name
	}
	for i := range v.Channels {
		v.Channels[i].Server = p.name
	}
	for _, x := range xs {
		var s saidState
		v.Servers = append(v.Servers, api.Server{Name: x.Server, At: x.At, Silent: !fresh(x, now)})
		if !fresh(x, now) || json.Unmarshal(x.Content, &s) != nil { // one of another version
			continue
		}
		v.Servers[len(v.Servers)-1].Cache = s.Switch.Cache
		for _, h := range s.Switch.Hosts {
			h.Server = x.Server
			v.Hosts = append(v.Hosts, h)
		}
		for _, c := range s.Switch.Channels {
			c.Server = x.Server
			v.Channels = append(v.Channels, c)
		}
	}
	slices.SortStableFunc(v.Hosts, func(a, b api.Host) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(v.Channels, func(a, b api.Channel) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

func (p *Peers) addQueue(ctx context.Context, v *api.Queue, now time.Time) error {
	xs, err := p.others(ctx)
	if err != nil {
		return err
	}
	for _, x := range xs {
		var s saidState
		if !fresh(x, now) || json.Unmarshal(x.Content, &s) != nil || s.Queue.Depth+int(s.Queue.LastMinute) == 0 {
			continue
		}
		if v.Depth == 0 || s.Queue.Depth > 0 && s.Queue.Oldest.Before(v.Oldest) {
			v.Oldest = s.Queue.Oldest
		}
		v.Depth += s.Queue.Depth
		v.LastMinute += s.Queue.LastMinute
		for _, w := range s.Queue.Waiting {
			w.Server = x.Server
			v.Waiting = append(v.Waiting, w)
		}
	}
	slices.SortStableFunc(v.Waiting, func(a, b api.Waiting) int { return a.Created.Compare(b.Created) })
	v.Waiting = v.Waiting[:min(len(v.Waiting), shown)]
	return nil
}

// addMeter adds what other servers have said of the time that v shows.
func (p *Peers) addMeter(ctx context.Context, v *api.Meter, by string) error {
	if p == nil {
		return nil
	}
	xs, err := p.st.Steps(ctx, v.Now.Add(-time.Duration(v.Seconds)*time.Second))
	if err != nil {
		return err
	}
	type key struct {
		at                     int64
		channel, host, product string
	}
	at := map[key]int{}
	of := func(x api.Point) key { return key{x.At.Unix(), x.Channel, x.Host, x.Product} }
	for i, x := range v.Points {
		at[of(x)] = i
	}
	for _, x := range xs {
		var ps []api.Point
		if x.Server == p.name || json.Unmarshal(x.Content, &ps) != nil {
			continue
		}
		for _, q := range ps {
			q.At = time.Unix(q.At.Unix()-q.At.Unix()%v.Step, 0).UTC()
			if by != "channel" {
				q.Channel = ""
			}
			if by != "host" {
				q.Host = ""
			}
			if by != "product" {
				q.Product = ""
			}
			i, ok := at[of(q)]
			if !ok {
				at[of(q)] = len(v.Points)
				v.Points = append(v.Points, q)
				continue
			}
			w := &v.Points[i]
			w.MeanMicros = (w.MeanMicros*w.Count + q.MeanMicros*q.Count) / max(w.Count+q.Count, 1)
			w.Count += q.Count
			w.Approved += q.Approved
			w.Declined += q.Declined
			w.NotSent += q.NotSent
			w.Doubt += q.Doubt
			w.MaxMicros = max(w.MaxMicros, q.MaxMicros)
		}
	}
	slices.SortStableFunc(v.Points, func(a, b api.Point) int { return a.At.Compare(b.At) })
	return nil
}

// retry asks the others to send a waiting message soon; false when none has said that it has it.
func (p *Peers) retry(ctx context.Context, txn string, b *Broker, now time.Time) (bool, error) {
	var v api.Queue
	if err := p.addQueue(ctx, &v, now); err != nil {
		return false, err
	}
	if !slices.ContainsFunc(v.Waiting, func(w api.Waiting) bool { return w.Transaction == txn }) {
		return false, nil
	}
	b.Publish(kindRetry, txn)
	return true, nil
}

// kindRetry is an event for servers, not for pages: send it again soon.
const kindRetry = "retry"
