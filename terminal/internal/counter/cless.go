package counter

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/terminal/internal/emv"
	"zhigui/terminal/internal/service"
)

// The EMVCless commands of XFS4IoT, for outside clients at a reader with an antenna: the platform's own
// kernel (package emv) does what an intelligent reader does. It asks the issuer always and knows no
// offline data authentication, so that it has no use for keys.

// kernel is what a client configured, and whether a card waits for its issuer's answer.
type kernel struct {
	ready   bool
	more    emv.Values
	only    [][]byte
	waiting bool
}

// Messages of EMV Contactless Book A, 9.4.
const (
	showPresent = 0x15
	showRead    = 0x17
	showTrouble = 0x1C
)

// kernelIdentifier is UnionPay's (EMV Contactless Book B).
var kernelIdentifier = []byte{0x07}

// ownTags are the terminal's values that a client may set; numbers of bytes, 0 is any.
var ownTags = map[emv.Tag]int{0x9F1A: 2, 0x5F2A: 2, 0x9F33: 3, 0x9F35: 1, 0x9F09: 2, 0x9F1E: 8, 0x9F4E: 0, 0x9F66: 4}

// clessCommands are there when the reader has an antenna.
func (c *Counter) clessCommands() map[string]service.Command {
	if !c.taps() {
		return nil
	}
	return map[string]service.Command{
		card.CmdClessConfigure:    {Handle: outside(c.clessConfigure)},
		card.CmdClessApplications: {Handle: outside(c.clessApplications)},
		card.CmdClessPerform: {Handle: outside(func(ctx context.Context, call *service.Call) api.Completion {
			return c.clessPerform(ctx, call, call.Emit)
		})},
		card.CmdClessIssuerUpdate: {Handle: outside(c.clessIssuer)},
	}
}

func (c *Counter) clessConfigure(_ context.Context, call *service.Call) api.Completion {
	var req card.ClessConfigure
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	k := kernel{ready: true, more: emv.Values{}}
	list, err := emv.Parse(req.TerminalData)
	if err != nil {
		return api.Fail(api.NotStarted, card.ErrTerminalData, "terminalData is not BER-TLV")
	}
	for _, o := range list {
		if n, known := ownTags[o.Tag]; !known || n != 0 && len(o.Value) != n {
			return api.Fail(api.NotStarted, card.ErrTerminalData, "terminalData has a tag that is not the client's, or of a wrong length")
		}
		k.more[o.Tag] = o.Value
	}
	for _, a := range req.AidData {
		if !(emv.Terminal{}).Known(a.AID) {
			return api.Fail(api.NotStarted, card.ErrAidData, "aidData: only UnionPay's applications have a kernel here")
		}
		k.only = append(k.only, a.AID)
	}
	if len(req.KeyData) > 0 {
		return api.Fail(api.NotStarted, card.ErrKeyData, "keyData: the kernel does no offline data authentication")
	}
	c.mu.Lock()
	c.kernel = k
	c.mu.Unlock()
	return service.Done(nil)
}

func (c *Counter) clessApplications(context.Context, *service.Call) api.Completion {
	c.mu.Lock()
	list := c.kernel.only
	c.mu.Unlock()
	if len(list) == 0 {
		list = emv.AIDs
	}
	out := card.ClessApplications{}
	for _, aid := range list {
		out.AppData = append(out.AppData, card.ClessAID{AID: aid, KernelIdentifier: kernelIdentifier})
	}
	return service.Done(out)
}

