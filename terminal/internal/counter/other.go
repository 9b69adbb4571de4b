package counter

import (
	"context"

	"zhigui/drivers/api"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
)

// keeps are the devices that pages use through commands of the platform only.
var keeps = map[string]bool{CardsID: true, IDReaderID: true, PassbookID: true}

// unserved: while a customer is served, what lies inside is the platform's.
func (c *Counter) unserved(h service.Handler) service.Handler {
	return func(ctx context.Context, call *service.Call) api.Completion {
		if _, open := c.Session.Current(); open {
			return api.Refuse(api.SequenceError, "a customer is served")
		}
		return h(ctx, call)
	}
}

// otherService is a device that needs no rule of the counter: scanner, identity card reader,
// camera, lamps, UPS, … Its commands are the driver's. What moves cash or keys is refused:
// that goes through the services that guard it.
//
// Identity cards, blank cards and passbooks are the platform's own business towards pages.
func (c *Counter) otherService(id string, d *device.Device) *service.Service {
	return &service.Service{
		Name:         id,
		Status:       deviceStatus(d),
		Capabilities: capabilities(d),
		Dynamic: func() map[string]service.Command {
			desc, err := d.Describe(context.Background())
			if err != nil {
				return nil // not open yet: there is nothing to list
			}
			out := map[string]service.Command{}
			for name, motion := range desc.Commands {
				h := pass(d)
				if id == CardsID && c.Issuer != nil && motion == api.MovesMedia { // blank cards are in the stock's ledger
					h = func(ctx context.Context, call *service.Call) api.Completion {
						return c.Issuer.Outside(ctx, call.Header.Name, call.Payload, call.Emit)
					}
				}
				if keeps[id] && motion != api.Still {
					h = c.unserved(h)
				}
				if keeps[id] || desc.Class == api.ClassTextTerminal {
					h = outside(h) // what the staff types is no page's business
				}
				if !motion.Cash() && motion != api.ChangesKey {
					out[name] = service.Command{Async: motion == api.Still, Handle: h}
				}
			}
			return out
		},
	}
}
