package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhigui/server/internal/store"
)

// keysEvery is how often a running server looks for keys that serverctl has brought.
const (
	keysEvery   = 2 * time.Second
	keysOverlap = 2 * time.Minute // clocks differ, and a commit takes its time; to look again is harmless
)

// watchKeys takes over keys of hosts and partners, and the end of revoked PIN pads, from other processes.
func (s *services) watchKeys(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	s.stop = append(s.stop, cancel)
	go func() {
		t := time.NewTicker(keysEvery)
		defer t.Stop()
		since := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			now := time.Now()
			if err := s.takeKeys(ctx, since.Add(-keysOverlap)); err == nil {
				since = now
			} else if ctx.Err() == nil {
				s.log.Error("keys", "error", err.Error())
			}
		}
	}()
}

// takeKeys takes over what has changed since then; an owner whose keys cannot be read holds up no other.
func (s *services) takeKeys(ctx context.Context, since time.Time) error {
	owners, err := s.st.ChangedZones(ctx, since)
	for _, owner := range owners {
		lost, e := s.loader.Lost(owner)
		err = errors.Join(err, e)
		for _, own := range append(lost, owner) {
			if e := s.hsm.Refresh(own); e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", own, e))
			}
		}
	}
	return err
}

// upkeepJob is the lease of the server that looks after the store.
const upkeepJob = "job.upkeep"

// keepUp lets the store look after its months soon and once a day: one of the servers does it.
func (s *services) keepUp(ctx context.Context) {
	c := s.c.Store
	s.every(ctx, upkeepJob, 24*time.Hour, func(ctx context.Context, now time.Time) {
		done, err := s.st.Upkeep(ctx, now, store.Retention{Months: c.KeepMonths, Sessions: c.Sessions, Alarms: c.Alarms, Cases: c.Cases})
		for _, a := range done {
			s.log.Info("month archived", "month", a.Month, "transactions", a.Rows, "file", a.File, "sm3", a.Digest)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("upkeep of the store", "error", err.Error())
		}
	})
}

// every does a job soon and then every so often, while this server has the job's lease.
func (s *services) every(ctx context.Context, job string, d time.Duration, f func(ctx context.Context, now time.Time)) {
	ctx, cancel := context.WithCancel(ctx)
	s.stop = append(s.stop, cancel)
	go func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		var last time.Time
		for {
			if time.Since(last) > d && s.node.Holds(job) {
				last = time.Now()
				f(ctx, last)
			}
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	}()
}
