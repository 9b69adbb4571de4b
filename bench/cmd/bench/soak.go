package main

import (
	"context"
	"fmt"
	"time"
)

// soak is the reference document's stability test (PT-09, PT-18): the mix with 400 ms between the
// requests of a user, for as long as --soak says. Nothing may fail, and nothing may grow.
func soak(ctx context.Context, o options, fs *figures) error {
	b, err := o.branch(ctx, fs, "soak")
	if err != nil {
		return err
	}
	defer b.close()
	all, r, err := b.together(ctx, "soak", b.roles(stability(o)))
	if err != nil {
		return err
	}
	fs.timelines = append(fs.timelines, r.line)
	failed := map[string]int{}
	wrong := 0
	for _, x := range all {
		for k, n := range x.Errors {
			failed[k] += n
			wrong += n
		}
	}
	fs.compare(o, "soak", publishedSoak, r, correct(fs, o, r.Total, wrong, failed))
	fs.add("soak."+o.store+".tps", r.TPS, "1/s", vs{"reference": publishedSoak.TPS, "cpuPerTxn": r.server}, "")
	fs.add("soak."+o.store+".p99_ms", r.P99, "ms", vs{"mean": r.Mean}, "")
	flat(fs, o, fs.timelines[len(fs.timelines)-1])
	return b.finish(ctx, "soak", r.Total)
}

// correct is the share of approvals in percent; the goal is more than 99.99, told in what a million had of others, as no digit of it is rounded away then.
func correct(fs *figures, o options, approved, wrong int, failed map[string]int) float64 {
	all := float64(approved + wrong)
	fs.add("soak."+o.store+".wrong_per_million", 1e6*float64(wrong)/all, "", vs{"goalMax": 99.99, "transactions": all},
		fmt.Sprintf("%d users of the mix, 400 ms between requests, %s (the reference: 12 h; --soak 12h); not approved: %v", o.conns, o.soak, failed))
	return 100 * float64(approved) / all
}

// longEnough is from when on memory and rate must be flat: before, the server's caches fill and the disk's files grow into the memory of the system.
const longEnough = time.Hour

// flat compares the last third of a run with the end of the first, and the last with the first.
func flat(fs *figures, o options, line timeline) {
	growth, drift := vs{}, vs{}
	if o.soak >= longEnough {
		growth["goalMax"], drift["goalMin"] = 10, -10
	}
	for _, s := range line.Series {
		n := len(s.Points) / 3
		if n == 0 {
			continue
		}
		mean := func(from, to int) float64 { return series{Points: s.Points[from:to]}.Mean() }
		switch s.Unit {
		case "MB":
			growth["mb"] = mean(2*n, len(s.Points))
			fs.add("soak."+o.store+".memory_growth_percent", 100*(growth["mb"]/max(mean(n/2, n), 1)-1), "%", growth, "resident memory of the server in the last third against the end of the first")
		case "1/s":
			if s.Title == "Approvals" {
				fs.add("soak."+o.store+".rate_drift_percent", 100*(mean(2*n, len(s.Points))/max(mean(0, n), 1)-1), "%", drift, "approvals a second in the last third against the first")
			}
		}
	}
}
