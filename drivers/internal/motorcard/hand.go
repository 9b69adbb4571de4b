package motorcard

import (
	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// A reader into which the card is pushed, and out of which it is pulled, by hand (Table.ByHand): no
// motor, no entry to open, at most a latch that holds the card. In latches, Out lets go; both may be
// empty.

// entry lets cards in or keeps them out; a reader by hand has nothing to do so with.
func (r *Reader) entry(cmd string) error {
	if r.o.ByHand {
		return nil
	}
	_, err := r.Do(cmd, true)
	return err
}

// latch holds the card that was pushed in, or lets it go.
func (r *Reader) latch(on bool) error {
	cmd := r.o.Out
	if on {
		cmd = r.o.In
	}
	if cmd != "" {
		if _, err := r.Do(cmd, true); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.latched = on && cmd != ""
	r.mu.Unlock()
	r.o.Env.StatusChanged()
	return nil
}

// letGo is Move and Reset: the card is the customer's to pull. Nothing moves.
func (r *Reader) letGo(to string) api.Completion {
	if to == card.UnitBin || to == card.Retain {
		return api.Refuse(api.UnsupportedData, "the card goes in and out by hand: it cannot be retained")
	}
	defer r.Take()()
	a, err := r.Do(r.o.Look, true)
	switch {
	case err != nil:
		return r.Broken(err, api.NotStarted)
	case to == card.Transport && a.At == Inside:
		r.offer(false)
		if err := r.latch(true); err != nil {
			return r.Broken(err, api.Failed)
		}
		return sdk.Ok(nil)
	case to == card.Exit && a.At == Nowhere, to == card.Transport:
		return api.Fail(api.NotStarted, card.ErrNoMedia, "there is no card in the reader")
	}
	if err := r.release(); err != nil {
		return r.Broken(err, api.Failed)
	}
	if err := r.latch(false); err != nil {
		return r.Broken(err, api.Failed)
	}
	r.mu.Lock()
	r.offered, r.jammed = a.At != Nowhere, false
	r.mu.Unlock()
	return sdk.Ok(nil)
}
