package platform

import (
	"context"
	"errors"
	"time"

	"zhigui/terminal/internal/signed"
)

// sendSigned wakes the sender.
func (p *Platform) sendSigned() {
	select {
	case p.signing <- struct{}{}:
	default:
	}
}

// sendSignatures hands what customers have signed to the server until ctx ends. The journal goes
// first: it names them.
func (p *Platform) sendSignatures(ctx context.Context) {
	const soon, late, seldom = 2 * time.Second, time.Minute, 10 * time.Minute
	next := soon
	for pause := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-p.signing:
			next = soon
		case <-time.After(pause):
		}
		left, err := p.signatures.Send(ctx, p.client.Signature)
		switch {
		case errors.Is(err, signed.ErrDamaged):
			p.alarm("signatureDamaged", err.Error(), "")
		case err != nil && ctx.Err() == nil:
			p.log.Warn("signatures not sent", "left", left, "err", err)
		}
		if pause, next = next, min(2*next, late); left == 0 {
			pause, next = seldom, soon // to clean up
		}
	}
}
