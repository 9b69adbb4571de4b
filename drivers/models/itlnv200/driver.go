// Package itlnv200 drives ITL note validators of the NV200 class over SSP and eSSP, with or
// without a SMART Payout. The bytes and their sources are in README.md. Imported by
// drivers/models and tests.
//
// The rule of this package: a poll accepts the note in escrow. While a note is held the
// driver sends HOLD and nothing else, unless a command has ordered the note's acceptance and
// the journal and the book have it.
package itlnv200

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/cashbook"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "itlnv200", Class: api.ClassCashAcceptor, Maker: "ITL", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		cash.CmdCashInStart: api.MovesCash, cash.CmdCashIn: api.TakesCash, cash.CmdCashInEnd: api.MovesCash, cash.CmdCashInRollback: api.MovesCash,
		cash.CmdConfigureNoteTypes: api.Wait, cash.CmdReset: api.MovesCash, cash.CmdDispense: api.MovesCash, cash.CmdEmpty: api.MovesCash,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud            int    `json:"baud"`
	TwoStopBits     bool   `json:"twoStopBits"`
	Address         int    `json:"address"`
	SeqAfterSync    string `json:"seqAfterSync"`
	ProtocolVersion int    `json:"protocolVersion"`
	ESSP            bool   `json:"essp"`
	FixedKey        string `json:"fixedKey"`
	Payout          bool   `json:"payout"`
	Escrow          int    `json:"escrow"`
	FraudCarries    string `json:"fraudCarries"`
	ReplyMs         int    `json:"replyMs"`
	Retries         int    `json:"retries"`
	PollMs          int    `json:"pollMs"`
	WorkPollMs      int    `json:"workPollMs"`
	SettleMs        int    `json:"settleMs"`
	StackMs         int    `json:"stackMs"`
	ResetMs         int    `json:"resetMs"`
	PerNoteMs       int    `json:"perNoteMs"`
	LevelsMs        int    `json:"levelsMs"`

	fixed uint64
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	var err error
	if p.fixed, err = strconv.ParseUint(p.FixedKey, 16, 64); err != nil {
		return nil, errors.New("profile: fixedKey: must be 16 hexadecimal digits") // the value is a secret
	}
	switch {
	case p.SeqAfterSync != "00" && p.SeqAfterSync != "80":
		return nil, fmt.Errorf("profile: seqAfterSync: %q is neither 00 nor 80", p.SeqAfterSync)
	case p.Escrow != 0 && p.Escrow != 1:
		return nil, errors.New("profile: escrow: must be 0 or 1")
	case p.ProtocolVersion < 6 || p.ProtocolVersion > 8:
		return nil, errors.New("profile: protocolVersion: must be 6 to 8")
	case p.Address < 0 || p.Address > 0x7D:
		return nil, errors.New("profile: address: must be 0 to 125")
	case p.FraudCarries != "channel" && p.FraudCarries != "amounts":
		return nil, fmt.Errorf("profile: fraudCarries: %q is neither channel nor amounts", p.FraudCarries)
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	out := map[string]any{
		"cashAcceptor": map[string]any{
			"type": "selfServiceBill", "maxCashInItems": 1, "shutter": false, "shutterControl": false, "intermediateStacker": p.Escrow,
			"X-escrow": p.Escrow, "itemsTakenSensor": false, "itemsInsertedSensor": true,
			"positions": []any{
				map[string]any{"position": "inDefault", "usage": map[string]bool{"in": true}, "itemsInsertedSensor": true},
				map[string]any{"position": "outDefault", "usage": map[string]bool{"refuse": true, "rollback": true}},
			},
		},
		"cashManagement": map[string]any{"cashBox": true},
	}
	if p.Payout {
		out["cashDispenser"] = map[string]any{
			"type": "selfServiceBill", "intermediateStacker": false, "itemsTakenSensor": true, "positions": map[string]bool{"front": true},
			"shutterControl": false,
		}
	}
	return out, nil
}

type driver struct {
	env  sdk.Env
	p    *profile
	line *line.Line // held while packets are exchanged; guards link, book, dataset and live
	link link
	book *book
	set  dataset
	// routes are where the device has been told to send each note type since it was connected.
	routes map[string]byte
	// counted is when the levels were read; zero: they are not those of now.
	counted time.Time
	moving  bool // a payout is being followed
	come    int  // notes of the payout under way that have come to the bezel
	live    bool // connected: sequence and keys agreed
	dirty   bool // the book differs from its file
	reset   bool // the device said that it was reset

	mu    sync.Mutex // guards what Status and Identity answer from
	known bool       // Recover has spoken with the device
	now   seen
	snap  snapshot
}

// seen is what the last poll said that lasts.
type seen struct {
	online, full, boxOut, disabled, bezel, paying bool
	paid                                          int64 // of the payout under way, as the device says
	jam                                           byte
}

// snapshot is a copy of what the line's owner knows.
type snapshot struct {
	firmware, serial string
	cashIn           cash.CashInStatus
	escrow           bool
	types            map[string]cash.NoteType
	levels           map[string]int
	unsettled        bool
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	b, err := openBook(e.StateDir)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, book: b}, nil
}

