package main

import (
	"context"
	"time"

	"zhigui/server/internal/store"
)

// keepUp lets the store look after its months now and once a day.
func (s *services) keepUp(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	s.stop = append(s.stop, cancel)
	c := s.c.Store
	go func() {
		t := time.NewTicker(24 * time.Hour)
		defer t.Stop()
		for {
			done, err := s.st.Upkeep(ctx, time.Now(), store.Retention{Months: c.KeepMonths, Sessions: c.Sessions, Alarms: c.Alarms})
			for _, a := range done {
				s.log.Info("month archived", "month", a.Month, "transactions", a.Rows, "file", a.File, "sm3", a.Digest)
			}
			if err != nil && ctx.Err() == nil {
				s.log.Error("upkeep of the store", "error", err.Error())
			}
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	}()
}
