package motorcard

import (
	"context"
	"errors"
	"slices"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (r *Reader) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case card.CmdReadRawData:
		return sdk.Decoded(cmd, func(q card.ReadRawData) api.Completion { return r.read(ctx, q, emit) })
	case card.CmdMove:
		return sdk.Decoded(cmd, func(q card.Move) api.Completion { return r.move(ctx, q) })
	case card.CmdReset:
		return sdk.Decoded(cmd, func(q card.Reset) api.Completion { return r.reset(ctx, q) })
	case card.CmdChipPower:
		return sdk.Decoded(cmd, r.chipPower)
	case card.CmdChipIO:
		return sdk.Decoded(cmd, r.chipIO)
	case card.CmdQueryIFM:
		return sdk.Ok(card.IFMIdentifiers{IFMIdentifiers: r.o.IFM})
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// read waits for a card, draws it in and reads it. The entry is shut afterwards.
func (r *Reader) read(ctx context.Context, q card.ReadRawData, emit func(api.Event)) api.Completion {
	switch {
	case q.Chip && r.o.Chip == nil:
		return api.Refuse(api.UnsupportedData, "this driver reads magnetic tracks only")
	case (q.Track1 || q.Track2 || q.Track3) && len(r.o.Tracks) == 0:
		return api.Refuse(api.UnsupportedData, "this device reads no magnetic tracks")
	}
	defer r.Take()()
	if err := r.hush(); err != nil {
		return r.Broken(err, api.NotStarted)
	}
	a, err := r.Do(r.o.Look, true)
	if err != nil {
		return r.Broken(err, api.NotStarted)
	}
	if a.At == Gate && !r.o.ByHand {
		if a, err = r.Do(r.o.In, false); err != nil && !r.wasTaken(err) {
			return r.Broken(err, api.Failed)
		}
	}
	if a.At != Inside {
		emit(api.Event{Name: card.EvInsertCard})
		t, c := r.await(ctx, q.Chip && r.o.Air != nil)
		if c != nil {
			switch c.ErrorCode {
			case card.ErrInvalidMedia, card.ErrCardTooLong, card.ErrCardTooShort:
				emit(api.Event{Name: card.EvInvalidMedia})
			}
			return *c
		}
		emit(api.Event{Name: card.EvMediaInserted})
		if t != nil {
			return t.tapped(q)
		}
	}
	r.mu.Lock()
	r.offered, r.jammed = false, false
	r.mu.Unlock()
	if err := r.release(); err != nil {
		return r.Broken(err, api.Failed)
	}
	if r.o.ByHand {
		if err := r.latch(true); err != nil {
			return r.Broken(err, api.Failed)
		}
	}
	if r.o.Settle != nil {
		if _, err := r.Do(r.o.Settle(q.Chip), false); err != nil {
			return r.Broken(err, api.Failed)
		}
	}
	return r.tracks(q, emit)
}

// wasTaken: the card was taken while the reader reached for it.
func (r *Reader) wasTaken(err error) bool {
	var f *Fault
	return errors.As(err, &f) && slices.Contains(r.o.Gone, f.Code)
}

// await lets cards in until one is inside, or with taps one is held to the antenna, or ctx ends; no
// completion means that there is a card.
func (r *Reader) await(ctx context.Context, taps bool) (*tap, *api.Completion) {
	if r.o.Await != nil {
		return nil, r.o.Await(ctx)
	}
	no := func(c api.Completion) (*tap, *api.Completion) { return nil, &c }
	if err := r.entry(r.o.LetIn); err != nil {
		return no(r.Broken(err, api.NotStarted))
	}
	tick := time.NewTicker(r.o.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			// A card that got in at the last moment is inside whatever the caller wanted.
			if err := r.entry(r.o.Shut); err != nil {
				return no(r.Broken(err, api.Failed))
			}
			if a, err := r.Do(r.o.Look, true); err == nil && a.At == Inside {
				return nil, nil
			}
			return no(sdk.Ended(ctx))
		case <-r.Line.Stopped():
			return no(api.Refuse(api.DeviceNotReady, "the driver ends"))
		case <-tick.C:
		}
		a, err := r.Do(r.o.Look, true)
		var f *Fault
		switch {
		case errors.As(err, &f):
			_ = r.entry(r.o.Shut)
			return no(r.Broken(err, api.Failed))
		case err != nil:
			return no(r.Broken(err, api.NotStarted))
		}
		var t *tap
		var c *api.Completion
		if taps && a.At == Nowhere {
			t, c = r.feel()
		}
		if a.At != Inside && t == nil && c == nil {
			continue
		}
		if err := r.entry(r.o.Shut); err != nil && c == nil {
			return no(r.Broken(err, api.Failed))
		}
		return t, c
	}
}

// tracks reads the tracks and the answer to reset asked for. A card without any of them is
// invalid media.
func (r *Reader) tracks(q card.ReadRawData, emit func(api.Event)) api.Completion {
	var out card.ReadRawDataResult
	good, last := false, (*Fault)(nil)
	to := []**card.Data{&out.Track1, &out.Track2, &out.Track3}
	for i, want := range []bool{q.Track1, q.Track2, q.Track3} {
		if !want {
			continue
		}
		a, err := r.Do(r.o.Tracks[i], true)
		var f *Fault
		switch {
		case err == nil:
			good = true
			*to[i] = &card.Data{Data: a.Data}
		case errors.As(err, &f) && r.o.Track[f.Code] != "":
			last = f
			*to[i] = &card.Data{Status: r.o.Track[f.Code]}
		default:
			return r.Broken(err, api.Failed)
		}
	}
	if q.Chip {
		data, f, c := r.atr()
		if c != nil {
			return *c
		}
		out.Chip = []card.Data{data}
		if f == nil {
			good = true
		} else {
			last = f
		}
	}
	if last != nil && !good {
		emit(api.Event{Name: card.EvInvalidMedia})
		c := r.Failed(api.Failed, last)
		c.Code, c.ErrorCode = api.CommandErrorCode, card.ErrInvalidMedia
		return sdk.With(c, out)
	}
	return sdk.Ok(out)
}
