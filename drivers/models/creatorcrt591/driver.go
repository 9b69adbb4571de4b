// Package creatorcrt591 drives the Creator CRT-591-M001 and CRT-571 card dispensers. The bytes
// and their sources are in README.md. Imported by drivers/models and tests.
//
// A command that moves a card is sent once. Only a NAK lets it be sent again; what is not
// answered is looked at.
package creatorcrt591

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/motorcard"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "creatorcrt591", Class: api.ClassCardReader, Maker: "Creator", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		card.CmdReadRawData: api.Wait, card.CmdMove: api.MovesMedia, card.CmdReset: api.MovesMedia,
		card.CmdChipPower: api.Wait, card.CmdChipIO: api.Wait, card.CmdGetStorage: api.Still, card.CmdSetStorage: api.Wait,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud        int                        `json:"baud"`
	Parity      string                     `json:"parity"`
	Address     int                        `json:"address"`
	AckMs       int                        `json:"ackMs"`
	ReplyMs     int                        `json:"replyMs"`
	MoveMs      int                        `json:"moveMs"`
	InitMs      int                        `json:"initMs"`
	Retries     int                        `json:"retries"`
	PollMs      int                        `json:"pollMs"`
	IdlePollMs  int                        `json:"idlePollMs"`
	BinCounter  bool                       `json:"binCounter"`
	EntryOn     string                     `json:"entryOn"`
	EntryOff    string                     `json:"entryOff"`
	Reading     string                     `json:"reading"`
	ChipPower   string                     `json:"chipPower"`
	Tap         bool                       `json:"tap"`
	TapOrder    string                     `json:"tapOrder"`
	TapNone     []string                   `json:"tapNone"`
	TapMany     []string                   `json:"tapMany"`
	VendorCodes map[string]api.VendorError `json:"vendorCodes"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.Reading != "1" && p.Reading != "2" {
		return nil, fmt.Errorf("profile: reading: %q is neither 1 (IC) nor 2 (RF)", p.Reading)
	}
	if len(p.EntryOn) != 1 || len(p.EntryOff) != 1 || len(p.ChipPower) != 1 {
		return nil, errors.New("profile: entryOn, entryOff and chipPower have one character")
	}
	if p.Tap && !slices.Contains([]string{"", "AB", "BA", "A0", "B0"}, p.TapOrder) {
		return nil, fmt.Errorf("profile: tapOrder: %q is none of AB, BA, A0, B0", p.TapOrder)
	}
	if p.Address < 0 || p.Address > 15 {
		return nil, errors.New("profile: address: must be 0 to 15")
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"cardReader": map[string]any{
			"type": "motor", "readTracks": map[string]bool{},
			"chipProtocols": map[string]bool{card.T0: true, card.T1: true, card.NotRequired: true, card.TypeA: p.Tap && p.TapOrder != "B0", card.TypeB: p.Tap && p.TapOrder != "A0"},
			"chipPower":     map[string]bool{card.Cold: true, card.Warm: true, card.Off: true},
			"positions":     map[string]bool{"exit": true, "transport": true}, "cardTakenSensor": true,
			"X-retain":          true,
			"X-readingPosition": map[string]string{"1": "IC", "2": "RF"}[p.Reading],
		},
		"X-storage": map[string]any{"X-units": map[string]string{Stacker: card.UnitDispense, Bin: card.UnitRetain}},
	}, nil
}

// The storage units.
const (
	Stacker = "unit1" // new cards
	Bin     = "unit2" // error bin; card.UnitBin and card.Retain name it too
)

type driver struct {
	*motorcard.Reader
	env   sdk.Env
	stock *stock

	mu   sync.Mutex
	seen supply
	told string // replenishment state that was reported last
}

// supply is what a good response says beside the card's place: st1 and st2.
type supply struct {
	stock byte // 0 empty, 1 few, 2 enough; 0 byte: not known yet
	full  bool // error bin
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	s, err := openStock(e.StateDir)
	if err != nil {
		return nil, err
	}
	d := &driver{env: e, stock: s}
	o := motorcard.Options{
		Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Poll: ms(p.PollMs), Idle: ms(p.IdlePollMs),
		Busy: time.Duration(p.Retries+2)*(ms(p.InitMs)+10*time.Second) + 30*time.Second,
		Link: func(on *line.Line) motorcard.Exchange {
			l := &f2.Link{Port: on.Port, Variant: variant(p.Address), Ack: ms(p.AckMs), Retries: p.Retries, PlainEOT: true}
			return func(cmd string, again bool) (motorcard.Answer, error) {
				text, err := l.Do([]byte(cmd), again, p.patience(cmd), func(b []byte) bool { return ours(cmd, b) })
				if err != nil {
					return motorcard.Answer{}, err
				}
				a, s, err := parse(cmd, text)
				if err == nil {
					d.mu.Lock()
					d.seen = s
					d.mu.Unlock()
				}
				return a, err
			}
		},
		Identify: func(r *motorcard.Reader, initial motorcard.Answer) (string, string) {
			serial, _ := r.Do(cmdSerial, true)
			return line.Text(initial.Data), line.Text(serial.Data)
		},
		Seen:  d.threshold,
		Table: table,
	}
	o.LetIn, o.Shut, o.In, o.Vendor = "C3"+p.EntryOn, "C3"+p.EntryOff, "C2"+p.Reading, p.VendorCodes
	o.Step = func(cmd string) string { return step(cmd, o.In) }
	o.Settle = func(chip bool) string {
		if chip {
			return cmdIC
		}
		return o.In
	}
	o.Init = func(i motorcard.Initial) string {
		kind := map[motorcard.Initial]int{motorcard.Eject: 0, motorcard.Capture: 1, motorcard.Hold: 3}[i]
		if p.BinCounter {
			kind += 4
		}
		return "C0" + strconv.Itoa(kind)
	}
	chip := contacts
	chip.Cold = cmdCold + p.ChipPower
	if o.In != cmdIC {
		chip.Place = cmdIC
	}
	o.Chip = &chip
	if p.Tap {
		o.Air = antenna(p)
	}
	d.Reader = motorcard.New(o)
	return d, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// patience is how long the response of a command may take.
func (p *profile) patience(cmd string) time.Duration {
	switch cmd[1] {
	case '0':
		return ms(p.InitMs)
	case '2', 'Q':
		return ms(p.MoveMs)
	case '`':
		if cmd[2] != '0' {
			return ms(p.MoveMs)
		}
	}
	return ms(p.ReplyMs)
}

// threshold tells that the stacker became low or empty, or was filled.
func (d *driver) threshold() {
	d.mu.Lock()
	now := d.seen.level()
	changed := d.told != "" && now != "" && now != d.told
	if now != "" {
		d.told = now
	}
	d.mu.Unlock()
	if changed {
		d.env.Event(card.EvThreshold, map[string]card.StorageUnit{Stacker: d.storage().Storage[Stacker]})
	}
}

// level is the stacker's replenishment state.
func (s supply) level() string {
	return map[byte]string{'0': card.StockEmpty, '1': card.StockLow, '2': card.StockOK}[s.stock]
}

func (d *driver) supply() supply {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}
