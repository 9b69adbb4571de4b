package main

import (
	"context"
	"fmt"
)

// soak is the reference document's stability test (PT-09, PT-18): the mix with 400 ms between the
// requests of a user, for as long as --soak says. Nothing may fail, and nothing may grow.
func soak(ctx context.Context, o options, fs *figures) error {
	b, err := o.branch(ctx, fs, "soak")
	if err != nil {
		return err
	}
	defer b.close()
	var roles [][]string
	for k, i := range mixed {
		n := o.conns / len(mixed)
		roles = append(roles, b.role(i, n, k*n, o.soak, "--think", "400ms", "--tolerant"))
	}
	all, r, err := b.together(ctx, "soak", roles)
	if err != nil {
		return err
	}
	failed := map[string]int{}
	wrong := 0
	for _, x := range all {
		for k, n := range x.Errors {
			failed[k] += n
			wrong += n
		}
	}
	correct := 100 * float64(r.Total) / float64(r.Total+wrong)
	fs.compare(o, "soak", publishedSoak, r, correct)
	fs.add("soak."+o.store+".correct_percent", correct, "%", vs{"goalMin": 99.99, "transactions": float64(r.Total), "tps": r.TPS, "cpuPerTxn": r.server},
		fmt.Sprintf("%d users of the mix, 400 ms between requests, %s (the reference: 12 h; --soak 12h); not approved: %v", o.conns, o.soak, failed))
	fs.add("soak."+o.store+".p99_ms", r.P99, "ms", vs{"mean": r.Mean}, "")
	line := fs.timelines[len(fs.timelines)-1]
	for _, s := range line.Series {
		if n := len(s.Points) / 3; n > 0 && s.Unit == "MB" {
			early, late := series{Points: s.Points[n/2 : n]}.Mean(), series{Points: s.Points[2*n:]}.Mean()
			fs.add("soak."+o.store+".memory_growth_percent", 100*(late/max(early, 1)-1), "%", vs{"mb": late}, "resident memory of the server in the last third against the end of the first")
		}
	}
	return b.finish(ctx, r.Total)
}
