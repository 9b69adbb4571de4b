package recon

import (
	"context"

	"zhigui/server/internal/lease"
	"zhigui/server/internal/store"
)

// Partner is the name of the books that those send who come to us by a channel of their own.
const Partner = "partner"

// RunPartner compares what came by one channel on a settlement day, whatever host it went to, with the book that
// its partner sent, and stores the comparison. store.ErrHeld: another process is at it.
func (b *Books) RunPartner(ctx context.Context, channel string, hosts []string, day, digest string, rows []Row) error {
	return lease.Do(ctx, b.Store, "recon."+day+"."+Partner+"."+channel, func() error {
		run, diffs, err := b.Channel(ctx, channel, hosts, day, digest, rows)
		if err == nil {
			err = b.Store.SaveRun(ctx, run, diffs)
		}
		return err
	})
}

// Channel compares a day's journal of one channel with the book of its partner. The reference is that of the
// host, which the partner got with the answer.
func (b *Books) Channel(ctx context.Context, channel string, hosts []string, day, digest string, rows []Row) (*store.Run, []*store.Difference, error) {
	return b.compare(&store.Run{Day: day, Host: channel, Book: Partner, Digest: digest}, rows, func(f func(*store.Txn) error) error {
		for _, host := range hosts {
			err := b.each(ctx, host, day, func(t *store.Txn) error {
				if t.Channel != channel {
					return nil
				}
				return f(t)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
