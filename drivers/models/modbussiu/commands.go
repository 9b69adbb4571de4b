package modbussiu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/siu"
	"zhigui/drivers/sdk"
)

// write is one register to be set.
type write struct {
	place
	value uint16
}

// Execute implements sdk.Driver. The payload is checked as a whole before a byte is sent.
func (d *driver) Execute(_ context.Context, cmd api.Command, _ func(api.Event)) api.Completion {
	switch cmd.Name {
	case siu.CmdSetLight:
		return sdk.Decoded(cmd, func(r siu.SetLight) api.Completion {
			return d.set(func() ([]write, error) { return d.lamps(r) }, siu.ErrInvalidLight, siu.ErrLight)
		})
	case siu.CmdSetAuxiliaries:
		return sdk.Decoded(cmd, func(r siu.SetAuxiliaries) api.Completion {
			return d.set(func() ([]write, error) { return d.auxiliaries(r) }, siu.ErrInvalidAuxiliary, "")
		})
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// set writes the registers and reads everything back, so that the status is new before the
// completion.
func (d *driver) set(plan func() ([]write, error), invalid, failed string) (c api.Completion) {
	_ = d.hold(func() error {
		list, err := plan()
		if err != nil {
			c = api.Fail(api.NotStarted, invalid, err.Error())
			return nil
		}
		for _, w := range list {
			if err = d.put(w); err != nil {
				break
			}
		}
		if err == nil {
			err = d.look()
		}
		c = result(err, failed)
		return nil
	})
	return c
}

func (d *driver) put(w write) error {
	function, v := byte(writeRegister), w.value
	if w.Table == "coil" {
		function = writeCoil
		if v != 0 {
			v = 0xFF00
		}
	}
	_, err := d.call(function, uint16(w.Address), v)
	return err
}

func result(err error, failed string) api.Completion {
	if err == nil {
		return sdk.Ok(nil)
	}
	c := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "board: " + err.Error()}
	var ex *exception
	if errors.As(err, &ex) {
		c.Vendor = &api.VendorError{Code: fmt.Sprintf("%02d", ex.code), Name: exceptionNames[ex.code]}
		if failed != "" {
			c.Code, c.ErrorCode = api.CommandErrorCode, failed
		}
	}
	return c
}

// lamps turns a request into registers. What the request does not name stays as it is.
func (d *driver) lamps(r siu.SetLight) (list []write, err error) {
	for _, lampName := range slices.Sorted(maps.Keys(r)) {
		for _, position := range slices.Sorted(maps.Keys(r[lampName])) {
			l, ok := d.p.Lights[lampName+"."+position]
			if !ok && position == "default" {
				l, ok = d.p.Lights[lampName]
			}
			if !ok {
				return nil, fmt.Errorf("the board has no lamp %s at %s", lampName, position)
			}
			d.mu.Lock()
			v := d.known[l.place]
			d.mu.Unlock()
			want := r[lampName][position]
			for _, part := range []struct {
				member, want string
				has          map[string]uint16
			}{{"flashRate", want.FlashRate, l.Rates}, {"color", want.Color, l.Colors}, {"direction", want.Direction, l.Directions}} {
				if part.want == "" {
					continue
				}
				bits, ok := part.has[part.want]
				if !ok {
					return nil, fmt.Errorf("lamp %s at %s has no %s %q", lampName, position, part.member, part.want)
				}
				v = v&^bitsOf(part.has) | bits
			}
			list = append(list, write{l.place, v})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no lamp is named")
	}
	return list, nil
}

func (d *driver) auxiliaries(r siu.SetAuxiliaries) (list []write, err error) {
	for _, k := range slices.Sorted(maps.Keys(r)) {
		o, ok := d.p.Outputs[k]
		if !ok {
			return nil, fmt.Errorf("the board has no auxiliary %s", k)
		}
		var v uint16
		if o.Number {
			n := 0
			if err := json.Unmarshal(r[k], &n); err != nil || n < o.Min || n > o.Max {
				return nil, fmt.Errorf("auxiliary %s must be a whole number from %d to %d", k, o.Min, o.Max)
			}
			v = uint16(n)
		} else {
			s := ""
			if err := json.Unmarshal(bytes.TrimSpace(r[k]), &s); err != nil {
				return nil, fmt.Errorf("auxiliary %s must be a text", k)
			}
			if v, ok = o.Values[s]; !ok {
				return nil, fmt.Errorf("auxiliary %s has no value %q", k, s)
			}
		}
		list = append(list, write{o.place, v})
	}
	if len(list) == 0 {
		return nil, errors.New("no auxiliary is named")
	}
	return list, nil
}
