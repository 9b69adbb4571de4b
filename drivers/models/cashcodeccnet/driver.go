// Package cashcodeccnet drives note validators that speak CCNET (CashCode, Creator). The bytes
// and their sources are in README.md. Imported by drivers/models and tests.
//
// The rule of this package: a result (stacked, returned) is in the book and on the disk before
// it is acknowledged, and it is finished there only when the device has stopped repeating it.
package cashcodeccnet

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/cashbook"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/record"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "cashcodeccnet", Class: api.ClassCashAcceptor, Maker: "CashCode", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		cash.CmdCashInStart: api.MovesCash, cash.CmdCashIn: api.TakesCash, cash.CmdCashInEnd: api.MovesCash, cash.CmdCashInRollback: api.MovesCash,
		cash.CmdConfigureNoteTypes: api.Wait, cash.CmdReset: api.MovesCash,
	},
	Capabilities: func(e sdk.Env) (map[string]any, error) {
		p, err := readProfile(e)
		if err != nil {
			return nil, err
		}
		return map[string]any{
			"cashAcceptor": map[string]any{
				"type": "selfServiceBill", "maxCashInItems": 1, "shutter": false, "shutterControl": false, "intermediateStacker": p.Escrow,
				"X-escrow": p.Escrow, "itemsTakenSensor": false, "itemsInsertedSensor": true,
				"positions": []any{
					map[string]any{"position": "inDefault", "usage": map[string]bool{"in": true}, "itemsInsertedSensor": true},
					map[string]any{"position": "outDefault", "usage": map[string]bool{"refuse": true, "rollback": true}},
				},
			},
			"cashManagement": map[string]any{"cashBox": true},
		}, nil
	},
	New: newDriver,
}

type profile struct {
	Baud       int `json:"baud"`
	Address    int `json:"address"`
	Escrow     int `json:"escrow"`
	ReplyMs    int `json:"replyMs"`
	Retries    int `json:"retries"`
	PollMs     int `json:"pollMs"`
	WorkPollMs int `json:"workPollMs"`
	StackMs    int `json:"stackMs"`
	ResetMs    int `json:"resetMs"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.Escrow != 0 && p.Escrow != 1 {
		return nil, errors.New("profile: escrow: must be 0 or 1")
	}
	if p.Address < 1 || p.Address > 255 {
		return nil, errors.New("profile: address: must be 1 to 255")
	}
	return &p, nil
}

type driver struct {
	env   sdk.Env
	p     *profile
	line  *line.Line // held while frames are exchanged; guards port, book, bills, live, last
	book  cashbook.Book
	path  string
	bills table
	live  bool
	last  []byte // the state that the last poll gave

	mu               sync.Mutex // guards what Status and Identity answer from
	known, online    bool
	state            byte
	firmware, serial string
	transaction      cash.CashInStatus
	escrow           bool
	types            map[string]cash.NoteType
	unsettled        bool
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{env: e, p: p, path: filepath.Join(e.StateDir, "cashin.json")}
	return d, record.Load(d.path, &d.book)
}

// Open opens the port only; Recover talks to the device.
func (d *driver) Open(context.Context) error {
	var err error
	if d.line, err = line.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud}, d.env.Heart); err != nil {
		return err
	}
	d.line.Poll(d.env.Go, line.Every(ms(d.p.PollMs)), 60*time.Second, d.watch)
	return nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.line.Close() }

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, d.serial
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// exclusive takes the line; the watchdog is told how long it may take at most.
func (d *driver) exclusive(limit time.Duration) (release func()) {
	return d.line.Take(limit + 30*time.Second)
}

// watch looks between commands; Recover speaks first.
func (d *driver) watch() {
	d.mu.Lock()
	known := d.known
	d.mu.Unlock()
	if !known {
		return // Recover speaks first
	}
	_ = d.tick()
}

// tick looks at the device and holds the note in escrow.
func (d *driver) tick() error {
	if !d.live {
		return d.connect()
	}
	if err := d.look(); err != nil {
		return err
	}
	if c := d.book.Current; c != nil && c.Stage == cashbook.Held {
		_, err := d.ask(cmdHold)
		return err
	}
	return nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, word := api.Offline, map[bool]string{true: "notEmpty", false: "empty"}
	st := cash.AcceptorStatus{IntermediateStacker: "unknown", StackerItems: "accessUnknown", Transport: "unknown",
		Units: map[string]cash.UnitStatus{cash.BoxUnit: {State: "inoperative"}}, NoteTypes: d.types, CashIn: d.transaction}
	pos := cash.Position{Position: "inDefault", PositionStatus: "unknown", Transport: "unknown"}
	if d.online {
		dev, st.Transport, pos.Transport = api.Online, "empty", "ok"
		st.IntermediateStacker, st.StackerItems = word[d.escrow], "noItems"
		if d.escrow {
			st.StackerItems = "noCustomerAccess"
		}
		box := "ok"
		switch d.state {
		case stFull:
			box = "full"
		case stBoxOut:
			box = "missing"
		case stJam, stStackerJam, stBillInside, stBillStacker:
			st.Transport, pos.Transport, dev = "notEmpty", "inoperative", api.StateHardwareError
		case stFailure:
			dev = api.StateHardwareError
		}
		st.Units[cash.BoxUnit] = cash.UnitStatus{State: box}
	}
	out := pos
	out.Position = "outDefault"
	st.Positions = []cash.Position{pos, out}
	return map[string]any{"common": map[string]any{"device": dev, "X-unsettled": d.unsettled}, "cashAcceptor": st}
}

// publish copies what Status may show.
func (d *driver) publish() {
	c := d.book.Current
	in := cash.CashInStatus{Status: d.book.Status, Deposited: d.book.Notes.Clone()}
	types := d.book.NoteTypes()
	open := c != nil && c.Stage == cashbook.Leaving && !d.live
	in.Unknown = in.Unknown || open
	d.mu.Lock()
	d.transaction, d.types, d.escrow, d.unsettled = in, types, c != nil && c.Stage != cashbook.Credited, open
	d.online = d.live
	if len(d.last) > 0 {
		d.state = d.last[0]
	}
	d.mu.Unlock()
	d.env.StatusChanged()
}

func (d *driver) save() error { return record.Save(d.path, &d.book) }

// learn asks for identity and bill table.
func (d *driver) learn() error {
	if err := d.line.Present(); err != nil {
		return err
	}
	id, err := d.ask(cmdIdent)
	if err != nil {
		return err
	}
	if len(id) < 27 {
		return fmt.Errorf("%w: identification of %d bytes", errLayout, len(id))
	}
	raw, err := d.ask(cmdTable)
	if err != nil {
		return err
	}
	if d.bills, err = parseTable(raw); err != nil {
		return err
	}
	d.book.Types = d.bills.types
	d.mu.Lock()
	d.firmware, d.serial = strings.TrimSpace(string(id[:15])), strings.TrimSpace(string(id[15:27]))
	d.mu.Unlock()
	return nil
}
