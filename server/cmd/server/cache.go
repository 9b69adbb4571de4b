package main

import (
	"context"

	"zhigui/server/api/mgmt"
	"zhigui/server/internal/cache"
)

// openCache gives the store the configured cache. What leaves the process is sealed.
func (s *services) openCache(ctx context.Context) error {
	e, err := s.c.Cache.Engine()
	if err != nil || e == nil {
		return err
	}
	o := cache.Options{Timeout: s.c.Cache.Timeout, Log: s.log}
	if s.c.Cache.Kind != "memory" {
		o.Sealer = s.hsm
	}
	c := cache.New(e, o)
	s.st.UseCache(c)
	s.cache = c
	ctx, cancel := context.WithCancel(ctx)
	s.stop = append(s.stop, cancel)
	s.ends = append(s.ends, func() { _ = c.Close() })
	go s.st.FollowStale(ctx, s.log)
	return nil
}

// cacheState tells how the copies are doing; nil without a cache.
func (s *services) cacheState() *mgmt.Cache {
	if s.cache == nil {
		return nil
	}
	x := s.cache.Stats()
	return &mgmt.Cache{Kind: s.c.Cache.Kind, Hits: x.Hits, Misses: x.Misses, Bypassed: x.Bypassed, Away: x.Away, Since: x.Since, Pending: x.Pending}
}
