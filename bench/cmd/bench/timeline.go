package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"zhigui/bench/load"
)

// timeline is one load run second by second, as the reference document draws its runs (PT-21).
type timeline struct {
	Name   string   `json:"name"`
	Series []series `json:"series"`
}

type series struct {
	Title  string    `json:"title"`
	Unit   string    `json:"unit"`
	Points []float64 `json:"points"`
}

// lay puts what generators and samples have seen on one time axis. all are generators of one run.
func lay(name string, all []*load.Result, samples []sample) timeline {
	start := all[0].Start
	n := 0
	for _, r := range all {
		n = max(n, int(r.Seconds))
	}
	rate, refused, latency := make([]float64, n), make([]float64, n), make([]float64, n)
	for _, r := range all {
		for i, x := range r.Timeline[:min(n, len(r.Timeline))] {
			rate[i] += float64(x.N)
			refused[i] += float64(x.Not)
			latency[i] += x.Sum
		}
	}
	for i := range latency {
		latency[i] /= max(1, rate[i])
	}
	processor, memory, disk, net := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		a, b := nearest(samples, start.Add(time.Duration(i)*time.Second)), nearest(samples, start.Add(time.Duration(i+1)*time.Second))
		memory[i] = b.memory
		if d := b.at.Sub(a.at).Seconds(); d > 0 {
			processor[i] = 100 * (b.cpu - a.cpu).Seconds() / d
			disk[i] = (b.disk - a.disk) / d
			net[i] = (b.net - a.net) / d
		} else if i > 0 {
			processor[i], disk[i], net[i] = processor[i-1], disk[i-1], net[i-1]
		}
	}
	t := timeline{Name: name, Series: []series{{"Response time", "ms", latency}, {"Approvals", "1/s", rate}, {"Processor (server; 100 % is one core)", "%", processor},
		{"Memory (server, resident)", "MB", memory}, {"Written to disk (server)", "MB/s", disk}, {"Network (loopback, all processes)", "MB/s", net}}}
	if slices.Max(append(refused, 0)) > 0 {
		t.Series = append(t.Series, series{"Refused or in doubt", "1/s", refused})
	}
	return t
}

func nearest(all []sample, at time.Time) (s sample) {
	best := time.Duration(1<<63 - 1)
	for _, x := range all {
		if d := x.at.Sub(at).Abs(); d < best {
			best, s = d, x
		}
	}
	return s
}

// Path is the line of s in a picture of 240 by 70 with its zero at the bottom.
func (s series) Path() string {
	points := thin(s.Points, 240)
	top := max(s.Top(), 1e-9)
	var b strings.Builder
	for i, v := range points {
		fmt.Fprintf(&b, "%c%.1f %.1f", "LM"[btoi(i == 0)], 240*float64(i)/float64(max(1, len(points)-1)), 70-66*v/top)
	}
	return b.String()
}

// Top is the highest point.
func (s series) Top() float64 {
	if len(s.Points) == 0 {
		return 0
	}
	return slices.Max(s.Points)
}

// Mean is the mean of all points.
func (s series) Mean() float64 {
	sum := 0.0
	for _, v := range s.Points {
		sum += v
	}
	return sum / float64(max(1, len(s.Points)))
}

// thin leaves n points, each the mean of those it stands for.
func thin(all []float64, n int) []float64 {
	if len(all) <= n {
		return all
	}
	out := make([]float64, n)
	for i := range out {
		part := all[i*len(all)/n : (i+1)*len(all)/n]
		out[i] = series{Points: part}.Mean()
	}
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
