package main

import (
	"context"
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
