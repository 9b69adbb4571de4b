package engine

import (
	"math"
	"testing"
	"time"
)

func draws(l Latency, seed int, id string, n int) []time.Duration {
	r := seeded(seed, id)
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = l.draw(r)
	}
	return out
}

func TestTimesFollowTheirDistribution(t *testing.T) {
	const n = 4000
	for _, tc := range []struct {
		l                        Latency
		low, high, mean, quarter float64 // milliseconds; quarter: how many lie below mean-spread/2
	}{
		{Latency{Kind: "fixed", Ms: 20}, 20, 20, 20, 0},
		{Latency{Kind: "uniform", Ms: 300, SpreadMs: 100}, 200, 400, 300, 0.25},
		{Latency{Kind: "normal", Ms: 300, SpreadMs: 50}, 100, 500, 300, 0.3085},
		{Latency{Kind: "normal", Ms: 0, SpreadMs: 50}, 0, 200, 19.9, 0},
	} {
		low, high, sum, below := math.Inf(1), math.Inf(-1), 0.0, 0.0
		for _, d := range draws(tc.l, 1, "card", n) {
			ms := float64(d) / float64(time.Millisecond)
			low, high, sum = min(low, ms), max(high, ms), sum+ms
			if ms < tc.l.Ms-tc.l.SpreadMs/2 {
				below++
			}
		}
		if low < tc.low || high > tc.high || math.Abs(sum/n-tc.mean) > 3 || math.Abs(below/n-tc.quarter) > 0.03 {
			t.Errorf("%+v: %.1f to %.1f, mean %.1f, %.3f below", tc.l, low, high, sum/n, below/n)
		}
	}
}

func TestTheSameSeedGivesTheSameTimesAndAnotherDeviceOthers(t *testing.T) {
	l := Latency{Kind: "uniform", Ms: 300, SpreadMs: 100}
	a, b, seed, id := draws(l, 1, "card", 20), draws(l, 1, "card", 20), draws(l, 2, "card", 20), draws(l, 1, "cash", 20)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("%d: %s and %s", i, a[i], b[i])
		}
	}
	if a[0] == seed[0] && a[1] == seed[1] || a[0] == id[0] && a[1] == id[1] {
		t.Error("seed or device change nothing")
	}
}

func TestTheEntryOfTheCommandDecidesAndTheNewestReplacesIt(t *testing.T) {
	l := latencies{rand: seeded(1, "x")}
	l.set(Latency{Kind: "fixed", Ms: 1})
	l.set(Latency{Command: "08,09", Kind: "fixed", Ms: 2})
	l.set(Latency{Command: "08,09", Kind: "fixed", Ms: 3})
	for cmd, want := range map[string]time.Duration{"07": time.Millisecond, "08": 3 * time.Millisecond, "0901": 3 * time.Millisecond} {
		if got := l.next(cmd); got != want {
			t.Errorf("%s: %s, want %s", cmd, got, want)
		}
	}
	if len(l.list) != 2 {
		t.Errorf("%+v", l.list)
	}
}
