// Package serialscanner drives any bar code scanner that sends plain text with a tail over a
// serial line or USB-COM, with or without trigger bytes. See README.md. Imported by
// drivers/models and tests.
package serialscanner

import (
	"context"
	_ "embed"
	"fmt"
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
	codeline.Scanner
	p *profile
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	off := func(port *serialport.Port) error { return port.Write(p.off) }
	return &driver{p: p, Scanner: codeline.Scanner{
		Env: e, Tail: codeline.Tails[p.Tail], Again: ms(p.TriggerAgainMs), Gap: ms(p.GapMs), AimID: p.AimID,
		Begin:   func(port *serialport.Port) { port.Discard() },
		End:     func(port *serialport.Port) { _ = off(port) },
		Trigger: func(port *serialport.Port) ([]byte, error) { return nil, port.Write(p.on) },
		Stop:    off,
	}}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port. Whether a scanner is behind it shows with the first code: it has
// nothing to answer with.
func (d *driver) Open(context.Context) error {
	var err error
	if d.Talk, err = (dialog.Profile{Baud: d.p.Baud, Parity: d.p.Parity, PollMs: d.p.PollMs}).Open(d.Env); err != nil {
		return err
	}
	d.Talk.SetOnline(true)
	d.Talk.Poll(func() { d.Talk.SetOnline(d.Talk.Present() == nil) })
	return nil
}

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: an interrupted scan is ended.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	return api.Recovery{}, d.Talk.Tell(d.p.off)
}
