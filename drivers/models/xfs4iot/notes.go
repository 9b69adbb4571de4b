package xfs4iot

import (
	"context"
	"sync"

	"zhigui/drivers/api/cash"
)

// notes is what dispenser and acceptor have alike: the units are asked for when the link is there, and
// again after each event after which they may stand otherwise.
type notes struct {
	*driver
	// more asks what else the device has to know; what it answers is run with the state locked.
	more func(context.Context) (note func())

	look  sync.Mutex // one reading at a time
	state sync.Mutex
	units map[string]unit
}

// watch makes the driver listen, before Open.
func (n *notes) watch() {
	n.heard = func(event string) {
		if !aboutCash(event) {
			return
		}
		n.env.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), ms(n.p.ReplyMs))
			defer cancel()
			n.refresh(ctx)
		})
	}
}

// Open implements sdk.Driver.
func (n *notes) Open(ctx context.Context) error {
	if err := n.driver.Open(ctx); err != nil {
		return err
	}
	n.refresh(ctx)
	return nil
}

// refresh reads the units' state. What is not answered stays as it was: the link says it.
func (n *notes) refresh(ctx context.Context) {
	n.look.Lock()
	defer n.look.Unlock()
	units, err := n.storage(ctx)
	note := func() {}
	if n.more != nil {
		note = n.more(ctx)
	}
	n.state.Lock()
	if err == nil {
		n.units = units
	}
	note()
	n.state.Unlock()
	n.env.StatusChanged()
}

// exits are the positions of a status, and what lies on the way to them.
func exits(list []position) (out []cash.Position, transports []string) {
	for _, p := range list {
		out = append(out, p.Position)
		transports = append(transports, p.TransportStatus)
	}
	return out, transports
}
