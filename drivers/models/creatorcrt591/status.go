package creatorcrt591

import (
	"context"
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// Recover settles the stock too: a card in the path proves that it left the stacker; an empty
// path proves nothing.
func (d *driver) Recover(ctx context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	out, err := d.Reader.Recover(ctx, open)
	if err == nil {
		err = d.stock.settle(true, len(out.Media) > 0)
	}
	return out, err
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	dev, st := d.State()
	n, s := d.stock.get(), d.supply()
	stacker := card.Unit{Type: card.UnitDispense, Status: "inoperative", Count: n.Count, Unsure: n.Unsure || n.Leaving}
	bin := card.Unit{Type: card.UnitRetain, Status: "inoperative", Count: st.Retained}
	if dev == api.Online {
		stacker.Status, bin.Status = "ok", "ok"
		stacker.Replenishment, bin.Replenishment = s.level(), s.bin()
	}
	st.Units = map[string]card.Unit{Stacker: stacker, Bin: bin}
	return map[string]any{"common": map[string]any{"device": dev}, "cardReader": st}
}

// bin is the error bin's replenishment state.
func (s supply) bin() string {
	if s.full {
		return card.StockFull
	}
	return card.StockOK
}

// storage is GetStorage's answer.
func (d *driver) storage() card.Storage {
	n := d.stock.get()
	s, retained := d.supply(), d.Retained()
	state := "ok"
	if !d.Online() {
		state = "inoperative"
	}
	return card.Storage{Storage: map[string]card.StorageUnit{
		Stacker: {Status: state, Card: &card.CardUnit{Capabilities: &card.UnitCapabilities{Type: card.UnitDispense, HardwareSensors: true},
			Status: &card.UnitCounts{InitialCount: &n.Initial, Count: &n.Count, Replenishment: s.level()}}},
		Bin: {Status: state, Card: &card.CardUnit{Capabilities: &card.UnitCapabilities{Type: card.UnitRetain, HardwareSensors: true},
			Status: &card.UnitCounts{Count: &retained, RetainCount: &retained, Replenishment: s.bin()}}},
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
		release := d.Take()
		_, err := d.Do(fmt.Sprintf("C\xA51%03d", n), true)
		release()
		if err != nil {
			return d.Broken(err, api.NotStarted)
		}
		d.SetRetained(n)
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
