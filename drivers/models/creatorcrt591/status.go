package creatorcrt591

import (
	"context"
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// Recover says where a card lies. A card move that was interrupted is settled by that as far
// as it can be.
func (d *driver) Recover(_ context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive()()
	r, err := d.do(cmdStatus, true)
	if err != nil {
		return api.Recovery{}, fmt.Errorf("card dispenser: %w", err)
	}
	out := api.Recovery{}
	switch r.card {
	case atGate:
		out.Media = map[string]int{card.Exit: 1}
		d.mu.Lock()
		d.offered = true
		d.mu.Unlock()
	case reading:
		out.Media = map[string]int{card.Transport: 1}
	}
	// A card in the path proves that it left the stacker; an empty path proves nothing.
	if err := d.stock.settle(true, r.card != nowhere); err != nil {
		return api.Recovery{}, err
	}
	for _, o := range open {
		// Only a move to the exit ends at the gate.
		if o.Moved && o.Name == card.CmdMove && r.card == atGate {
			rec := o.OpRecord
			rec.Completion = &api.Completion{Outcome: api.Done, Description: "the card lies at the gate"}
			out.Ops = append(out.Ops, rec)
		}
	}
	for where := range out.Media {
		d.env.Event(card.EvMediaDetected, map[string]string{"position": where})
	}
	return out, nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	n := d.stock.get()
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, media := api.Offline, "unknown"
	units := map[string]card.Unit{
		Stacker: {Type: card.UnitDispense, Status: "inoperative", Count: n.Count, Unsure: n.Unsure || n.Leaving},
		Bin:     {Type: card.UnitRetain, Status: "inoperative", Count: d.retained},
	}
	if d.online {
		dev = api.Online
		switch {
		case d.jammed && d.seen.card != nowhere:
			media = "jammed"
		case d.seen.card == nowhere:
			media = "notPresent"
		case d.seen.card == atGate:
			media = "entering"
		case d.seen.card == reading:
			media = "present"
		}
		s, b := units[Stacker], units[Bin]
		s.Status, b.Status = "ok", "ok"
		s.Replenishment, b.Replenishment = d.level(), card.StockOK
		if d.seen.full {
			b.Replenishment = card.StockFull
		}
		units[Stacker], units[Bin] = s, b
	}
	return map[string]any{
		"common":     map[string]any{"device": dev},
		"cardReader": card.Status{Media: media, Retained: d.retained, Units: units},
	}
}

// storage is GetStorage's answer.
func (d *driver) storage() card.Storage {
	n := d.stock.get()
	d.mu.Lock()
	defer d.mu.Unlock()
	state := "ok"
	if !d.online {
		state = "inoperative"
	}
	bin := card.StockOK
	if d.seen.full {
		bin = card.StockFull
	}
	retained := d.retained
	return card.Storage{Storage: map[string]card.StorageUnit{
		Stacker: {Status: state, Card: &card.CardUnit{Capabilities: &card.UnitCapabilities{Type: card.UnitDispense, HardwareSensors: true},
			Status: &card.UnitCounts{InitialCount: &n.Initial, Count: &n.Count, Replenishment: d.level()}}},
		Bin: {Status: state, Card: &card.CardUnit{Capabilities: &card.UnitCapabilities{Type: card.UnitRetain, HardwareSensors: true},
			Status: &card.UnitCounts{Count: &retained, RetainCount: &retained, Replenishment: bin}}},
	}}
}

// setStorage takes the operator's counts after filling the stacker or emptying the bin.
func (d *driver) setStorage(s card.Storage) api.Completion {
	for id, u := range s.Storage {
		if id != Stacker && id != Bin || u.Card == nil || u.Card.Status == nil {
			return api.Fail(api.NotStarted, "invalidUnit", "SetStorage: only counts of unit1 and unit2 can be set")
		}
		for _, n := range []*int{u.Card.Status.InitialCount, u.Card.Status.Count} {
			if n != nil && (*n < 0 || *n > 999) {
				return api.Refuse(api.InvalidData, "SetStorage: a count must be 0 to 999")
			}
		}
	}
	if u, ok := s.Storage[Bin]; ok && u.Card.Status.Count != nil {
		n := *u.Card.Status.Count
		release := d.exclusive()
		_, err := d.do(fmt.Sprintf("C\xA51%03d", n), true)
		release()
		if err != nil {
			return d.broken(err, api.NotStarted)
		}
		d.mu.Lock()
		d.retained = n
		d.mu.Unlock()
	}
	if u, ok := s.Storage[Stacker]; ok {
		err := d.stock.change(func(c *counted) {
			if n := u.Card.Status.InitialCount; n != nil {
				c.Initial, c.Count = *n, *n
			}
			if n := u.Card.Status.Count; n != nil {
				c.Count = *n
			}
			c.Unsure = false
		})
		if err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
	}
	d.env.StatusChanged()
	return sdk.Ok(nil)
}
