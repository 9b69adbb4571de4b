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
	host, _ := os.Hostname() // without a name the number is enough
	name := fmt.Sprintf("%s #%d", host, s.node.Number())
	if s.eng == nil {
		name = fmt.Sprintf("%s (%d)", host, os.Getpid()) // says nothing
	}
	return mgmt.NewPeers(s.st, name, s.live(), s.log)
}

// live is what runs in this process; nil without the role trade.
func (s *services) live() *mgmt.Live {
	if s.eng == nil {
		return nil
	}
	kinds := map[string]string{}
	for _, h := range s.c.Hosts {
		kinds[h.Name] = h.Link.Kind
	}
	return mgmt.LiveOf(s.eng, kinds, s.channels, time.Now)
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
