package motorcard

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/sdk"
)

// Carry sends a command that moves the card. What no answer settles, the place does.
func (r *Reader) Carry(ctx context.Context, cmd string, to ...Place) api.Completion {
	if err := r.release(); err != nil {
		return r.Broken(err, api.NotStarted)
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	a, err := r.Do(cmd, false)
	switch {
	case err == nil && slices.Contains(to, a.At):
		return sdk.Ok(nil)
	case err == nil:
		return api.Fail(api.Failed, card.ErrMediaJam, "the reader says good but the card is at "+a.At.String())
	case errors.Is(err, line.ErrSilent):
		if s, e := r.Do(r.o.Look, true); e == nil && slices.Contains(to, s.At) && (s.At != Nowhere || r.o.Proves) {
			return sdk.Ok(nil)
		}
	}
	return r.Broken(err, api.Indeterminate)
}

func (r *Reader) move(ctx context.Context, q card.Move) api.Completion {
	if !slices.Contains([]string{card.Exit, card.Transport, card.UnitBin, card.Retain}, q.To) {
		return api.Refuse(api.InvalidData, "Move: to must be exit, transport or unitRetain")
	}
	if r.o.ByHand {
		return r.letGo(q.To)
	}
	defer r.Take()()
	a, err := r.Do(r.o.Look, true)
	if err != nil {
		return r.Broken(err, api.NotStarted)
	}
	return r.Bring(ctx, a.At, q.To)
}

// Reading is the command to the reading position.
func (r *Reader) Reading() string { return r.o.In }

// Bring moves the card from where it is to exit or transport, or captures it; the line is taken.
func (r *Reader) Bring(ctx context.Context, at Place, to string) api.Completion {
	switch {
	case at == Nowhere:
		return api.Fail(api.NotStarted, card.ErrNoMedia, "there is no card in the reader")
	case to == card.Exit && at == Gate, to == card.Transport && at == Inside:
		r.offer(to == card.Exit)
		return sdk.Ok(nil)
	case to == card.Exit:
		return r.atGate(r.Carry(ctx, r.o.Out, Gate, Nowhere))
	}
	was := r.offer(false) // not taken by the customer when it goes from the gate
	if to == card.Transport {
		return r.Carry(ctx, r.o.In, Inside)
	}
	c := r.Carry(ctx, r.o.Bin, Nowhere)
	r.mu.Lock()
	if c.Outcome == api.Done {
		r.retained++
	} else {
		r.offered = was
	}
	r.mu.Unlock()
	r.o.Env.StatusChanged()
	return c
}

// offer says whether the card at the gate is the customer's.
func (r *Reader) offer(on bool) (was bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, r.offered = r.offered, on
	return was
}

// atGate remembers that the card at the gate is offered to the customer.
func (r *Reader) atGate(c api.Completion) api.Completion {
	r.offer(c.Outcome == api.Done)
	r.mu.Lock()
	at := r.at
	r.mu.Unlock()
	if c.Outcome == api.Done && at == Nowhere { // taken before the first look
		r.taken(at)
	}
	return c
}

func (r *Reader) reset(ctx context.Context, q card.Reset) api.Completion {
	kind, ok := map[string]Initial{"": Hold, card.Current: Hold, card.Exit: Eject, card.Auto: Eject, card.Retain: Capture}[q.To]
	if !ok {
		return api.Refuse(api.InvalidData, "Reset: to must be exit, retain, currentPosition or auto")
	}
	if r.o.ByHand {
		return r.letGo(q.To)
	}
	defer r.Take()()
	before, err := r.Do(r.o.Look, true)
	if err != nil {
		return r.Broken(err, api.NotStarted)
	}
	r.mu.Lock()
	r.jammed, r.offered = false, false
	r.mu.Unlock()
	may := map[Initial][]Place{Hold: {Unknown, Nowhere, Gate, Between, Inside}, Eject: {Gate, Nowhere}, Capture: {Nowhere}}[kind]
	c := r.Carry(ctx, r.o.Init(kind), may...)
	if c.Outcome != api.Done {
		return c
	}
	_, shut := r.Do(r.o.Shut, true)
	where := map[Place]string{Gate: card.Exit, Between: card.Transport, Inside: card.Transport}[before.At]
	switch {
	case before.At == Nowhere:
	case kind == Eject:
		where = card.Exit
		c = r.atGate(c)
	case kind == Capture:
		where = cmp.Or(r.o.BinName, card.UnitBin)
		r.SetRetained(r.Retained() + 1)
	}
	if where != "" {
		r.o.Env.Event(card.EvMediaDetected, map[string]string{"position": where})
	}
	r.o.Env.StatusChanged()
	if shut != nil {
		return r.Broken(shut, api.Failed)
	}
	return c
}
