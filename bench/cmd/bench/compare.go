package main

import "runtime"

// published is what the reference document measured for a run (PT-11 to PT-20), on a server of 8
// cores with the load apart. A zero TPS is no figure.
type published struct {
	TPS, Mean float64 // transactions a second; mean response in seconds
	Correct   float64 // percent
	CPU       float64 // percent of its 8 cores
}

// MeanMS is Mean in milliseconds.
func (p published) MeanMS() float64 { return 1000 * p.Mean }

// compared is one run beside the published one.
type compared struct {
	Store, Run string
	Published  published
	TPS        float64
	Mean, P99  float64 // ms
	Correct    float64 // percent
	CPU        float64 // of the server alone, percent of this machine's cores
	Times      float64 // TPS by the published
	Ceiling    float64 // TPS by that of the bare forwarder of the same bench run; 0 when it did not run
}

func (fs *figures) compare(o options, run string, p published, r *result, correct float64) {
	c := compared{Store: o.store, Run: run, Published: p, TPS: r.TPS, Mean: r.Mean, P99: r.P99, Correct: correct, CPU: r.server * r.TPS / 1e4 / float64(runtime.NumCPU())}
	if p.TPS > 0 {
		c.Times = r.TPS / p.TPS
	}
	for _, f := range fs.all {
		if f.Name == "ceiling.8583.tps" {
			c.Ceiling = r.TPS / f.Value
		}
	}
	fs.compared = append(fs.compared, c)
}

// What the reference document has published beside the combinations: its mix, its twelve hours, and its run with
// a host that answers after ten seconds (DM8 with sentinels).
var (
	publishedMix   = published{559.7, 0.175, 100, 76.02}
	publishedSoak  = published{203.3, 0.076, 100, 39.92}
	publishedDelay = published{339.8, 0.231, 99.55, 52.68}
)
