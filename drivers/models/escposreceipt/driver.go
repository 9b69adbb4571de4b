// Package escposreceipt drives ESC/POS receipt printers, with or without a presenter. The
// bytes and their sources are in README.md. Imported by drivers/models and tests.
package escposreceipt

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
	Name: "escposreceipt", Class: api.ClassPrinter, Maker: "ESC/POS", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		printer.CmdPrintReceipt: api.MovesMedia, printer.CmdPrintRaw: api.MovesMedia, printer.CmdControlMedia: api.MovesMedia, printer.CmdReset: api.MovesMedia,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud          int    `json:"baud"`
	Parity        string `json:"parity"`
	Columns       int    `json:"columns"`
	Presenter     bool   `json:"presenter"`
	ReplyMs       int    `json:"replyMs"`
	Retries       int    `json:"retries"`
	PollMs        int    `json:"pollMs"`
	JobMs         int    `json:"jobMs"`
	FeedBeforeCut int    `json:"feedBeforeCut"`
	CutBytes      string `json:"cutBytes"`
	EjectBytes    string `json:"ejectBytes"`
	RetractBytes  string `json:"retractBytes"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	for k, v := range map[string]string{"cutBytes": p.CutBytes, "ejectBytes": p.EjectBytes, "retractBytes": p.RetractBytes} {
		if _, err := hex.DecodeString(v); err != nil {
			return nil, fmt.Errorf("profile: %s: %q is not hex", k, v)
		}
	}
	if p.Columns < 16 || p.Columns > 200 {
		return nil, errors.New("profile: columns: must be 16 to 200")
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{"printer": map[string]any{
		"type": map[string]bool{"receipt": true}, "mediaTaken": p.Presenter, "paperSources": map[string]bool{"upper": true},
		"control": map[string]bool{"cut": true, "eject": p.Presenter, "retract": p.Presenter, "flush": true}, "X-columns": p.Columns,
	}}, nil
}

type driver struct {
	env  sdk.Env
	p    *profile
	line *line.Line // one exchange or job at a time
	in   map[kind]chan []byte

	mu     sync.Mutex
	online bool
	seen   state
	known  bool
	had    bool // a ticket lay at the exit
	sent   bool // the printer itself takes it away
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{env: e, p: p, in: map[kind]chan []byte{}}
	for _, k := range []kind{full, realtime, paper} {
		d.in[k] = make(chan []byte, 16)
	}
	return d, nil
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

// Identity implements sdk.Driver; the language has no serial number that all makers give.
func (d *driver) Identity() (string, string) { return "", "" }

func (d *driver) exclusive(job time.Duration) (release func()) {
	return d.line.Take(job + d.busy())
}

// busy is the longest that a question may take.
func (d *driver) busy() time.Duration {
	return 30*time.Second + time.Duration(4*d.p.Retries)*ms(d.p.ReplyMs)
}

// hear takes the answers apart by their kinds.
func (d *driver) hear(come []byte) int {
	k, n := classify(come)
	if ch := d.in[k]; n > 0 && ch != nil {
		select {
		case ch <- append([]byte(nil), come[:n]...):
		default:
		}
	}
	return n
}

// ask sends a real-time request and waits for its kind of answer.
func (d *driver) ask(k kind, cmd []byte) ([]byte, error) {
	for {
		select {
		case <-d.in[k]:
			continue
		default:
		}
		break
	}
	for range d.p.Retries + 1 {
		if err := d.line.Write(cmd); err != nil {
			return nil, err
		}
		select {
		case b := <-d.in[k]:
			return b, nil
		case <-d.line.Stopped():
			return nil, line.ErrSilent
		case <-time.After(ms(d.p.ReplyMs)):
		}
	}
	return nil, line.ErrSilent
}

// look asks for the status, under the line lock, and remembers it.
func (d *driver) look() (state, error) {
	var s state
	var err error
	if d.p.Presenter {
		var b []byte
		if b, err = d.ask(full, fullStatus); err == nil {
			s = fromFull(b)
		}
	} else {
		var a [3]byte
		for i, n := range []byte{2, 3, 4} {
			var b []byte
			if b, err = d.ask(realtime, []byte{0x10, 0x04, n}); err != nil {
				break
			}
			a[i] = b[0]
		}
		s = fromRealtime(a[0], a[1], a[2])
	}
	d.mu.Lock()
	was := d.online
	d.online = err == nil
	var taken, low bool
	if err == nil {
		taken = d.had && !s.Exit && !d.sent
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
		err = d.line.Write(asbOn)
	}
	return s, err
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
