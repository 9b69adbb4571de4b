package main

import (
	"context"

	"zhigui/server/internal/mgmt"
)

// relay joins the pages of this process with what happens in others: servers that share the database, or
// the other roles of this one.
func (s *services) relay(ctx context.Context, part bool) error {
	if s.st.Alone() && !part {
		return nil
	}
	r, err := mgmt.NewRelay(ctx, s.st, s.broker, s.log)
	if err == nil {
		go r.Run(ctx)
	}
	return err
}
