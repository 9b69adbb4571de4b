package platform

import (
	"context"
	"errors"
	"time"

	"zhigui/drivers/api"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/padkey"
	"zhigui/terminal/internal/uplink"
)

// keyTime bounds the load of a master key with all it waits for.
const keyTime = 2 * time.Minute

// errLater: an order that has to wait; the server repeats it.
var errLater = errors.New("not now")

// loadKeys ties remote key loading to the link; nil without it.
func (p *Platform) loadKeys() *padkey.Loader {
	if !p.cfg.Host.RemoteKey {
		return nil
	}
	l := &padkey.Loader{Pad: p.devices["pinpad"], Server: p.client, Key: p.link.MasterKey(), Log: p.log,
		Record: func(kind ej.Kind, d padkey.Data) error {
			return p.led.Log(kind, ej.Record{Device: "pinpad"}, d)
		}}
	other := false // told already
	p.link.Master = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, keyTime)
		defer cancel()
		err := l.Settle(ctx)
		if errors.Is(err, padkey.ErrOther) || errors.Is(err, padkey.ErrRefused) || errors.Is(err, padkey.ErrNone) {
			if !other {
				p.alarm("padRefused", err.Error(), "")
			}
			other = true
		} else if err == nil {
			other = false
		}
		return err
	}
	return l
}

// loadKey gives the PIN pad a new master key by order. Nobody is served meanwhile.
func (p *Platform) loadKey() error {
	if p.master == nil {
		return errors.New("no keys are loaded over the line here: host.remoteKey in platform.yaml")
	}
	if p.devices["pinpad"].State() == api.Starting {
		return errLater
	}
	p.counter.Suspend("keys", true)
	defer p.counter.Suspend("keys", false)
	if _, open := p.sess.Current(); open { // it began before
		return errLater
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyTime)
	defer cancel()
	err := p.link.Rekey(ctx, p.master.Renew)
	var refused *uplink.RefusedError
	var pad *padkey.PadError
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &pad) {
		// The line: the pad may have its new key already. The sign-in finds out, and the server's next word
		// brings the order up again.
		p.log.Warn("a new master key", "err", err)
		return errLater
	}
	return err
}