// clessPerform waits for a card and lets it sign what the client names: 9F02, and if it likes 9C, 9A, 9F21,
// 9F37 and 9F41.
func (c *Counter) clessPerform(ctx context.Context, call *service.Call, emit func(api.Event)) api.Completion {
	var req card.ClessData
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	c.mu.Lock()
	k := c.kernel
	c.kernel.waiting = false
	c.mu.Unlock()
	if !k.ready {
		return api.Fail(api.NotStarted, card.ErrNotConfigured, "EMVClessConfigure comes first")
	}
	x, err := emv.TransactionOf(req.Data, time.Now())
	if err != nil {
		return api.Refuse(api.InvalidData, "data: "+err.Error())
	}
	show := func(id int, status string) {
		emit(api.Event{Name: card.EvClessStatus, Payload: service.Done(card.ClessStatus{MessageID: id, Status: status}).Payload})
	}
	show(showPresent, "readyToRead")
	if done := c.awaitCard(ctx); done.Outcome != api.Done {
		return done
	}
	ctx, cancel := context.WithTimeout(ctx, chipWait)
	defer cancel()
	t := c.says()
	t.More, t.Only = k.more, k.only
	app, f, err := emv.Tap(ctx, contact{c.Card, card.NotRequired}, t, x)
	var no *emv.Refusal
	switch {
	case err == nil:
	case errors.Is(err, emv.ErrUseContact):
		show(showTrouble, "processingError")
		return service.Done(card.ClessDone{Chip: card.ClessResult{TxOutcome: card.ClessOther, ClessOutcome: &card.ClessOutcome{AlternateInterface: "contact"}}})
	case errors.Is(err, emv.ErrDeclined), errors.As(err, &no) && no != emv.ErrNoApplication:
		show(showRead, "cardReadOk")
		return service.Done(card.ClessDone{Chip: card.ClessResult{TxOutcome: card.ClessDecline}})
	case no == emv.ErrNoApplication:
		show(showTrouble, "processingError")
		return api.Fail(api.Failed, card.ErrInvalidMedia, err.Error())
	default: // it was taken away, or spoke nonsense
		show(showTrouble, "processingError")
		return service.Done(card.ClessDone{Chip: card.ClessResult{TxOutcome: card.ClessAgain, CardholderAction: "retap"}})
	}
	show(showRead, "cardReadOk")
	for _, tag := range []emv.Tag{0x57, 0x5A, 0x5F34, 0x5F24} {
		if v := app.Said(tag); v != nil {
			f = emv.Append(f, tag, v)
		}
	}
	c.mu.Lock()
	c.kernel.waiting = true
	c.mu.Unlock()
	cvm := "noCVM"
	if q := app.Said(0x9F6C); len(q) == 2 && q[0]&0x80 != 0 {
		cvm = "onlinePIN"
	}
	return service.Done(card.ClessDone{Chip: card.ClessResult{TxOutcome: card.ClessOnline, CardholderAction: "none", DataRead: f, ClessOutcome: &card.ClessOutcome{CVM: cvm}}})
}

// awaitCard looks until a card is at the antenna.
func (c *Counter) awaitCard(ctx context.Context) api.Completion {
	for {
		at := c.Card.Run(ctx, card.CmdChipPower, card.ChipPower{ChipPower: card.Cold}, nil)
		if at.ErrorCode != card.ErrNoMedia {
			return at
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return api.Refuse(api.CodeTimeOut, "no card came")
			}
			return api.Refuse(api.CodeCanceled, "canceled")
		case <-time.After(tapLook):
		}
	}
}

// clessIssuer takes the issuer's answer. Over the antenna the card is not told: its response code (8A)
// decides.
func (c *Counter) clessIssuer(_ context.Context, call *service.Call) api.Completion {
	var req card.ClessData
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	c.mu.Lock()
	waiting := c.kernel.waiting
	c.kernel.waiting = false
	c.mu.Unlock()
	if !waiting {
		return api.Fail(api.NotStarted, card.ErrNotInitiated, "no card waits for an answer")
	}
	list, err := emv.Parse(req.Data)
	if err != nil {
		return api.Refuse(api.InvalidData, "data is not BER-TLV")
	}
	out := card.ClessResult{TxOutcome: card.ClessDecline}
	if slices.ContainsFunc(list, func(o emv.Object) bool { return o.Tag == 0x8A && hex.EncodeToString(o.Value) == "3030" }) {
		out.TxOutcome = card.ClessApprove
	}
	return service.Done(card.ClessDone{Chip: out})
}
