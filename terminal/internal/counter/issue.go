package counter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/api/idcard"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

// Device ids of the parts that issue cards. Each is a service, too, for clients from outside;
// pages use the platform's own commands, which keep identity and cards to themselves.
const (
	CardsID    = "cards"    // the card dispenser
	IDReaderID = "idreader" // the reader of resident identity cards
)

// issueCommands are the platform's commands for a new card.
func (c *Counter) issueCommands() map[string]service.Command {
	return map[string]service.Command{
		"X-Identity.Read": {Handle: c.readIdentity},
		"X-Card.Draw":     {Handle: c.drawCard},
		"X-Card.HandOver": {Handle: c.handOver},
	}
}

// issueOffer says whether a card can be issued now.
func (c *Counter) issueOffer() offered {
	if r := c.Others[IDReaderID]; r == nil || !usable(r.State()) {
		return offered{Reason: "idReader"}
	}
	if why := c.Issuer.Blocked(); why != "" {
		return offered{Reason: why}
	}
	return offered{Available: true}
}

// readIdentity reads the customer's identity card into the session. A page learns who it is
// only so far that the customer recognises it.
func (c *Counter) readIdentity(ctx context.Context, call *service.Call) api.Completion {
	reader := c.Others[IDReaderID]
	s, open := c.Session.Current()
	switch {
	case reader == nil:
		return api.Refuse(api.UnsupportedCommand, "no reader of identity cards is fitted")
	case !open:
		return api.Refuse(api.SequenceError, "begin a session first")
	}
	done := reader.Run(ctx, idcard.CmdRead, idcard.Read{}, call.Emit)
	if done.Outcome != api.Done {
		done.Payload = nil
		return done
	}
	var who idcard.Card
	if err := json.Unmarshal(done.Payload, &who); err != nil || who.Number == "" || who.Name == "" {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the driver's identity data does not decode"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now, open := c.Session.Current(); !open || now.ID != s.ID {
		return api.Refuse(api.SequenceError, "the session has ended")
	}
	if c.person == nil || c.person.Number != who.Number { // another person has signed, and was approved
		c.approved, c.signed, c.person = map[string]Approval{}, nil, &who
	}
	name := []rune(who.Name)
	return service.Done(map[string]string{"name": string(name[:1]) + strings.Repeat("*", len(name)-1), "number": idcard.Mask(who.Number)})
}

// worn is how many blank cards that cannot be read are put aside before it is given up.
const worn = 3

// drawCard brings a blank card to the reading position and its number into the session.
func (c *Counter) drawCard(ctx context.Context, _ *service.Call) api.Completion {
	if c.Issuer == nil {
		return api.Refuse(api.UnsupportedCommand, "no card dispenser is fitted")
	}
	var last error
	for range worn {
		if done := c.Issuer.Draw(ctx); done.Outcome != api.Done {
			return done
		}
		c.mu.Lock()
		c.blank = nil // of an earlier one
		c.mu.Unlock()
		held, err := c.readBlank(ctx, c.Others[CardsID])
		if err == nil {
			held.New = true
			c.mu.Lock()
			c.blank = &held
			c.mu.Unlock()
			return c.newCard(held)
		}
		last = err
		c.Log.Warn("a blank card cannot be read", "err", err)
		c.Issuer.Reject("it cannot be read")
	}
	return api.Fail(api.Failed, card.ErrInvalidMedia, fmt.Sprintf("%d blank cards could not be read: %v", worn, last))
}

// newCard makes a blank card the session's; a PIN block was another card's.
func (c *Counter) newCard(held session.Card) api.Completion {
	if before, had := c.Session.Card(); had && before.PAN != held.PAN {
		c.mu.Lock()
		c.pins = map[string]pinBlock{}
		c.mu.Unlock()
	}
	return ofError(c.Session.SetCard(held))
}

// readBlank reads the number of the card inside by its chip.
func (c *Counter) readBlank(ctx context.Context, dev *device.Device) (session.Card, error) {
	done := dev.Run(ctx, card.CmdReadRawData, card.ReadRawData{Chip: true}, nil)
	if done.Outcome != api.Done {
		return session.Card{}, fmt.Errorf("card dispenser: %s %s", done.Code, done.ErrorCode)
	}
	var d card.ReadRawDataResult
	if err := json.Unmarshal(done.Payload, &d); err != nil || len(d.Chip) == 0 {
		return session.Card{}, errors.New("card dispenser: no answer to reset")
	}
	app, err := c.readChip(ctx, dev, d.Chip[0])
	if err != nil {
		return session.Card{}, err
	}
	held, err := parseCard(card.ReadRawDataResult{Track2: &card.Data{Data: []byte(app.Track2())}})
	held.Chip, held.Sequence = true, app.Sequence()
	return held, err
}

// handOver gives the customer the card that the bank has made active.
func (c *Counter) handOver(ctx context.Context, call *service.Call) api.Completion {
	if c.Issuer == nil {
		return api.Refuse(api.UnsupportedCommand, "no card dispenser is fitted")
	}
	c.mu.Lock()
	c.blank = nil // the bank has made it active: what becomes of it is told by its transaction
	c.mu.Unlock()
	done := c.Issuer.HandOver(ctx, c.currentTxn(), func() { call.Emit(api.Event{Name: "X-Card.PresentedEvent"}) })
	c.announce()
	return done
}

// agreement is the document that a new holder signs.
const agreement = "card-agreement/1"

var phoneForm = regexp.MustCompile(`^1\d{10}$`)

// issueRequest fills what is particular to the issue of a card.
func (c *Counter) issueRequest(r *hostlink.Request, phone string, approval Approval) error {
	c.mu.Lock()
	who, signed := c.person, c.signed[agreement] != ""
	next, match := c.pins["new"], c.pins["confirm"]
	c.mu.Unlock()
	switch {
	case c.Issuer == nil || !r.Card.New:
		return errors.New("draw a card first")
	case who == nil:
		return errors.New("read the identity card first")
	case !phoneForm.MatchString(phone):
		return errors.New("a mobile number of 11 digits is needed")
	case !signed:
		return errors.New("the agreement was not signed")
	case approval.State != "approved" || approval.Kind != "cardIssue":
		return errors.New("the lobby manager has not approved this card")
	case len(next.block) == 0 || string(next.block) != string(match.block):
		return errors.New("the PIN was not entered twice alike")
	}
	name, err := simplifiedchinese.GBK.NewEncoder().String(who.Name)
	if err != nil || strings.ContainsRune(who.Number, '|') {
		return errors.New("the name on the identity card cannot be written in GBK")
	}
	r.Keys = next.keys
	r.PinBlock, r.Private, r.Sign = next.block, []byte(who.Number+"|"+phone+"|"+name), nil
	return nil
}
