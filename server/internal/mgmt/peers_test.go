package mgmt

import (
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/dbserver/dbtest"
)

// part is one of several servers, with a switch that does as the test says.
type part struct {
	st    *store.Store
	b     *Broker
	live  *Live
	p     *Peers
	sw    api.Switch
	q     api.Queue
	came  []trade.Series // in the last step
	again []int64        // asked to be sent soon
}

// TestAConsoleShowsWhatRunsAtEveryServer: two servers and a process that only has the pages.
func TestAConsoleShowsWhatRunsAtEveryServer(t *testing.T) {
	dsn := dbtest.Chosen(t)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	now := time.Now().Truncate(10 * time.Second).Add(7 * time.Second)
	whole := now.Truncate(peersStep)
	begin := func(name string, has bool) *part {
		st, err := store.Open(t.Context(), store.Options{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		x := &part{st: st, b: NewBroker()}
		if has {
			x.live = &Live{Switch: func() api.Switch { return x.sw }, Queue: func() api.Queue { return x.q }, Meter: func(time.Duration, time.Duration, bool, bool, bool) []trade.Series { return x.came },
				Retry: func(n int64) bool { x.again = append(x.again, n); return true }}
		}
		x.p = NewPeers(st, name, x.live, log)
		return x
	}
	a, b, pages := begin("a #1", true), begin("b #2", true), begin("c (1)", false)
	a.sw = api.Switch{Hosts: []api.Host{{Name: "core", State: "up"}, {Name: "network", State: "up"}}, Channels: []api.Channel{{Name: "terminals", Open: 3}}}
	b.sw = api.Switch{Hosts: []api.Host{{Name: "core", State: "down"}}, Channels: []api.Channel{{Name: "terminals", Open: 4, InFlight: 3, LastError: "mac"}}, Cache: &api.Cache{Kind: "redis", Hits: 7, Away: true}}
	a.q = api.Queue{Depth: 1, LastMinute: 2, Oldest: now.Add(-time.Minute), Waiting: []api.Waiting{{Transaction: "1", Created: now.Add(-time.Minute)}}}
	b.q = api.Queue{Depth: 2, LastMinute: 1, Oldest: now.Add(-time.Hour), Waiting: []api.Waiting{{Transaction: "2", Created: now.Add(-time.Hour)}, {Transaction: "3", Created: now}}}
	a.came = []trade.Series{{At: whole.Add(-peersStep), Channel: "terminals", Host: "core", Product: "balance", Count: 2, Approved: 2, Micros: 2000, Slowest: 1500}, {At: whole, Count: 9}}
	b.came = []trade.Series{{At: whole.Add(-peersStep), Channel: "terminals", Host: "core", Product: "withdrawal", Count: 4, Approved: 3, Doubt: 1, Micros: 16000, Slowest: 9000}}
	say := func(at time.Time, xs ...*part) {
		t.Helper()
		for _, x := range xs {
			if err := x.p.say(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
	}
	say(now, a, b, pages)
	say(now.Add(time.Second), a, b) // the same step again counts once

	sees := func(x *part, at time.Time) (v api.Switch) {
		t.Helper()
		v = api.Switch{}
		if x.live != nil {
			v = x.live.Switch()
			v.Hosts, v.Channels = slices.Clone(v.Hosts), slices.Clone(v.Channels)
		}
		if err := x.p.addSwitch(t.Context(), &v, at); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, x := range []*part{a, b, pages} {
		v := sees(x, now.Add(time.Second))
		if len(v.Hosts) != 3 || v.Hosts[0].Name != "core" || v.Hosts[0].Server == v.Hosts[1].Server || v.Hosts[2].Server != "a #1" || len(v.Channels) != 2 || len(v.Servers) != 2 ||
			!slices.ContainsFunc(v.Channels, func(c api.Channel) bool { return c.Server == "b #2" && c.InFlight == 3 && c.LastError == "mac" }) ||
			!slices.ContainsFunc(v.Servers, func(s api.Server) bool {
				return s.Name == "b #2" && s.Cache != nil && s.Cache.Hits == 7 && s.Cache.Away
			}) {
			got, _ := json.MarshalIndent(v, "", " ")
			t.Errorf("%s", got)
		}
		q := api.Queue{}
		if x.live != nil {
			q = x.live.Queue()
		}
		if err := x.p.addQueue(t.Context(), &q, now); err != nil {
			t.Fatal(err)
		}
		drained(&q, now)
		if q.Depth != 3 || q.LastMinute != 3 || q.OldestAge != 3600 || q.DrainSeconds != 60 || len(q.Waiting) != 3 || q.Waiting[0].Transaction != "2" {
			t.Errorf("%+v", q)
		}
	}

	// The time line of both, by what is asked; the own part comes from memory.
	m := api.Meter{Now: now, Seconds: 60, Step: 10, Points: points(b.came)}
	m.Points[0].At = time.Unix(m.Points[0].At.Unix()/10*10, 0).UTC()
	m.Points[0].Channel, m.Points[0].Host, m.Points[0].Product = "", "", ""
	if err := b.p.addMeter(t.Context(), &m, "all"); err != nil || len(m.Points) != 1 || m.Points[0].Count != 6 || m.Points[0].Approved != 5 || m.Points[0].MeanMicros != 3000 || m.Points[0].MaxMicros != 9000 {
		t.Errorf("%v %+v", err, m.Points)
	}
	m = api.Meter{Now: now, Seconds: 60, Step: 5}
	if err := pages.p.addMeter(t.Context(), &m, "product"); err != nil || len(m.Points) != 2 || m.Points[0].Channel != "" || m.Points[0].Product == m.Points[1].Product {
		t.Errorf("%v %+v", err, m.Points)
	}

	// Sent soon, wherever it waits.
	ra, err := NewRelay(t.Context(), a.st, a.b, log)
	if err != nil {
		t.Fatal(err)
	}
	rb, err := NewRelay(t.Context(), b.st, b.b, log)
	if err != nil {
		t.Fatal(err)
	}
	rb.OnRetry = b.live.Retry
	for txn, want := range map[string]bool{"3": true, "4": false} {
		if there, err := a.p.retry(t.Context(), txn, a.b, now); err != nil || there != want {
			t.Errorf("%s: %v %v", txn, there, err)
		}
	}
	for _, r := range []*Relay{ra, rb} {
		if err := r.once(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(b.again, []int64{3}) || len(a.again) != 0 {
		t.Errorf("asked to be sent soon: %v at b, %v at a", b.again, a.again)
	}

	// One that is heard of no more is named, and what it said is no longer shown; in the end it is forgotten.
	say(now.Add(20*time.Second), a)
	v := sees(pages, now.Add(20*time.Second))
	if len(v.Hosts) != 2 || len(v.Servers) != 2 || v.Servers[0].Silent || !v.Servers[1].Silent {
		t.Errorf("%+v", v)
	}
	if err := a.st.ForgetStates(t.Context(), now.Add(10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if v := sees(pages, now.Add(20*time.Second)); len(v.Servers) != 1 {
		t.Errorf("%+v", v.Servers)
	}
}
