// Package modbussiu drives sensor and indicator boards (doors, lamps, proximity, heater)
// that speak Modbus RTU. Which register is what is profile data. See README.md. Imported by
// drivers/models and tests.
package modbussiu

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/siu"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "modbussiu", Class: api.ClassAuxiliaries, Maker: "Modbus RTU", Version: "1.0.0", Profile: profileYAML,
	// Setting a lamp or a lock again does nothing more: nothing to journal.
	Commands:     map[string]api.Motion{siu.CmdSetLight: api.Wait, siu.CmdSetAuxiliaries: api.Wait},
	Capabilities: capabilities,
	New:          newDriver,
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	sensors := []string{}
	for k := range p.Sensors {
		sensors = append(sensors, k)
	}
	outputs := map[string]any{}
	for k, o := range p.Outputs {
		values := map[string]bool{}
		for v := range o.Values {
			values[v] = true
		}
		outputs[k] = values
		if o.Number {
			outputs[k] = o.Max
		}
	}
	lights := map[string]map[string]any{}
	for k, l := range p.Lights {
		lampName, position := split(k)
		if lights[lampName] == nil {
			lights[lampName] = map[string]any{}
		}
		lights[lampName][position] = map[string]any{"flashRate": has(l.Rates), "color": has(l.Colors), "direction": has(l.Directions)}
	}
	return map[string]any{
		"auxiliaries": map[string]any{"X-sensors": sensors, "X-outputs": outputs},
		"lights":      map[string]any{"individualFlashRates": true, "lights": lights},
	}, nil
}

func has(m map[string]uint16) map[string]bool {
	out := map[string]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}

// split takes "lamp.position" apart.
func split(k string) (lampName, position string) {
	lampName, position, ok := strings.Cut(k, ".")
	if !ok {
		position = "default"
	}
	return lampName, position
}

type driver struct {
	env  sdk.Env
	p    *profile
	talk *dialog.Dialog

	mu    sync.Mutex
	known map[place]uint16
	bad   bool // the board refuses a register of the profile
	// aux and lights are what known means.
	aux    map[string]any
	lights map[string]map[string]siu.Light
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{env: e, p: p, known: map[place]uint16{}}
	d.aux, d.lights = d.read()
	return d, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and reads every register of the profile.
func (d *driver) Open(context.Context) error {
	var err error
	if d.talk, err = d.p.Open(d.env); err != nil {
		return err
	}
	if err := d.hold(d.look); err != nil {
		return fmt.Errorf("board: %w", err)
	}
	d.talk.Poll(func() { _ = d.look() })
	return nil
}

func (d *driver) hold(f func() error) error {
	return d.talk.Hold(time.Duration(len(d.p.reads)+4)*d.talk.Busy(), func(*serialport.Port) error { return f() })
}

// call exchanges one request; the line is held. An exception is an error of its own kind.
func (d *driver) call(function byte, a, b uint16) ([]byte, error) {
	time.Sleep(ms(d.p.QuietMs))
	body, err := d.talk.Exchange(request(byte(d.p.Unit), function, a, b), answerTo(byte(d.p.Unit), function))
	if err != nil {
		return nil, err
	}
	if body[0]&0x80 != 0 {
		return nil, &exception{function, body[1]}
	}
	return body, nil
}

// look reads everything and reports what changed; the line is held.
func (d *driver) look() error {
	now := map[place]uint16{}
	var refused error
	for _, s := range d.p.reads {
		body, err := d.call(tables[s.Table], uint16(s.Address), uint16(s.n))
		var ex *exception
		if errors.As(err, &ex) {
			refused = fmt.Errorf("%s %d to %d: %w", s.Table, s.Address, s.Address+s.n-1, err)
			continue
		}
		if err != nil {
			return err
		}
		values, err := registers(body, s.n)
		if s.Table == "coil" || s.Table == "discrete" {
			values, err = bits(body, s.n)
		}
		if err != nil {
			return err
		}
		for i, v := range values {
			now[place{s.Table, s.Address + i}] = v
		}
	}
	d.mu.Lock()
	if refused != nil && !d.bad {
		d.env.Log.Warn("the board does not have what the profile names", "error", refused)
	}
	d.known, d.bad = now, refused != nil
	d.aux, d.lights = d.read()
	d.mu.Unlock()
	d.env.StatusChanged()
	return refused
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.talk.Close() }

// Identity implements sdk.Driver: Modbus has no identification that all boards give.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: there is nothing to settle.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	return api.Recovery{}, d.hold(d.look)
}

// Status implements sdk.Driver. While the board does not answer the members are the last that
// it gave; the device state says so.
func (d *driver) Status() map[string]any {
	online := d.talk.Online()
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := api.Offline
	switch {
	case online && d.bad:
		dev = api.StateHardwareError
	case online:
		dev = api.Online
	}
	return map[string]any{"common": map[string]any{"device": dev}, "auxiliaries": d.aux, "lights": d.lights}
}

// read says what the registers mean; the caller holds mu, and nobody changes the maps.
func (d *driver) read() (map[string]any, map[string]map[string]siu.Light) {
	aux := map[string]any{}
	for k, s := range d.p.Sensors {
		if v, ok := d.known[s.place]; ok {
			if x := s.value(v); x != nil {
				aux[k] = x
			}
		}
	}
	lights := map[string]map[string]siu.Light{}
	for k, l := range d.p.Lights {
		if v, ok := d.known[l.place]; ok {
			lampName, position := split(k)
			if lights[lampName] == nil {
				lights[lampName] = map[string]siu.Light{}
			}
			lights[lampName][position] = l.light(v)
		}
	}
	return aux, lights
}
