package xfs3x

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/sdk"
)

// Cash dispensers (XFSCDM.H).
const (
	cdmStatus   = cdm + 1
	cdmUnits    = cdm + 3
	cdmDispense = cdm + 2
	cdmPresent  = cdm + 3
	cdmReject   = cdm + 4
	cdmRetract  = cdm + 5
	cdmReset    = cdm + 21

	cdmStart     = cdm + 7
	cdmTaken     = cdm + 9
	cdmPresented = cdm + 13
	cdmDetected  = cdm + 17
)

// Retract areas.
const (
	areaRetract = 0x0001
	areaReject  = 0x0008
)

var (
	cdmStacker = []string{"empty", "notEmpty", "notEmpty", "notEmpty", "unknown", ""}
	cdmPlace   = []string{"empty", "notEmpty", "unknown", "notSupported"}
	cdmShutter = []string{"closed", "open", "jammed", "unknown", "notSupported"}
	cdmMotion  = []string{"ok", "inoperative", "unknown", "notSupported"}
	cdmUnit    = []string{"ok", "ok", "ok", "low", "empty", "inoperative", "missing", "inoperative", "inoperative", "inoperative"}
)

// cdmState is the part of WFSCDMSTATUS that 3.00 has.
type cdmState struct {
	Device, Door, Dispenser, Stacker uint16
	Out                              []outPosition
}

// outPosition is a WFSCDMOUTPOS.
type outPosition struct {
	Position, Shutter, Status, Transport, TransportStatus uint16
}

func readCDMStatus(m memory, l layout, addr uint64) (cdmState, error) {
	c := walk(m, l, addr)
	s := cdmState{Device: c.u16(), Door: c.u16(), Dispenser: c.u16(), Stacker: c.u16()}
	for _, p := range c.list(c.ptr()) {
		e := c.there(p)
		s.Out = append(s.Out, outPosition{e.u16(), e.u16(), e.u16(), e.u16(), e.u16()})
	}
	return s, *c.err
}

// unit is the part of WFSCDMCASHUNIT that 3.00 has, without the physical units.
type unit struct {
	Number, Type                             uint16
	Name, ID, Currency                       string
	Value, Initial, Count, Rejected, Maximum uint32
	Status                                   uint16
}

// readUnits is a WFSCDMCUINFO.
func readUnits(m memory, l layout, addr uint64) (out []unit, err error) {
	c := walk(m, l, addr)
	c.skip(2) // usTellerID
	n := c.u16()
	if n > longestList {
		return nil, errLong
	}
	list := c.there(c.ptr())
	for range n {
		e := c.there(list.ptr())
		u := unit{Number: e.u16(), Type: e.u16(), Name: e.text(), ID: string(e.bytes(5)), Currency: string(e.bytes(3)),
			Value: e.u32(), Initial: e.u32(), Count: e.u32(), Rejected: e.u32()}
		e.skip(4) // ulMinimum
		u.Maximum = e.u32()
		e.skip(4) // bAppLock
		u.Status = e.u16()
		out = append(out, u)
	}
	return out, *c.err
}

// denomination is a WFSCDMDENOMINATION: how many of each cash unit, in the units' order.
type denomination struct {
	Currency string
	Amount   uint32
	Values   []uint32
	CashBox  uint32
}

func readDenomination(m memory, l layout, addr uint64) (d denomination, err error) {
	c := walk(m, l, addr)
	d.Currency, d.Amount = string(c.bytes(3)), c.u32()
	n := c.u16()
	if n > longestList {
		return d, errLong
	}
	values := c.there(c.ptr())
	for range n {
		d.Values = append(d.Values, values.u32())
	}
	d.CashBox = c.u32()
	return d, *c.err
}

// dispense is a WFSCDMDISPENSE with its denomination, mixed by hand (mix number 0).
func dispense(l layout, present bool, d denomination) *block {
	k := &block{l: l}
	k.u16(0) // usTellerID
	k.u16(0) // usMixNumber: individual
	k.u16(0) // fwPosition: the default
	k.flag(present)
	k.point(k.ptr())
	k.b = append(k.b, (d.Currency + "   ")[:3]...)
	k.u32(d.Amount)
	k.u16(uint16(len(d.Values)))
	values := k.ptr()
	k.u32(d.CashBox)
	k.point(values)
	for _, v := range d.Values {
		k.u32(v)
	}
	return k
}

// retract is a WFSCDMRETRACT.
func retract(l layout, area uint16) *block {
	k := &block{l: l}
	k.u16(0) // fwOutputPosition
	k.u16(area)
	k.u16(0) // usIndex
	return k
}

var cashCommands = map[string]api.Motion{
	cash.CmdDispense: api.MovesCash, cash.CmdPresent: api.MovesCash, cash.CmdReject: api.MovesCash, cash.CmdRetract: api.MovesCash, cash.CmdReset: api.MovesCash,
}

type notes struct{}

func (notes) capabilities(p *profile) map[string]any {
	return map[string]any{"cashDispenser": map[string]any{"type": "selfServiceBill", "intermediateStacker": !p.Present, "itemsTakenSensor": true}}
}

