// Package epsonescp drives page printers that speak Epson's ESC/P with its Chinese commands: A4
// statements. The bytes and their sources are in README.md. Imported by drivers/models and tests.
//
// The language cannot drop what the printer has taken, so a job that did not end is in the way of
// the next one until the printer says that it has ended.
package epsonescp

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
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
	Name: "epsonescp", Class: api.ClassPrinter, Maker: "Epson", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		printer.CmdPrintPage: api.MovesMedia, printer.CmdPrintReceipt: api.MovesMedia, printer.CmdPrintRaw: api.MovesMedia,
		printer.CmdControlMedia: api.MovesMedia, printer.CmdReset: api.MovesMedia,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud       int               `json:"baud"`
	Parity     string            `json:"parity"`
	ReplyMs    int               `json:"replyMs"`
	SilentMs   int               `json:"silentMs"`
	Retries    int               `json:"retries"`
	PollMs     int               `json:"pollMs"`
	JobMs      int               `json:"jobMs"`
	PageLength int               `json:"pageLength"`
	PageWidth  int               `json:"pageWidth"`
	Bottom     int               `json:"bottom"`
	Columns    int               `json:"columns"`
	ChineseOn  string            `json:"chineseOn"`
	ChineseOff string            `json:"chineseOff"`
	Pitch      string            `json:"pitch"`
	Eject      string            `json:"eject"`
	Clear      string            `json:"clear"`
	Errors     map[string]string `json:"errors"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	for k, v := range map[string]string{"chineseOn": p.ChineseOn, "chineseOff": p.ChineseOff, "pitch": p.Pitch, "eject": p.Eject, "clear": p.Clear} {
		if _, err := hex.DecodeString(v); err != nil {
			return nil, fmt.Errorf("profile: %s: %q is not hex", k, v)
		}
	}
	if p.PageLength < 360 || p.PageLength > 22*360 || p.PageWidth < 60 || p.Bottom < 0 || p.Bottom >= p.PageLength-lineUnits {
		return nil, errors.New("profile: pageLength must be 1 to 22 inches, pageWidth 1 inch at least, bottom less than the page")
	}
	if p.Columns < 16 || p.Columns*colUnits > p.PageWidth*unit/60 {
		return nil, errors.New("profile: columns: must be 16 or more and fit the page")
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
		"type": map[string]bool{"document": true}, "mediaTaken": false, "paperSources": map[string]bool{"upper": true},
		"control": map[string]bool{"eject": true, "flush": true}, "X-columns": p.Columns,
	}}, nil
}

type driver struct {
	env  sdk.Env
	p    *profile
	line *line.Line // one exchange or job at a time
	in   chan message

	y     int  // where the page goes on, in units; under the line lock
	dirty bool // a sheet may lie in the path, nobody knows how far; under the line lock
	jobs  int  // for the numbers of the echoes, not those of a driver before; under the line lock

	mu     sync.Mutex
	online bool
	heard  time.Time
	seen   message
	owed   string // the echo that has not come yet
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, in: make(chan message, 64), dirty: true, jobs: rand.IntN(0x10000)}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and asks for the state. It prints nothing.
func (d *driver) Open(context.Context) error {
	var err error
	if d.line, err = line.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, Parity: d.p.Parity}, d.env.Heart); err != nil {
		return err
	}
	d.line.Listen(d.env.Go, false, func(come []byte) int {
		m, ok, n := answer(come)
		if n > 0 && ok {
			d.note(m)
		}
		return n
	})
	defer d.exclusive(0)()
	if _, err := d.look(); err != nil {
		return fmt.Errorf("printer: %w", err)
	}
	d.line.Poll(d.env.Go, line.Every(ms(d.p.PollMs)), d.busy(), d.remind)
	return nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.line.Close() }

// Identity implements sdk.Driver; the language has no serial number.
func (d *driver) Identity() (string, string) { return "", "" }

func (d *driver) exclusive(job time.Duration) (release func()) {
	return d.line.Take(job + d.busy())
}

// busy is the longest that a question may take.
func (d *driver) busy() time.Duration {
	return 30*time.Second + time.Duration(2+2*d.p.Retries)*ms(d.p.ReplyMs)
}

// note remembers what the printer has told and hands it on. A printer that was away has lost
// what was in it.
func (d *driver) note(m message) {
	d.mu.Lock()
	d.heard = time.Now()
	changed, low := false, false
	if m.state != "" {
		changed = !d.online || d.seen != m
		low = d.fault(m.err) == "paper-end" && d.fault(d.seen.err) != "paper-end" && d.seen.state != ""
		if !d.online {
			d.owed = ""
		}
		d.online, d.seen = true, m
	}
	if m.echo != "" && m.echo == d.owed {
		d.owed = ""
	}
	d.mu.Unlock()
	select {
	case d.in <- m:
	default:
	}
	if changed {
		d.env.StatusChanged()
	}
	if low {
		d.env.Event(printer.EvPaperThreshold, map[string]string{"paperSource": "upper", "threshold": "out"})
	}
}

// fault is the profile's word for an error code.
func (d *driver) fault(code string) string {
	for word, c := range d.p.Errors {
		if c == code {
			return word
		}
	}
	return ""
}

// look asks for the state, under the line lock, and waits until the printer tells it: one that
// stands does not take the question, but goes on telling by itself.
func (d *driver) look() (message, error) {
	d.forget()
	for range d.p.Retries + 1 {
		if err := d.line.Write(tellState); err != nil {
			return message{}, d.lost(err)
		}
		end := time.After(ms(d.p.ReplyMs))
		for waiting := true; waiting; {
			select {
			case m := <-d.in:
				if m.state != "" {
					return m, nil
				}
			case <-d.line.Stopped():
				return message{}, line.ErrSilent
			case <-end:
				waiting = false
			}
		}
	}
	return message{}, d.lost(line.ErrSilent)
}

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

// lost marks the printer as off line.
func (d *driver) lost(err error) error {
	d.mu.Lock()
	was := d.online
	d.online = false
	d.mu.Unlock()
	if was {
		d.env.StatusChanged()
	}
	return err
}

// remind asks a printer that has become silent, and gives it up at last.
func (d *driver) remind() {
	d.mu.Lock()
	quiet := time.Since(d.heard)
	d.mu.Unlock()
	if quiet < ms(d.p.ReplyMs) {
		return
	}
	if err := d.line.Write(tellState); err != nil || quiet > ms(d.p.SilentMs) {
		_ = d.lost(line.ErrSilent)
	}
}

// Recover implements sdk.Driver. An interrupted job stays indeterminate: the printer does not
// know how much of it is on the paper.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive(0)()
	if _, err := d.look(); err != nil {
		return api.Recovery{}, fmt.Errorf("printer: %w", err)
	}
	return api.Recovery{}, nil
}

// Status implements sdk.Driver. Nothing tells whether a sheet lies in the tray.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := api.Offline
	st := printer.Status{Media: "unknown", Paper: map[string]string{"upper": "unknown"}, Cover: "unknown"}
	if d.online {
		dev = api.Online
		st.Paper["upper"], st.Cover = "full", "closed"
		switch word := d.fault(d.seen.err); {
		case d.seen.state != inError:
		case word == "paper-end":
			st.Paper["upper"] = "out"
		case word == "cover":
			st.Cover = "open"
		case word == "jam":
			dev, st.Media, st.Paper["upper"] = api.StateHardwareError, "jammed", "jammed"
		default:
			dev = api.StateHardwareError
		}
	}
	return map[string]any{"common": map[string]any{"device": dev}, "printer": st}
}
