package platform

import (
	"context"
	"errors"
	"maps"
	"slices"

	"zhigui/server/api/access"
	"zhigui/terminal/internal/operator"
	"zhigui/terminal/internal/receipt"
	"zhigui/terminal/internal/uplink"
)

// deskParts ties the operator mode to the platform.
func (p *Platform) deskParts(forms *receipt.Forms) operator.Parts {
	parts := operator.Parts{
		Terminal: p.cfg.Terminal, Ledger: p.led, Devices: p.devices, Models: map[string]string{}, Forms: forms,
		Driver:  func(id string) operator.Driver { return &lazyDriver{p: p, id: id} },
		SignIn:  p.identify,
		Busy:    func() bool { _, open := p.sess.Current(); return open || p.counter.Exchanging() },
		Suspend: func(on bool) { p.counter.Suspend("desk", on) },
		Changed: p.counter.Announce,
		Level: func(unit string) (int, bool) {
			if p.recycler == nil {
				return 0, false
			}
			return p.recycler.Level(unit)
		},
		Alarm: p.alarm, Log: p.log,
	}
	for id, d := range p.cfg.Devices {
		parts.Models[id] = d.Model
	}
	for _, id := range slices.Sorted(maps.Keys(p.cfg.Stock)) {
		item := p.cfg.Stock[id]
		item.ID = id
		parts.Items = append(parts.Items, item)
	}
	return parts
}

// identify asks the server who a person is.
func (p *Platform) identify(ctx context.Context, name, password string) (access.Operator, error) {
	if p.client == nil {
		return access.Operator{}, &operator.Refused{Code: "offline", Err: errors.New("no server is configured")}
	}
	who, err := p.client.Operator(ctx, access.OperatorSignIn{Name: name, Password: password})
	var r *uplink.RefusedError
	switch {
	case errors.As(err, &r):
		return who, &operator.Refused{Code: r.Code, Err: err}
	case err != nil:
		return who, &operator.Refused{Code: "offline", Err: err}
	}
	return who, nil
}
