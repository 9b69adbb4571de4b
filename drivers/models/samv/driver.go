// Package samv drives readers of Chinese resident identity cards with the Ministry's SAM_V
// module (SDT protocol). The bytes and their sources are in README.md. Imported by
// drivers/models and tests.
//
// What a card holds is personal: it is in the completion of a read and nowhere else, not in
// a log, an error, an event or on a disk.
package samv

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/idcard"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue. Read is a Wait and so is not journalled: no
// card data reach the journal.
var Model = sdk.Model{
	Name: "samv", Class: api.ClassIDCard, Maker: "SDT", Version: "1.0.0", Profile: profileYAML,
	Commands:     map[string]api.Motion{idcard.CmdRead: api.Wait, idcard.CmdReset: api.Wait},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	dialog.Profile
	ReadReplyMs int  `json:"readReplyMs"`
	FindMs      int  `json:"findMs"`
	ReadTries   int  `json:"readTries"`
	CheckNumber bool `json:"checkNumber"`
	AskModule   bool `json:"askModule"`
}

func capabilities(sdk.Env) (map[string]any, error) {
	return map[string]any{"X-idCard": map[string]any{"photo": "wlt", "fingerprint": true, "cards": map[string]bool{"resident": true}}}, nil
}

type driver struct {
	env  sdk.Env
	p    profile
	talk *dialog.Dialog

	mu     sync.Mutex
	module string
	broken status // what the module says about itself, swOK if all is well
	card   bool   // being read
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	d := &driver{env: e, broken: swOK}
	if err := e.Profile(&d.p); err != nil {
		return nil, err
	}
	if d.p.FindMs < 10 || d.p.ReadTries < 1 {
		return nil, errors.New("profile: findMs must be 10 or more, readTries 1 or more")
	}
	return d, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and asks the module how it is.
func (d *driver) Open(context.Context) error {
	var err error
	if d.talk, err = d.p.Open(d.env); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return fmt.Errorf("identity card reader: %w", err)
	}
	if d.p.AskModule {
		if data, err := d.ask(cmdModule, 0); err == nil {
			d.mu.Lock()
			d.module = moduleID(data)
			d.mu.Unlock()
		}
	}
	d.talk.Poll(func() { _ = d.heldCheck() })
	return nil
}

func (d *driver) check() error {
	return d.talk.Hold(d.talk.Busy(), func(*serialport.Port) error { return d.heldCheck() })
}

// heldCheck asks for the module's state; an answer of any kind is an answer.
func (d *driver) heldCheck() error {
	a, err := d.talk.Exchange(frame(cmdStatus), readAnswer)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.broken = status(a[0])
	d.mu.Unlock()
	d.env.StatusChanged()
	return nil
}

// ask exchanges one command and gives its data; a SW3 that is not ok is a status error.
func (d *driver) ask(cmd []byte, reply time.Duration) (data []byte, err error) {
	if reply == 0 {
		reply = ms(d.p.ReplyMs)
	}
	limit := d.talk.Busy() + time.Duration(d.p.Retries+1)*reply
	err = d.talk.Hold(limit, func(*serialport.Port) error {
		a, err := d.talk.ExchangeFor(reply, frame(cmd), readAnswer)
		if err != nil {
			return err
		}
		if a[0] != swOK && a[0] != swFound {
			return status(a[0])
		}
		data = a[1:]
		return nil
	})
	return data, err
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.talk.Close() }

// Identity implements sdk.Driver: the module's number is the reader's.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return "", d.module
}

// Recover implements sdk.Driver: nothing moves and nothing is kept.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	if err := d.check(); err != nil {
		return api.Recovery{}, fmt.Errorf("identity card reader: %w", err)
	}
	return api.Recovery{}, nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	online := d.talk.Online()
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, media := api.Offline, "unknown"
	if online {
		dev, media = api.Online, "notPresent"
		if d.broken != swOK {
			dev = api.StateHardwareError
		}
		if d.card {
			media = "present"
		}
	}
	return map[string]any{"common": map[string]any{"device": dev}, "X-idCard": idcard.Status{Media: media}}
}
