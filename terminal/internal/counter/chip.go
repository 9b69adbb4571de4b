package counter

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/server/api/code"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/emv"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/session"
)

// ChipRules are the bank's rules for cards with a chip.
type ChipRules struct {
	// Fallback allows the stripe of a card whose chip cannot be read.
	Fallback bool
	// AskExpired sends a card whose application has expired to the host, in place of refusing it.
	AskExpired bool
}

// chipWait is how long a chip may take for a reading or for the host's answer.
const chipWait = 20 * time.Second

// Response codes that the terminal gives itself.
var (
	chipRefused    = responseOf(code.RespChipRefused)
	chipUnreadable = responseOf(code.RespChipUnreadable)
)

func responseOf(name string) string {
	c, _ := code.ByName(name)
	return c.Response
}

// contact is the reader as emv sees it.
type contact struct {
	dev      *device.Device
	protocol string
}

// Transmit implements emv.Card. Its error has the reader's code alone.
func (k contact) Transmit(ctx context.Context, apdu []byte) ([]byte, error) {
	done := k.dev.Run(ctx, card.CmdChipIO, card.ChipIO{ChipProtocol: k.protocol, ChipData: apdu}, nil)
	if done.Outcome != api.Done {
		return nil, fmt.Errorf("reader: %s %s", done.Code, done.ErrorCode)
	}
	var out card.ChipIO
	if err := json.Unmarshal(done.Payload, &out); err != nil {
		return nil, errors.New("reader: an answer that does not decode")
	}
	return out.ChipData, nil
}

// readerCaps is what the driver says of its reader, as far as the platform asks.
type readerCaps struct {
	ReadTracks    map[string]bool `json:"readTracks"`
	ChipProtocols map[string]bool `json:"chipProtocols"`
}

func (c *Counter) caps(ctx context.Context) (k readerCaps) {
	if desc, err := c.Card.Describe(ctx); err == nil {
		_ = json.Unmarshal(desc.Capabilities, &struct{ CardReader *readerCaps }{&k}) // a driver that does not say
	}
	return k
}

// stripe says whether the reader reads tracks; a driver that does not say does.
func (k readerCaps) stripe() bool {
	return k.ReadTracks == nil || oneOf(k.ReadTracks, "track1", "track2", "track3")
}

func (k readerCaps) antenna() bool { return oneOf(k.ChipProtocols, card.TypeA, card.TypeB) }

func (k readerCaps) chips() bool { return k.antenna() || oneOf(k.ChipProtocols, card.T0, card.T1) }

func oneOf(set map[string]bool, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return set[n] })
}

// cardOf takes the card's data from its chip or, where the rules allow it, from its stripe.
func (c *Counter) cardOf(ctx context.Context, d card.ReadRawDataResult) (session.Card, *emv.Application, error) {
	held, stripe := parseCard(d)
	if len(d.Chip) == 0 { // the reader has no chip contacts
		return held, nil, stripe
	}
	if d.Protocol != "" {
		return c.cardOfAir(ctx, d)
	}
	app, err := c.readChip(ctx, c.Card, d.Chip[0])
	var no *emv.Refusal
	switch {
	case err == nil:
		data := app.Track2()
		fromChip, err := parseCard(card.ReadRawDataResult{Track1: d.Track1, Track2: &card.Data{Data: []byte(data)}, Track3: d.Track3})
		fromChip.Chip, fromChip.Sequence = true, app.Sequence()
		return fromChip, app, err
	case errors.As(err, &no) && no != emv.ErrNoApplication:
		return held, nil, err
	case stripe != nil:
		return held, nil, stripe
	case !hasChip(held.Track2):
		return held, nil, nil // a plain card, or one whose chip is of no use here by its own stripe
	case !c.Info.Chip.Fallback:
		return held, nil, &emv.Refusal{Reason: "the chip cannot be read: " + err.Error(), Code: chipUnreadable}
	}
	c.Log.Warn("a card with a chip is read by its stripe", "why", err)
	held.Fallback = true
	return held, nil, nil
}

