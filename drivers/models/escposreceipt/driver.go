// Package escposreceipt drives ESC/POS receipt printers, with or without a presenter. The
// bytes and their sources are in README.md. Imported by drivers/models and tests.
package escposreceipt

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
	receipt.Printer
	p  *profile
	in map[kind]chan []byte
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{p: p, in: map[kind]chan []byte{}}
	for _, k := range []kind{full, realtime, paper} {
		d.in[k] = make(chan []byte, 16)
	}
	d.Setup(receipt.Options{
		Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Poll: ms(p.PollMs), Busy: 30*time.Second + time.Duration(4*p.Retries)*ms(p.ReplyMs),
		Hear: d.hear, Wake: func() []byte { return asbOn }, Look: d.look,
	})
	return d, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

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
	d.forget(k)
	for range d.p.Retries + 1 {
		if err := d.Line.Write(cmd); err != nil {
			return nil, err
		}
		select {
		case b := <-d.in[k]:
			return b, nil
		case <-d.Line.Stopped():
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
	return s, d.Note(s, false, err)
}

// forget drops the answers of a kind that have come already.
func (d *driver) forget(k kind) {
	for {
		select {
		case <-d.in[k]:
			continue
		default:
			return
		}
	}
}