func (notes) status(d *driver, m memory, r result) (map[string]any, map[string]int, error) {
	s, err := readCDMStatus(m, d.s.layout(), r.buffer)
	st := cash.Status{IntermediateStacker: pick(cdmStacker, s.Stacker), Positions: []cash.Position{}, Transport: "empty", Units: map[string]cash.UnitStatus{}}
	if s.Stacker == 5 {
		st.IntermediateStacker = ""
	}
	where := map[string]int{}
	if st.IntermediateStacker == "notEmpty" || st.IntermediateStacker == "unknown" {
		where["stacker"] = -1
	}
	for _, p := range s.Out {
		st.Positions = append(st.Positions, cash.Position{Position: "outDefault", PositionStatus: pick(cdmPlace, p.Status), Shutter: pick(cdmShutter, p.Shutter), Transport: pick(cdmMotion, p.Transport)})
		if p.Status == 1 {
			where["outDefault"] = -1
		}
		if p.TransportStatus != 0 && p.TransportStatus != 4 {
			st.Transport = "notEmpty"
			where["transport"] = -1
		}
	}
	d.mu.Lock()
	for id, u := range d.units {
		st.Units[id] = cash.UnitStatus{State: pick(cdmUnit, u.Status)}
	}
	d.mu.Unlock()
	return map[string]any{"common": map[string]any{"device": pick(devices, s.Device)}, "cashDispenser": st}, where, err
}

func (notes) event(d *driver, k kind, r result, _ memory) (name string, payload any) {
	switch {
	case k == onExecute && r.command == cdmStart:
		return cash.EvStartDispense, nil
	case k == onService && r.command == cdmTaken:
		return cash.EvItemsTaken, map[string]string{"position": "outDefault"}
	case k == onService && r.command == cdmPresented:
		return cash.EvItemsPresented, map[string]string{"position": "outDefault"}
	case k == onService && r.command == cdmDetected:
		return cash.EvMediaDetected, nil
	}
	return "", nil
}

// look asks for the cash units; their ids are those of the profile.
func (notes) look(ctx context.Context, d *driver) ([]unit, error) {
	var list []unit
	err := d.ask(ctx, cdmUnits, nil, func(r result, m memory) (err error) {
		list, err = readUnits(m, d.s.layout(), r.buffer)
		return err
	})
	if err != nil {
		return nil, err
	}
	units := map[string]unit{}
	for id, number := range d.p.Units {
		for _, u := range list {
			if number > 0 && int(u.Number) == number {
				units[id] = u
			}
		}
	}
	d.mu.Lock()
	d.units = units
	d.mu.Unlock()
	return list, nil
}

func (n notes) execute(ctx context.Context, d *driver, cmd api.Command) api.Completion {
	l := d.s.layout()
	switch cmd.Name {
	case cash.CmdDispense:
		return sdk.Decoded(cmd, func(r cash.Dispense) api.Completion { return n.dispense(ctx, d, cmd, r) })
	case cash.CmdPresent:
		if d.p.Present {
			return api.Refuse(api.UnsupportedCommand, "the notes are presented with the dispense")
		}
		return unsure(d.do(ctx, cmd, cdmPresent, one(l, 0), nil))
	case cash.CmdReject:
		return unsure(d.do(ctx, cmd, cdmReject, nil, nil))
	case cash.CmdRetract:
		return sdk.Decoded(cmd, func(r cash.Retract) api.Completion {
			area, ok := map[string]uint16{"": areaRetract, "retract": areaRetract, "reject": areaReject}[r.Area]
			if !ok {
				return api.Refuse(api.UnsupportedData, "retractArea: neither retract nor reject")
			}
			// XFS 3.00 does not say how many notes came back: a person counts.
			c := unsure(d.do(ctx, cmd, cdmRetract, retract(l, area), nil))
			if c.Outcome == api.Done {
				c = sdk.With(c, cash.Moved{Uncounted: true})
			}
			return c
		})
	case cash.CmdReset:
		return unsure(d.do(ctx, cmd, cdmReset, nil, nil))
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// unsure says in the payload that nobody knows what was moved.
func unsure(c api.Completion) api.Completion {
	if c.Outcome == api.Indeterminate || c.Outcome == api.Failed {
		return sdk.With(c, cash.Moved{Unknown: true})
	}
	return c
}

func (n notes) dispense(ctx context.Context, d *driver, cmd api.Command, r cash.Dispense) api.Completion {
	if r.Position != "" && r.Position != "outDefault" || r.Token != "" {
		return api.Refuse(api.UnsupportedData, "Dispense: one position, no token")
	}
	list, err := n.look(ctx, d)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	want := denomination{Values: make([]uint32, len(list))}
	for _, id := range slices.Sorted(maps.Keys(r.Counts)) {
		count, number := r.Counts[id], d.p.Units[id]
		i := slices.IndexFunc(list, func(u unit) bool { return number > 0 && int(u.Number) == number })
		switch {
		case i < 0 || count < 0:
			return api.Refuse(api.InvalidData, fmt.Sprintf("Dispense: %s is no cash unit of this dispenser", id))
		case want.Currency != "" && want.Currency != list[i].Currency:
			return api.Refuse(api.UnsupportedData, "Dispense: notes of two currencies")
		}
		want.Currency = list[i].Currency
		want.Amount += uint32(count) * list[i].Value
		want.Values[i] = uint32(count)
	}
	if want.Amount == 0 {
		return api.Refuse(api.InvalidData, "Dispense: nothing is asked for")
	}
	c := d.do(ctx, cmd, cdmDispense, dispense(d.s.layout(), d.p.Present, want), func(a result, m memory) (any, error) {
		got, err := readDenomination(m, d.s.layout(), a.buffer)
		if err == nil && !slices.Equal(got.Values, want.Values) {
			err = fmt.Errorf("the service provider dispensed something else than was asked for")
		}
		if err != nil {
			return nil, err
		}
		moved := cash.Moved{Units: map[string]cash.UnitMoved{}}
		for id, count := range r.Counts {
			if d.p.Present {
				moved.Units[id] = cash.UnitMoved{Presented: count}
			} else {
				moved.Units[id] = cash.UnitMoved{Stacked: count}
			}
		}
		return moved, nil
	})
	return unsure(c)
}
