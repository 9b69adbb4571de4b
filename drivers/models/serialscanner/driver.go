// Package serialscanner drives any bar code scanner that sends plain text with a tail over a
// serial line or USB-COM, with or without trigger bytes. See README.md. Imported by
// drivers/models and tests.
package serialscanner

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/barcode"
	"zhigui/drivers/internal/codeline"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "serialscanner", Class: api.ClassBarcodeReader, Maker: "any", Version: "1.0.0", Profile: profileYAML,
	Commands:     map[string]api.Motion{barcode.CmdRead: api.Wait, barcode.CmdReset: api.Wait},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud           int    `json:"baud"`
	Parity         string `json:"parity"`
	PollMs         int    `json:"pollMs"`
	Tail           string `json:"tail"`
	TriggerOn      string `json:"triggerOn"`
	TriggerOff     string `json:"triggerOff"`
	TriggerAgainMs int    `json:"triggerAgainMs"`
	GapMs          int    `json:"gapMs"`
	AimID          bool   `json:"aimId"`
	on, off        []byte
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if codeline.Tails[p.Tail] == "" {
		return nil, fmt.Errorf("profile: tail: %q is none of CR, LF, CRLF, TAB", p.Tail)
	}
	var err error
	if p.on, err = codeline.Hex("triggerOn", p.TriggerOn); err != nil {
		return nil, err
	}
	if p.off, err = codeline.Hex("triggerOff", p.TriggerOff); err != nil {
		return nil, err
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{"barcodeReader": map[string]any{"canFilterSymbologies": false, "X-namesSymbology": p.AimID}}, nil
}

type driver struct {
	env  sdk.Env
	p    *profile
	talk *dialog.Dialog

	mu      sync.Mutex
	reading bool
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port. Whether a scanner is behind it shows with the first code: it has
// nothing to answer with.
func (d *driver) Open(context.Context) error {
	var err error
	if d.talk, err = (dialog.Profile{Baud: d.p.Baud, Parity: d.p.Parity, PollMs: d.p.PollMs}).Open(d.env); err != nil {
		return err
	}
	d.talk.SetOnline(true)
	d.talk.Poll(func() { d.talk.SetOnline(d.talk.Present() == nil) })
	return nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.talk.Close() }

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: an interrupted scan is ended.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	return api.Recovery{}, d.talk.Tell(d.p.off)
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	dev, s := api.Offline, "unknown"
	if d.talk.Online() {
		dev, s = api.Online, "off"
		d.mu.Lock()
		if d.reading {
			s = "on"
		}
		d.mu.Unlock()
	}
	return map[string]any{"common": map[string]any{"device": dev}, "barcodeReader": barcode.Status{Scanner: s}}
}

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case barcode.CmdRead:
		var r barcode.Read
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		d.setReading(true)
		defer d.setReading(false)
		var c api.Completion
		_ = d.talk.Hold(d.talk.Busy(), func(port *serialport.Port) error {
			c = d.look(ctx, port, emit)
			return nil
		})
		return c
	case barcode.CmdReset:
		if err := d.talk.Tell(d.p.off); err != nil {
			return broken(err)
		}
		return sdk.Ok(nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func broken(err error) api.Completion {
	return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "scanner: " + err.Error()}
}

func (d *driver) setReading(on bool) {
	d.mu.Lock()
	d.reading = on
	d.mu.Unlock()
	d.env.StatusChanged()
}

// look waits for a code; codes from before it began are forgotten.
func (d *driver) look(ctx context.Context, port *serialport.Port, emit func(api.Event)) api.Completion {
	line := codeline.Line{Tail: codeline.Tails[d.p.Tail]}
	port.Discard()
	defer func() { _ = port.Write(d.p.off) }()
	var again, gap time.Time
	for first := true; ; first = false {
		d.env.Heart.Expect(d.talk.Busy())
		select {
		case <-ctx.Done():
			return sdk.Ended(ctx)
		case <-d.talk.Stopped():
			return api.Refuse(api.DeviceNotReady, "the driver ends")
		default:
		}
		now := time.Now()
		if !line.Pending() && !now.Before(again) {
			if err := port.Write(d.p.on); err != nil {
				return broken(err)
			}
			again = now.Add(ms(d.p.TriggerAgainMs))
		}
		if first {
			emit(api.Event{Name: barcode.EvPresent})
		}
		b, err := port.Byte(now.Add(50 * time.Millisecond))
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			if line.Pending() && now.After(gap) { // noise, or a code that stopped: look again
				line.Drop()
				again = now
			}
			continue
		case err != nil:
			d.talk.SetOnline(false)
			return broken(err)
		}
		gap = now.Add(ms(d.p.GapMs))
		if code, done := line.Add(b); done {
			return d.code(code)
		}
	}
}

// code makes the completion; what the code holds is in its payload only.
func (d *driver) code(code []byte) api.Completion {
	if err := codeline.Clean(code); err != nil {
		return api.Fail(api.Failed, barcode.ErrInvalid, err.Error())
	}
	out := barcode.Output{BarcodeData: code}
	if d.p.AimID {
		out.BarcodeData, out.SymbologyName, out.Symbology = codeline.AIM(code)
	}
	return sdk.Ok(barcode.ReadResult{ReadOutput: []barcode.Output{out}})
}
