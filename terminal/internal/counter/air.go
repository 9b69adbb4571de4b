package counter

import (
	"context"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/emv"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

// A card that is held to the reader's antenna: the first tap tells whose it is, and each transaction
// asks for the card again, as it signs the amount. A card that stays at the antenna is not asked for.

// EvTap asks the customer to hold the card to the antenna again, EvTapped says that it is there; both
// during X-Host.Transact.
const (
	EvTap    = "X-Card.TapEvent"
	EvTapped = "X-Card.TappedEvent"
)

// tapWait is how long the platform waits for the card of a transaction, tapLook how often it looks.
const (
	tapWait = 30 * time.Second
	tapLook = 200 * time.Millisecond
)

// taps says whether the reader has an antenna; a driver that was asked once is not asked again.
func (c *Counter) taps() bool {
	c.mu.Lock()
	known := c.antenna
	c.mu.Unlock()
	if known != nil {
		return *known
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	k := c.caps(ctx)
	has := k.antenna()
	if k.ChipProtocols != nil {
		c.mu.Lock()
		c.antenna = &has
		c.mu.Unlock()
	}
	return has
}

// cardOfAir takes a card's data over the antenna. There is no stripe to fall back to.
func (c *Counter) cardOfAir(ctx context.Context, d card.ReadRawDataResult) (session.Card, *emv.Application, error) {
	ctx, cancel := context.WithTimeout(ctx, chipWait)
	defer cancel()
	app, err := emv.ReadAir(ctx, contact{c.Card, d.Protocol}, c.says(), time.Now())
	if app, err = c.valid(app, err); err != nil {
		return session.Card{}, nil, err
	}
	held, err := parseCard(card.ReadRawDataResult{Track2: &card.Data{Data: []byte(app.Track2())}})
	held.Chip, held.Air, held.Sequence = true, true, app.Sequence()
	return held, app, err
}

// tapAgain waits until a card is at the antenna. ok is false, with the completion, when none came:
// nothing was sent.
func (c *Counter) tapAgain(ctx context.Context, emit func(api.Event)) (done api.Completion, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, tapWait)
	defer cancel()
	for asked := false; ; asked = true {
		at := c.Card.Run(ctx, card.CmdChipPower, card.ChipPower{ChipPower: card.Cold}, nil)
		switch {
		case at.Outcome == api.Done:
			if asked {
				emit(api.Event{Name: EvTapped})
			}
			return done, true
		case at.ErrorCode != card.ErrNoMedia && at.ErrorCode != card.ErrInvalidMedia:
			return service.Done(c.reply(hostlink.Result{Host: book.HostNotSent, Code: chipUnreadable})), false
		case !asked:
			emit(api.Event{Name: EvTap})
		}
		select {
		case <-ctx.Done():
			return service.Done(c.reply(hostlink.Result{Host: book.HostNotSent, Code: chipUnreadable})), false
		case <-time.After(tapLook):
		}
	}
}

// leaveAntenna ends the talk to a card that its holder has. It cannot be kept.
func (c *Counter) leaveAntenna(ctx context.Context, to string) api.Completion {
	if to != card.Exit {
		return api.Fail(api.NotStarted, card.ErrNoMedia, "the card was never in the reader")
	}
	_ = c.Card.Run(context.WithoutCancel(ctx), card.CmdChipPower, card.ChipPower{ChipPower: card.Off}, nil)
	c.cardGone(ej.CardTaken)
	return service.Done(nil)
}
