// Package gm65 drives the bar code modules of the GM65 family (GM65, GM805, GM812) on a
// serial line. The bytes and their sources are in README.md. Imported by drivers/models and
// tests.
package gm65

import (
	"context"
	_ "embed"
	"errors"
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
	Name: "gm65", Class: api.ClassBarcodeReader, Maker: "Grow", Version: "1.0.0", Profile: profileYAML,
	Commands:     map[string]api.Motion{barcode.CmdRead: api.Wait, barcode.CmdReset: api.Wait},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	dialog.Profile
	SendCRC        bool   `json:"sendCRC"`
	Tail           string `json:"tail"`
	TriggerAgainMs int    `json:"triggerAgainMs"`
	GapMs          int    `json:"gapMs"`
	AimID          bool   `json:"aimId"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if codeline.Tails[p.Tail] == "" {
		return nil, fmt.Errorf("profile: tail: %q is none of CR, LF, CRLF, TAB", p.Tail)
	}
	if p.TriggerAgainMs < 500 || p.GapMs < 20 {
		return nil, errors.New("profile: triggerAgainMs must be 500 or more, gapMs 20 or more")
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{"barcodeReader": map[string]any{"canFilterSymbologies": false, "X-namesSymbology": p.AimID,
		"symbologies": map[string]bool{"qrCode": true, "dataMatrix": true, "pdf417": true, "code128": true, "ean128": true, "code39": true, "code93": true, "ean13": true, "ean8": true, "upcA": true, "codabar": true, "itf": true}}}, nil
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
	d := &driver{p: p}
	d.Scanner = codeline.Scanner{
		Env: e, Tail: codeline.Tails[p.Tail], Again: ms(p.TriggerAgainMs), Gap: ms(p.GapMs), AimID: p.AimID,
		Stop: func(*serialport.Port) error { return d.write(zoneTrigger, 0) },
		Trigger: func(*serialport.Port) (early []byte, err error) {
			_, err = d.Talk.Exchange(command(opWrite, zoneTrigger, 1, d.p.SendCRC), answerAfter(&early))
			return early, err
		},
	}
	return d, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and makes the module wait for commands (until its power goes: nothing
// is saved to its flash).
func (d *driver) Open(context.Context) error {
	var err error
	if d.Talk, err = d.p.Open(d.Env); err != nil {
		return err
	}
	if err := d.Talk.Hold(4*d.Talk.Busy(), func(*serialport.Port) error { return d.arm() }); err != nil {
		return fmt.Errorf("scanner: %w", err)
	}
	d.Talk.Poll(func() { _ = d.arm() })
	return nil
}

// arm sees to it that the module scans by command only; the line is held.
func (d *driver) arm() error {
	data, err := d.Talk.Exchange(command(opRead, zoneMode, 1, d.p.SendCRC), readAnswer)
	if err != nil {
		return err
	}
	if len(data) != 1 || data[0]&modeMask == modeCommand {
		return nil
	}
	return d.write(zoneMode, data[0]&^modeMask|modeCommand)
}

func (d *driver) write(zone uint16, data byte) error {
	_, err := d.Talk.Exchange(command(opWrite, zone, data, d.p.SendCRC), readAnswer)
	return err
}

// Identity implements sdk.Driver; the sources disagree about where the module keeps it.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: an interrupted scan is ended.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	if err := d.Talk.Hold(d.Talk.Busy(), d.Stop); err != nil {
		return api.Recovery{}, fmt.Errorf("scanner: %w", err)
	}
	return api.Recovery{}, nil
}