// Open opens the port only; Recover talks to the device, HOLD first.
func (d *driver) Open(context.Context) error {
	var err error
	if d.line, err = line.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, TwoStop: d.p.TwoStopBits}, d.env.Heart); err != nil {
		return err
	}
	d.link = link{port: d.line.Port, p: d.p}
	d.line.Poll(d.env.Go, line.Every(ms(d.p.PollMs)), ms(d.p.SettleMs)+60*time.Second, d.watch)
	return nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.line.Close() }

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snap.firmware, d.snap.serial
}

// exclusive takes the line; the watchdog is told how long it may take at most.
func (d *driver) exclusive(limit time.Duration) (release func()) {
	return d.line.Take(limit + 30*time.Second)
}

// watch keeps the status true, holds a note in escrow and finds the device again.
func (d *driver) watch() {
	d.mu.Lock()
	known := d.known
	d.mu.Unlock()
	if !known {
		return // Recover speaks first
	}
	if err := d.tick(); err != nil && !errors.Is(err, errSilent) {
		d.env.Log.Debug("poll", "error", err)
	}
}

// tick is one look at the device outside of a command. A held note is held on, not polled.
func (d *driver) tick() error {
	if !d.live {
		return d.connect()
	}
	if c := d.book.Current; c != nil && c.Stage == cashbook.Held {
		_, err := d.link.exchange(cmdHold)
		if err == nil {
			return nil
		}
		if !cannot(err) { // it is not in escrow any more: the poll says why and accepts nothing
			d.lost(err)
			return err
		}
	}
	if _, err := d.look(); err != nil {
		return err
	}
	if d.reset {
		return d.connect()
	}
	if d.p.Payout && d.book.Current == nil && time.Since(d.counted) > ms(d.p.LevelsMs) {
		d.mu.Lock()
		was := d.snap.levels
		d.mu.Unlock()
		if now := d.levels(); now != nil && (was == nil || !maps.Equal(was, now)) {
			d.publish()
		}
	}
	return nil
}

// lost notes that the device did not answer as it should.
func (d *driver) lost(err error) {
	if !answered(err) {
		d.live = false
		d.mu.Lock()
		d.now.online = false
		d.mu.Unlock()
	}
	d.publish()
}

// publish copies what others may see.
func (d *driver) publish() {
	c := d.book.Current
	s := snapshot{cashIn: cash.CashInStatus{Status: d.book.Status, Deposited: d.book.Notes.Clone()}, escrow: c != nil && c.Stage != cashbook.Credited, types: d.book.NoteTypes()}
	s.unsettled = c != nil && c.Stage != cashbook.Held && !d.live || d.book.Pay != nil && !d.live
	s.cashIn.Unknown = s.cashIn.Unknown || s.unsettled && d.book.Pay == nil
	d.mu.Lock()
	s.firmware, s.serial = d.snap.firmware, d.snap.serial
	if d.live && !d.counted.IsZero() && !d.moving {
		s.levels = d.snap.levels
	}
	d.snap = s
	d.mu.Unlock()
	d.env.StatusChanged()
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, word := api.Offline, map[bool]string{true: "notEmpty", false: "empty"}
	st := cash.AcceptorStatus{IntermediateStacker: "unknown", StackerItems: "accessUnknown", Transport: "unknown",
		Units: map[string]cash.UnitStatus{cash.BoxUnit: {State: "inoperative"}}, NoteTypes: d.snap.types, CashIn: d.snap.cashIn}
	in, out := cash.Position{Position: "inDefault", PositionStatus: "unknown", Transport: "unknown"}, cash.Position{Position: "outDefault", PositionStatus: "unknown", Transport: "unknown"}
	if d.now.online {
		dev = api.Online
		box := "ok"
		switch {
		case d.now.boxOut:
			box = "missing"
		case d.now.full:
			box = "full"
		}
		st.Units[cash.BoxUnit] = cash.UnitStatus{State: box}
		st.IntermediateStacker, st.StackerItems = word[d.snap.escrow], "noItems"
		if d.snap.escrow {
			st.StackerItems = "noCustomerAccess"
		}
		st.Transport, in.Transport, in.PositionStatus, out.Transport, out.PositionStatus = "empty", "ok", "unknown", "ok", word[d.now.bezel]
		if d.now.jam != 0 {
			st.Transport, in.Transport, out.Transport, dev = "notEmpty", "inoperative", "inoperative", api.StateHardwareError
		}
	}
	if d.p.Payout {
		if d.snap.levels != nil {
			st.Levels = map[string]int{}
		}
		for id := range d.snap.types {
			state := "ok"
			n, known := d.snap.levels[id]
			if known {
				st.Levels[cash.RecycleUnit(id)] = n
			}
			switch {
			case !d.now.online:
				state = "inoperative"
			case known && n == 0:
				state = "empty"
			}
			st.Units[cash.RecycleUnit(id)] = cash.UnitStatus{State: state}
		}
	}
	st.Positions = []cash.Position{in, out}
	all := map[string]any{"common": map[string]any{"device": dev, "X-unsettled": d.snap.unsettled}, "cashAcceptor": st}
	if d.p.Payout {
		all["cashDispenser"] = cash.Status{Positions: []cash.Position{out}, Transport: st.Transport, Units: st.Units}
	}
	return all
}
