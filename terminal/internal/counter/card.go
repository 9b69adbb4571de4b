package counter

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

func (c *Counter) cardService() *service.Service {
	return &service.Service{
		Name:         "card",
		Status:       deviceStatus(c.Card),
		Capabilities: capabilities(c.Card),
		Dynamic:      c.clessCommands,
		Commands: map[string]service.Command{
			card.CmdReadRawData: {Handle: c.readCard},
			card.CmdMove:        {Handle: c.moveCard},
			card.CmdReset:       {Handle: outside(pass(c.Card))},
			card.CmdChipPower:   {Handle: outside(pass(c.Card))},
			card.CmdChipIO:      {Handle: outside(pass(c.Card))},
			card.CmdQueryIFM:    {Async: true, Handle: outside(pass(c.Card))},
		},
	}
}

// readCard reads a card into the session's vault. A page gets the tracks' status only; an
// outside client gets what the standard says.
func (c *Counter) readCard(ctx context.Context, call *service.Call) api.Completion {
	if call.Role() == service.RoleXFS {
		return c.Card.Run(ctx, call.Header.Name, call.Payload, call.Emit)
	}
	if _, open := c.Session.Current(); !open {
		return api.Refuse(api.SequenceError, "begin a session first")
	}
	c.mu.Lock()
	c.chip = nil
	c.mu.Unlock()
	can := c.caps(ctx)
	stripe := can.stripe()
	done := runWhenFree(ctx, c.Card, card.CmdReadRawData, card.ReadRawData{Track1: stripe, Track2: stripe, Track3: stripe, Chip: can.chips()}, call.Emit)
	if done.Outcome != api.Done {
		return done
	}
	var data card.ReadRawDataResult
	if err := json.Unmarshal(done.Payload, &data); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the driver's card data does not decode"}
	}
	c.record(ej.CardIn, nil)
	held, app, err := c.cardOf(ctx, data)
	if err != nil {
		return c.refuseCard(err)
	}
	before, had := c.Session.Card()
	if err := c.Session.SetCard(held); err != nil {
		return api.Refuse(api.SequenceError, "the session has ended")
	}
	c.mu.Lock()
	c.chip = app
	c.mu.Unlock()
	c.stopKeeping() // a card that was given back and put in again is not an untaken one
	if had && before.PAN != held.PAN {
		c.mu.Lock() // PIN and approval were another card's
		c.pins, c.approved = map[string]pinBlock{}, map[string]Approval{}
		c.mu.Unlock()
	}
	return service.Done(map[string]any{"track2": map[string]any{"status": ""}})
}

var errTrack2 = errors.New("track 2 cannot be read")

// parseCard takes PAN and expiry from track 2 (ISO/IEC 7813: PAN = YYMM service code …).
func parseCard(d card.ReadRawDataResult) (session.Card, error) {
	text := func(x *card.Data) string {
		if x == nil || (x.Status != "" && x.Status != "ok") {
			return ""
		}
		return strings.Trim(string(x.Data), ";%?+")
	}
	held := session.Card{Track1: text(d.Track1), Track2: text(d.Track2), Track3: text(d.Track3)}
	pan, rest, ok := strings.Cut(held.Track2, "=")
	if !ok || len(pan) < 12 || len(pan) > 19 || len(rest) < 4 || len(held.Track2) > 37 {
		return session.Card{}, errTrack2
	}
	for _, r := range pan + rest {
		if r < '0' || r > '9' {
			return session.Card{}, errTrack2
		}
	}
	held.PAN, held.Expiry = pan, rest[:4]
	return held, nil
}

// moveCard ejects or retains; after an eject the platform watches that the card is taken,
// whatever becomes of the page.
func (c *Counter) moveCard(ctx context.Context, call *service.Call) api.Completion {
	var req card.Move
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if held, has := c.Session.Card(); has && held.Air && !c.cardInside() {
		return c.leaveAntenna(ctx, req.To)
	}
	if req.To == card.UnitBin {
		return c.retainCard("asked by the flow")
	}
	done := runWhenFree(context.WithoutCancel(ctx), c.Card, card.CmdMove, req, call.Emit)
	if req.To == card.Exit && done.Outcome == api.Done {
		c.record(ej.CardOut, nil)
		c.watchCard()
	}
	return done
}

// watchCard retains a card that is not taken in time (UX-04).
func (c *Counter) watchCard() {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.mu.Lock()
	if c.keeping != nil {
		c.keeping(nil)
	}
	c.keeping = cancel
	c.mu.Unlock()
	go func() {
		t := time.NewTimer(c.Info.Timeouts.Card)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
			if c.cardInside() {
				c.retainCard("not taken in time")
			} else {
				c.cardGone(ej.CardTaken)
			}
		}
	}()
}

// GiveBack returns a card that lies in the reader while no session is open: the platform
// or its driver died with a customer's card inside (UX-19).
func (c *Counter) GiveBack() {
	if _, open := c.Session.Current(); open || !c.cardInside() {
		return
	}
	c.Log.Warn("a card is inside and no session is open: it is returned")
	c.record(ej.Recovery, map[string]string{"why": "card inside without a session"})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	done := runWhenFree(ctx, c.Card, card.CmdMove, card.Move{From: card.Transport, To: card.Exit}, nil)
	if done.Outcome != api.Done {
		c.Alarm("cardStuck", "a card could not be returned: "+done.Description, "")
		return
	}
	c.record(ej.CardOut, nil)
	c.watchCard()
}

// cardInside asks the reader.
func (c *Counter) cardInside() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := c.Card.Refresh(ctx); err != nil {
		return true // it does not answer: assume the worst, a person will look
	}
	var st card.Status
	c.Card.Read("cardReader", &st)
	return st.Media != "notPresent"
}

// cardSeen reports whether the reader says that a card is there.
func (c *Counter) cardSeen() bool {
	if !c.cardInside() {
		return false
	}
	var st card.Status
	c.Card.Read("cardReader", &st)
	return st.Media == "present" || st.Media == "latched"
}

func (c *Counter) retainCard(why string) api.Completion {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	done := runWhenFree(ctx, c.Card, card.CmdMove, card.Move{From: card.Transport, To: card.UnitBin}, nil)
	if done.Outcome == api.Done {
		c.cardGone(ej.CardRetained)
		c.Alarm("cardRetained", "a card is in the retain bin: "+why, c.currentTxn())
		c.Server.Broadcast("card", api.Event{Name: "X-Card.RetainedEvent"})
		return done
	}
	if !c.cardInside() {
		c.cardGone(ej.CardTaken)
		return done
	}
	c.Alarm("cardStuck", "a card could not be retained: "+done.Description, c.currentTxn())
	return done
}

func (c *Counter) stopKeeping() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keeping != nil {
		c.keeping(nil)
		c.keeping = nil
	}
}

// cardGone notes that the reader is empty again.
func (c *Counter) cardGone(how ej.Kind) {
	c.stopKeeping()
	if s, open := c.Session.Current(); open && s.HasCard && !s.CardGone {
		c.record(how, nil)
		c.Session.CardGone()
	}
}

func (c *Counter) currentTxn() string {
	s, _ := c.Session.Current()
	return s.Txn
}