// hasChip: the service code on the stripe begins with 2 or 6 (ISO/IEC 7813).
func hasChip(track2 string) bool {
	for i := range track2 {
		if track2[i] == '=' {
			return len(track2) > i+5 && (track2[i+5] == '2' || track2[i+5] == '6')
		}
	}
	return false
}

func (c *Counter) readChip(ctx context.Context, dev *device.Device, atr card.Data) (*emv.Application, error) {
	if atr.Status != "" {
		return nil, emv.ErrChip
	}
	p, err := emv.Protocol(atr.Data)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, chipWait)
	defer cancel()
	k := contact{dev, []string{card.T0, card.T1}[p]}
	app, err := emv.Read(ctx, k, atr.Data, c.says())
	return c.valid(app, err)
}

// says is what the terminal tells a chip of itself.
func (c *Counter) says() emv.Terminal {
	return emv.Terminal{Serial: c.Info.Terminal, Name: c.Info.Name.EN}
}

// valid refuses an application by its dates, where the rules do not leave that to the host.
func (c *Counter) valid(app *emv.Application, err error) (*emv.Application, error) {
	if err != nil {
		return nil, err
	}
	if no := app.Expired(time.Now()); no != nil && (no != emv.ErrExpired || !c.Info.Chip.AskExpired) {
		return nil, no
	}
	return app, nil
}

// refuseCard is the completion for a card that cannot be used; a page may show the text.
func (c *Counter) refuseCard(err error) api.Completion {
	done := api.Fail(api.Failed, card.ErrInvalidMedia, err.Error())
	var no *emv.Refusal
	if errors.As(err, &no) {
		done.Payload, _ = json.Marshal(map[string]any{"X-refusal": map[string]any{"responseCode": no.Code, "text": c.Texts(no.Code)}})
	}
	return done
}

// signer asks the chip for field 55 of one transaction.
func (c *Counter) signer(ctx context.Context, app *emv.Application, amount int64) func(string, int) ([]byte, error) {
	if app == nil {
		return nil
	}
	return func(processing string, stan int) ([]byte, error) {
		kind, err := strconv.ParseUint(processing[:2], 16, 8)
		if err != nil {
			return nil, err
		}
		x := emv.Transaction{Type: byte(kind), Amount: amount, Counter: uint32(stan), Time: time.Now()}
		_, _ = rand.Read(x.Unpredictable[:])
		ctx, cancel := context.WithTimeout(ctx, chipWait)
		defer cancel()
		return app.Request(ctx, x)
	}
}

// tellChip gives the chip the host's answer. A card that refuses what the host approved ends the
// transaction: nothing is paid and it is reversed.
func (c *Counter) tellChip(ctx context.Context, app *emv.Application, res *hostlink.Result) {
	if app == nil {
		return
	}
	if res.Host == book.HostNotSent {
		var no *emv.Refusal
		switch {
		case errors.Is(res.Err, emv.ErrDeclined):
			res.Code = chipRefused
		case errors.As(res.Err, &no):
			res.Code = no.Code
		case errors.Is(res.Err, emv.ErrChip):
			res.Code = chipUnreadable
		}
	}
	answer := emv.NotOnline
	if res.Host == book.HostApproved || res.Host == book.HostDeclined {
		answer = res.Code
	}
	ctx, cancel := context.WithTimeout(ctx, chipWait)
	defer cancel()
	told, err := app.Complete(ctx, answer, res.Chip)
	if errors.Is(err, emv.ErrSequence) {
		return // it never signed
	}
	c.Log.Info("chip told", "txn", res.Txn, "code", answer, "approved", told.Approved, "issuer", told.Issuer, "scripts", len(told.Scripts), "err", err)
	if res.Host != book.HostApproved || told.Approved && err == nil {
		return
	}
	if x, ok := c.Ledger.Txn(res.Txn); ok && x.Transfers() {
		return // the money has gone: no chip takes it back
	}
	c.Cashier.Settle(res.Txn)
	res.Host, res.Code, res.Err = book.HostDeclined, chipRefused, errors.Join(emv.ErrDeclined, err)
}
