package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"zhigui/server/internal/mgmt"
)

// peers joins the console of this process with the switches of others: servers that share the database, or
// the other roles of this one. nil where there are none.
func (s *services) peers(part bool) *mgmt.Peers {
	if s.st.Alone() && !part {
		return nil
	}
	return mgmt.NewPeers(s.st, s.called(), s.live(), s.log)
}

// called is the name of this server for people.
func (s *services) called() string {
	host, _ := os.Hostname() // without a name the number is enough
	if s.eng == nil {
		return fmt.Sprintf("%s (%d)", host, os.Getpid()) // says nothing
	}
	return fmt.Sprintf("%s #%d", host, s.node.Number())
}

// live is what runs in this process; nil without the role trade.
func (s *services) live() *mgmt.Live {
	if s.eng == nil || s.alive != nil {
		return s.alive
	}
	kinds := map[string]string{}
	for _, h := range s.c.Hosts {
		kinds[h.Name] = h.Link.Kind
	}
	s.alive = mgmt.LiveOf(s.eng, kinds, s.channels, s.cacheState, time.Now)
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = append(s.stop, cancel)
	go s.alive.Watch(ctx)
	return s.alive
}

// relay joins the pages of this process with what happens in others.
func (s *services) relay(ctx context.Context, part bool) error {
	if s.st.Alone() && !part {
		return nil
	}
	r, err := mgmt.NewRelay(ctx, s.st, s.broker, s.log)
	if err != nil {
		return err
	}
	if s.eng != nil {
		r.OnRetry = s.eng.RetryNow
		go s.peers(part).Run(ctx)
	}
	go r.Run(ctx)
	return nil
}

// keepSums keeps what comes here for the time lines of days.
func (s *services) keepSums(ctx context.Context) {
	sums := mgmt.NewSums(s.st, rand.Text()+" "+s.called(), s.live(), s.log)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sums.Run(ctx)
	}()
	s.ends = append(s.ends, func() {
		cancel()
		<-ended
		last, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := sums.Keep(last, time.Now()); err != nil {
			s.log.Warn("the last minute is not in the time lines of days", "error", err.Error())
		}
	})
}
