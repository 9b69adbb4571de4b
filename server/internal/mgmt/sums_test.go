package mgmt

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/dbserver/dbtest"
)

// The time lines of days are those of all servers, with what a restart has cut in two, in days of the bank.
func TestWhatCameIsKeptByTenMinutesAndShownByTheDay(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: dbtest.Chosen(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var came []trade.Series
	live := &Live{Meter: func(time.Duration, time.Duration, bool, bool, bool) []trade.Series { return came }}
	begin := time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC) // the 22nd begins in China
	now := begin
	one := func(at time.Time, host string, n, micros int64) trade.Series {
		return trade.Series{At: at, Channel: "terminals", Host: host, Product: "withdrawal", Count: n, Approved: n - 1, Doubt: 1, Micros: micros, Slowest: micros}
	}
	keep := func(s *Sums, at time.Time, xs ...trade.Series) {
		t.Helper()
		came = xs
		if err := s.Keep(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	a, b, again := NewSums(st, "a", live, log), NewSums(st, "b", live, log), NewSums(st, "a2", live, log)
	keep(a, begin.Add(-2*time.Minute), one(begin.Add(-10*time.Minute), "core", 5, 50))
	keep(a, begin.Add(time.Minute), one(begin.Add(-10*time.Minute), "core", 6, 60), one(begin, "core", 2, 20)) // that one came meanwhile
	keep(a, begin.Add(2*time.Minute), one(begin, "core", 4, 40))
	keep(again, begin.Add(9*time.Minute), one(begin, "core", 1, 70))
	keep(again, begin.Add(20*time.Minute), one(begin, "core", 1, 0), one(begin.Add(10*time.Minute), "spare", 3, 30)) // the first is known in part only: it stays
	keep(b, begin.Add(70*time.Minute), one(begin.Add(60*time.Minute), "core", 7, 700))

	svc := &Service{st: st, o: Options{Now: func() time.Time { return now }, Log: log}}
	point := func(at time.Time, host string, n, doubt, mean, most int64) api.Point {
		return api.Point{At: at, Host: host, Count: n, Approved: n - doubt, Doubt: doubt, MeanMicros: mean, MaxMicros: most}
	}
	for name, c := range map[string]struct {
		after time.Duration
		span  string
		by    string
		step  int64
		want  []api.Point
	}{
		"today by ten minutes": {2 * time.Hour, "today", "all", 600, []api.Point{point(begin, "", 5, 2, 22, 70), point(begin.Add(10*time.Minute), "", 3, 1, 10, 30), point(begin.Add(time.Hour), "", 7, 1, 100, 700)}},
		"today by the hour":    {2 * time.Hour, "today", "host", 3600, []api.Point{point(begin, "core", 5, 2, 22, 70), point(begin, "spare", 3, 1, 10, 30), point(begin.Add(time.Hour), "core", 7, 1, 100, 700)}},
		"yesterday":            {2 * time.Hour, "yesterday", "all", 3600, []api.Point{point(begin.Add(-time.Hour), "", 6, 1, 10, 60)}},
		"the day after":        {26 * time.Hour, "yesterday", "all", 86400, []api.Point{point(begin, "", 15, 4, 56, 700)}},
		"the week":             {2 * time.Hour, "week", "all", 86400, []api.Point{point(begin.Add(-24*time.Hour), "", 6, 1, 10, 60), point(begin, "", 15, 4, 56, 700)}},
		"the week after":       {8 * 24 * time.Hour, "week", "all", 86400, []api.Point{}},
	} {
		now = begin.Add(c.after)
		v, err := svc.days(t.Context(), c.span, c.by, c.step)
		if err != nil {
			t.Fatal(name, err)
		}
		if d := cmp.Diff(c.want, v.Points); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if !v.Since.Equal(begin.Add(-10*time.Minute)) || v.From.In(china).Hour() != 0 {
			t.Errorf("%s: from %v, since %v", name, v.From, v.Since)
		}
	}

	// What servers say for a quarter of an hour has nothing to do with it, and is forgotten without it.
	if xs, err := st.Steps(t.Context(), begin.Add(-24*time.Hour)); len(xs) != 0 || err != nil {
		t.Error(xs, err)
	}
	if err := st.ForgetStates(t.Context(), begin.Add(time.Hour*1000)); err != nil {
		t.Fatal(err)
	}
	if err := st.ForgetSums(t.Context(), begin); err != nil {
		t.Fatal(err)
	}
	now = begin.Add(2 * time.Hour)
	if v, err := svc.days(t.Context(), "week", "all", 86400); err != nil || len(v.Points) != 1 || !v.Since.Equal(begin) {
		t.Error(v, err)
	}
	if err := st.ForgetSums(t.Context(), begin.Add(time.Hour*1000)); err != nil {
		t.Fatal(err)
	}
	if v, err := svc.days(t.Context(), "week", "all", 86400); err != nil || len(v.Points) != 0 || !v.Since.IsZero() {
		t.Error(v, err)
	}
}
