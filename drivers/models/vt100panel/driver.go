// Package vt100panel drives an operator's panel behind the counter: display and keypad of the
// VT100 family on a serial line. The bytes and their sources are in README.md. Imported by
// drivers/models and tests.
package vt100panel

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	tt "zhigui/drivers/api/textterminal"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "vt100panel", Class: api.ClassTextTerminal, Maker: "any", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		tt.CmdBeep: api.Wait, tt.CmdClearScreen: api.Wait, tt.CmdDefineKeys: api.Wait, tt.CmdGetKeyDetail: api.Still,
		tt.CmdRead: api.Wait, tt.CmdReset: api.Wait, tt.CmdSetResolution: api.Wait, tt.CmdWrite: api.Wait,
	},
	Capabilities: func(e sdk.Env) (map[string]any, error) {
		p, err := readProfile(e)
		if err != nil {
			return nil, err
		}
		return map[string]any{"textTerminal": map[string]any{"type": "fixed", "resolutions": []map[string]int{{"sizeX": p.Cols, "sizeY": p.Rows}},
			"keyLock": false, "cursor": p.Cursor, "forms": false}}, nil
	},
	New: func(e sdk.Env) (sdk.Driver, error) {
		p, err := readProfile(e)
		if err != nil {
			return nil, err
		}
		return &driver{env: e, p: p}, nil
	},
}

type profile struct {
	dialog.Profile
	Rows       int               `json:"rows"`
	Cols       int               `json:"cols"`
	Cursor     bool              `json:"cursor"`
	Characters string            `json:"characters"`
	Keys       map[string]string `json:"keys"`

	pad keypad
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.Rows < 1 || p.Rows > 132 || p.Cols < 1 || p.Cols > 132 || p.ReplyMs <= 0 || p.PollMs <= 0 {
		return nil, errors.New("profile: rows and cols must be 1 to 132, times above zero")
	}
	var err error
	p.pad, err = newKeypad(p.Characters, p.Keys)
	return &p, err
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

type driver struct {
	env  sdk.Env
	p    *profile
	talk *dialog.Dialog

	mu      sync.Mutex
	x, y    int  // the cursor, from the upper left corner
	broken  bool // it reports a malfunction
	reading bool
	keys    tt.Keys // of DefineKeys
}

// Open implements sdk.Driver.
func (d *driver) Open(context.Context) error {
	var err error
	if d.talk, err = d.p.Open(d.env); err != nil {
		return err
	}
	if err := d.show(attributes(nil)); err != nil {
		return fmt.Errorf("operator panel: %w", err)
	}
	d.talk.Poll(func() { _, _ = d.talk.Exchange([]byte(askStatus), d.report) })
	return nil
}

// show sends what may be sent twice, and waits until the panel has drawn it: its report comes
// after everything before.
func (d *driver) show(text string) error {
	_, err := d.talk.Ask([]byte(text+askStatus), d.report)
	return err
}

// report reads to the status report; keys that nobody waits for are passed over.
func (d *driver) report(next dialog.Next) ([]byte, error) {
	for {
		t, err := readToken(next)
		if err != nil {
			return nil, err
		}
		if t.kind == gotReport {
			d.told(t)
			return nil, nil
		}
	}
}

// told takes the panel's word on itself.
func (d *driver) told(t token) {
	d.mu.Lock()
	changed := d.broken == t.ok
	d.broken = !t.ok
	d.mu.Unlock()
	if changed {
		d.env.StatusChanged()
	}
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.talk.Close() }

// Identity implements sdk.Driver; the family has none.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: nothing can be left open.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	if err := d.show(attributes(nil)); err != nil {
		return api.Recovery{}, fmt.Errorf("operator panel: %w", err)
	}
	return api.Recovery{}, nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, keyboard := api.Offline, "off"
	if d.talk.Online() {
		dev = api.Online
		if d.broken {
			dev = api.StateHardwareError
		}
	}
	if d.reading {
		keyboard = "on"
	}
	return map[string]any{"common": map[string]any{"device": dev},
		"textTerminal": tt.Status{Keyboard: keyboard, KeyLock: "off", DisplaySizeX: d.p.Cols, DisplaySizeY: d.p.Rows}}
}
