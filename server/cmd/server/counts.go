package main

import (
	"cmp"
	"context"
	"time"

	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
)

// countsJob is the lease of the server that compares what was counted.
const countsJob = "job.counts"

// compareCounts has the counted cash of each day compared soon after its end, and again when counts come late: one of the
// servers does it.
func (s *services) compareCounts(ctx context.Context) {
	b := &recon.Books{Store: s.st, Products: cmp.Or(s.products, product.Builtin()), Now: time.Now}
	s.every(ctx, countsJob, time.Hour, func(ctx context.Context, _ time.Time) {
		done, err := b.DailyCounts(ctx)
		if len(done) > 0 {
			s.log.Info("counted cash compared", "days", done)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("counted cash is not compared", "error", err.Error())
		}
	})
}
