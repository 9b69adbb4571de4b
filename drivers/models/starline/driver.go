// Package starline drives receipt printers in Star's Line mode, with or without a presenter. The
// bytes and their sources are in README.md. Imported by drivers/models and tests.
package starline

import (
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/receipt"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "starline", Class: api.ClassPrinter, Maker: "Star", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		printer.CmdPrintReceipt: api.MovesMedia, printer.CmdPrintRaw: api.MovesMedia, printer.CmdControlMedia: api.MovesMedia, printer.CmdReset: api.MovesMedia,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud         int    `json:"baud"`
	Parity       string `json:"parity"`
	Columns      int    `json:"columns"`
	Presenter    bool   `json:"presenter"`
	ReplyMs      int    `json:"replyMs"`
	Retries      int    `json:"retries"`
	PollMs       int    `json:"pollMs"`
	JobMs        int    `json:"jobMs"`
	ResetMs      int    `json:"resetMs"`
	CutBytes     string `json:"cutBytes"`
	DropBytes    string `json:"dropBytes"`
	RetractBytes string `json:"retractBytes"`
	HoldBytes    string `json:"holdBytes"`
	ChineseBytes string `json:"chineseBytes"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	for k, v := range map[string]string{"cutBytes": p.CutBytes, "dropBytes": p.DropBytes, "retractBytes": p.RetractBytes, "holdBytes": p.HoldBytes, "chineseBytes": p.ChineseBytes} {
		if _, err := hex.DecodeString(v); err != nil {
			return nil, fmt.Errorf("profile: %s: %q is not hex", k, v)
		}
	}
	if p.Columns < 16 || p.Columns > 200 {
		return nil, errors.New("profile: columns: must be 16 to 200")
	}
	return &p, nil
}

// unhex decodes a profile value that readProfile has checked.
func unhex(s string) []byte {
	b, _ := hex.DecodeString(s)
	return b
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{"printer": map[string]any{
		"type": map[string]bool{"receipt": true}, "mediaTaken": p.Presenter, "paperSources": map[string]bool{"upper": true},
		"control": map[string]bool{"cut": true, "retract": p.Presenter, "flush": true}, "X-columns": p.Columns,
	}}, nil
}

type driver struct {
	receipt.Printer
	p  *profile
	in chan state
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{p: p, in: make(chan state, 16)}
	d.Setup(receipt.Options{
		Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Poll: ms(p.PollMs), Busy: 30*time.Second + ms(p.ResetMs) + time.Duration(2*p.Retries)*ms(p.ReplyMs),
		Hear: d.hear, Wake: d.settings,
		Look: func() (receipt.State, error) { s, err := d.look(); return s.State, err },
	})
	return d, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// hear takes the statuses that come.
func (d *driver) hear(come []byte) int {
	f, n := frame(come)
	if n > 0 && f != nil {
		select {
		case d.in <- decode(f):
		default:
		}
	}
	return n
}

// forget drops what has come already.
func (d *driver) forget() {
	for {
		select {
		case <-d.in:
			continue
		default:
			return
		}
	}
}

// look asks for the status in real time, under the line lock, and remembers it.
func (d *driver) look() (state, error) {
	d.forget()
	for range d.p.Retries + 1 {
		if err := d.Line.Write(statusNow); err != nil {
			return state{}, d.note(state{}, err)
		}
		select {
		case s := <-d.in:
			return s, d.note(s, nil)
		case <-d.Line.Stopped():
			return state{}, line.ErrSilent
		case <-time.After(ms(d.p.ReplyMs)):
		}
	}
	return state{}, d.note(state{}, line.ErrSilent)
}

func (d *driver) note(s state, err error) error { return d.Note(s.State, s.back, err) }

// settings are what a printer forgets without power.
func (d *driver) settings() []byte {
	out := append([]byte(nil), asbOff...)
	if d.p.Presenter {
		out = append(out, unhex(d.p.HoldBytes)...)
	}
	return out
}
