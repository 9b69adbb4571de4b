package mgmt

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"time"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// Sums keeps what came in each ten minutes, for the time lines of days. The journal could not tell it cheaply: its rows
// are wide, nothing indexes their host or channel, it does not know how long a request took, and what was refused
// before it was stored is not in it.
type Sums struct {
	st    *store.Store
	name  string // of this process alone: after a restart within ten minutes both parts count
	meter func(last, step time.Duration, byChannel, byHost, byProduct bool) []trade.Series
	log   *slog.Logger
	kept  map[time.Time]string
}

const (
	sumsStep  = 10 * time.Minute
	sumsEvery = time.Minute        // what a killed server loses at most
	sumsKnown = 14 * time.Minute   // that the meter knows: steps that begin before are not whole
	sumsKeep  = 8 * 24 * time.Hour // a week of whole days, wherever the day begins
	daySpan   = 24 * time.Hour
)

// NewSums makes it; name is one that no other process has, nor had.
func NewSums(st *store.Store, name string, live *Live, log *slog.Logger) *Sums {
	return &Sums{st: st, name: name, meter: live.Meter, log: log, kept: map[time.Time]string{}}
}

// Run keeps the sums until ctx ends; Keep then has the last minute.
func (s *Sums) Run(ctx context.Context) {
	t := time.NewTicker(sumsEvery)
	defer t.Stop()
	failed := false
	for i := 0; ; i++ {
		err := s.Keep(ctx, time.Now())
		if err == nil && i%60 == 0 {
			err = s.st.ForgetSums(ctx, time.Now().Add(-sumsKeep))
		}
		if err != nil && ctx.Err() == nil && !failed {
			s.log.Warn("the time lines of days lack what comes here", "error", err.Error())
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// sumCell is what came of one kind of request.
type sumCell struct {
	Channel  string `json:"c"`
	Host     string `json:"h"`
	Product  string `json:"p"`
	Count    int64  `json:"n"`
	Approved int64  `json:"a"`
	Declined int64  `json:"d"`
	NotSent  int64  `json:"s"`
	Doubt    int64  `json:"u"`
	Micros   int64  `json:"m"`
	Slowest  int64  `json:"x"`
}

// Keep writes the steps that have changed.
func (s *Sums) Keep(ctx context.Context, now time.Time) error {
	steps := map[time.Time][]sumCell{}
	for _, x := range s.meter(sumsKnown+30*time.Second, sumsStep, true, true, true) {
		if !x.At.Before(now.Add(-sumsKnown)) {
			steps[x.At] = append(steps[x.At], sumCell{x.Channel, x.Host, x.Product, x.Count, x.Approved, x.Declined, x.NotSent, x.Doubt, x.Micros, x.Slowest})
		}
	}
	var xs []store.ServerState
	for at, v := range steps {
		content, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if s.kept[at] != string(content) {
			xs = append(xs, store.ServerState{Server: s.name, Step: at, Content: content, At: now})
		}
	}
	if len(xs) == 0 {
		return nil
	}
	if err := s.st.PutSums(ctx, xs); err != nil {
		return err
	}
	maps.DeleteFunc(s.kept, func(at time.Time, _ string) bool { return at.Before(now.Add(-time.Hour)) })
	for _, x := range xs {
		s.kept[x.Step] = string(x.Content)
	}
	return nil
}

// spanOf is a span of days of the bank, as far as it has passed.
func spanOf(name string, now time.Time) (from, to time.Time) {
	now = now.In(china)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, china)
	switch name {
	case "yesterday":
		return today.Add(-daySpan), today
	case "week":
		return today.Add(-6 * daySpan), now
	}
	return today, now
}

// days is the time line of whole days, of all servers.
func (s *Service) days(ctx context.Context, span, by string, step int64) (*api.Meter, error) {
	now := s.o.Now()
	from, to := spanOf(span, now)
	v := &api.Meter{Now: now.UTC(), From: from.UTC(), Seconds: int64(to.Sub(from) / time.Second), Step: step, Points: []api.Point{}}
	xs, since, err := s.st.Sums(ctx, from, to)
	if err != nil {
		return nil, s.fail(err)
	}
	v.Since = since
	type key struct {
		at  int64
		key string
	}
	type sum struct {
		api.Point
		micros int64
	}
	sums := map[key]*sum{}
	for _, x := range xs {
		var cells []sumCell
		if json.Unmarshal(x.Content, &cells) != nil { // one of another version
			continue
		}
		at := from.Unix() + (x.Step.Unix()-from.Unix())/step*step
		for _, c := range cells {
			k := key{at: at}
			p := api.Point{At: time.Unix(at, 0).UTC()}
			switch by {
			case "channel":
				k.key, p.Channel = c.Channel, c.Channel
			case "host":
				k.key, p.Host = c.Host, c.Host
			case "product":
				k.key, p.Product = c.Product, c.Product
			}
			w := sums[k]
			if w == nil {
				w = &sum{Point: p}
				sums[k] = w
			}
			w.Count += c.Count
			w.Approved += c.Approved
			w.Declined += c.Declined
			w.NotSent += c.NotSent
			w.Doubt += c.Doubt
			w.micros += c.Micros
			w.MaxMicros = max(w.MaxMicros, c.Slowest)
		}
	}
	for _, w := range sums {
		w.MeanMicros = w.micros / max(w.Count, 1)
		v.Points = append(v.Points, w.Point)
	}
	slices.SortFunc(v.Points, func(a, b api.Point) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Channel+a.Host+a.Product, b.Channel+b.Host+b.Product))
	})
	return v, nil
}
