// Package starline drives receipt printers in Star's Line mode, with or without a presenter. The
// bytes and their sources are in README.md. Imported by drivers/models and tests.
package starline

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/line"
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
	env  sdk.Env
	p    *profile
	line *line.Line // one exchange or job at a time
	in   chan state

	mu     sync.Mutex
	online bool
	seen   state
	known  bool
	had    bool // a ticket lay at the exit
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, in: make(chan state, 16)}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and asks for the status. It prints nothing.
func (d *driver) Open(context.Context) error {
	var err error
	if d.line, err = line.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, Parity: d.p.Parity}, d.env.Heart); err != nil {
		return err
	}
	d.line.Listen(d.env.Go, true, d.hear)
	defer d.exclusive(0)()
	if _, err := d.look(); err != nil {
		return fmt.Errorf("printer: %w", err)
	}
	d.line.Poll(d.env.Go, line.Every(ms(d.p.PollMs)), d.busy(), func() { _, _ = d.look() })
	return nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.line.Close() }

// Identity implements sdk.Driver; Line mode has no question for a serial number.
func (d *driver) Identity() (string, string) { return "", "" }

func (d *driver) exclusive(job time.Duration) (release func()) {
	return d.line.Take(job + d.busy())
}

// busy is the longest that a question may take.
func (d *driver) busy() time.Duration {
	return 30*time.Second + ms(d.p.ResetMs) + time.Duration(2*d.p.Retries)*ms(d.p.ReplyMs)
}

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
		if err := d.line.Write(statusNow); err != nil {
			return state{}, d.note(state{}, err)
		}
		select {
		case s := <-d.in:
			return s, d.note(s, nil)
		case <-d.line.Stopped():
			return state{}, line.ErrSilent
		case <-time.After(ms(d.p.ReplyMs)):
		}
	}
	return state{}, d.note(state{}, line.ErrSilent)
}

// note remembers a status, or that there is none, and tells what changed. A printer that was
// away gets its settings again.
func (d *driver) note(s state, err error) error {
	d.mu.Lock()
	was := d.online
	d.online = err == nil
	var taken, low bool
	if err == nil {
		taken = d.had && !s.Exit && !s.back
		low = d.known && (s.Near && !d.seen.Near || s.End && !d.seen.End)
		d.seen, d.known, d.had = s, true, s.Exit
	}
	d.mu.Unlock()
	d.env.StatusChanged()
	if taken {
		d.env.Event(printer.EvMediaTaken, nil)
	}
	if low {
		d.env.Event(printer.EvPaperThreshold, map[string]string{"paperSource": "upper", "threshold": s.Roll()})
	}
	if err == nil && !was {
		err = d.line.Write(d.settings())
	}
	return err
}

// settings are what a printer forgets without power.
func (d *driver) settings() []byte {
	out := append([]byte(nil), asbOff...)
	if d.p.Presenter {
		out = append(out, unhex(d.p.HoldBytes)...)
	}
	return out
}

// Recover says whether a ticket lies at the exit.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive(0)()
	s, err := d.look()
	if err != nil {
		return api.Recovery{}, fmt.Errorf("printer: %w", err)
	}
	return s.Recovery(), nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen.Status(d.online)
}
