// Package creatorcrt350n drives the Creator CRT-350N and the Sankyo ICT3K5 motorised card
// readers. The bytes and their sources are in README.md. Imported by drivers/models and
// tests.
//
// Track data pass through and are never logged, kept or put into an error.
package creatorcrt350n

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "creatorcrt350n", Class: api.ClassCardReader, Maker: "Creator", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{card.CmdReadRawData: api.Wait, card.CmdMove: api.MovesMedia, card.CmdReset: api.MovesMedia,
		card.CmdChipPower: api.Wait, card.CmdChipIO: api.Wait, card.CmdQueryIFM: api.Still},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud          int                        `json:"baud"`
	Parity        string                     `json:"parity"`
	AckMs         int                        `json:"ackMs"`
	ReplyMs       int                        `json:"replyMs"`
	Retries       int                        `json:"retries"`
	PollMs        int                        `json:"pollMs"`
	IdlePollMs    int                        `json:"idlePollMs"`
	Intake        string                     `json:"intake"`
	EntryMode     string                     `json:"entryMode"`
	RetainCounter bool                       `json:"retainCounter"`
	InitData      string                     `json:"initData"`
	ChipVcc       string                     `json:"chipVcc"`
	IFM           map[string]string          `json:"ifm"`
	VendorCodes   map[string]api.VendorError `json:"vendorCodes"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.Intake != "entry" && p.Intake != "timed" {
		return nil, fmt.Errorf("profile: intake: %q is neither entry nor timed", p.Intake)
	}
	if p.EntryMode != "0" && p.EntryMode != "2" {
		return nil, fmt.Errorf("profile: entryMode: %q is neither 0 nor 2", p.EntryMode)
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	if _, err := readProfile(e); err != nil {
		return nil, err
	}
	return map[string]any{"cardReader": map[string]any{
		"type": "motor", "readTracks": map[string]bool{"track1": true, "track2": true, "track3": true},
		"positions": map[string]bool{"exit": true, "transport": true}, "cardTakenSensor": true, "X-retain": true,
		"chipProtocols": map[string]bool{card.T0: true, card.T1: true, card.NotRequired: true},
		"chipPower":     map[string]bool{card.Cold: true, card.Warm: true, card.Off: true},
	}}, nil
}

type driver struct {
	env   sdk.Env
	p     *profile
	line  sync.Mutex // held while frames are exchanged
	link  link
	stop  chan struct{}
	ended sync.WaitGroup

	mu       sync.Mutex
	firmware string
	online   bool
	st       string // last st, "" unknown
	jammed   bool
	retained int
	ejected  bool // the card at the gate was put there for the customer
	pressed  bool // the contacts lie on the card
	chip     bool // the chip was reset and answers
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, stop: make(chan struct{})}, nil
}

// Open opens the port, initialises the reader without moving the card and disables the
// entry.
func (d *driver) Open(context.Context) error {
	port, err := serialport.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, Parity: d.p.Parity})
	if err != nil {
		return err
	}
	d.link = link{&f2.Link{Port: port, Variant: f2.CRC, Ack: ms(d.p.AckMs), Retries: d.p.Retries}, ms(d.p.ReplyMs)}
	defer d.exclusive()()
	if _, err := d.prepare(); err != nil {
		return fmt.Errorf("card reader: %w", err)
	}
	if r, err := d.link.do("CA1", true); err == nil {
		d.mu.Lock()
		d.firmware = printable(r.data)
		d.mu.Unlock()
	}
	d.ended.Add(1)
	d.env.Go(func() { defer d.ended.Done(); d.poll() })
	return nil
}

func printable(b []byte) string {
	for i, c := range b {
		if c < 0x20 || c > 0x7E {
			return string(b[:i])
		}
	}
	return string(b)
}

// Close ends the polling and closes the port.
func (d *driver) Close() error {
	select {
	case <-d.stop:
		return nil
	default:
		close(d.stop)
	}
	d.ended.Wait()
	if d.link.Link == nil {
		return nil
	}
	return d.link.Port.Close()
}

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, ""
}

// exclusive takes the line and promises the watchdog to be quicker than all time-outs of
// one exchange with its repetitions.
func (d *driver) exclusive() (release func()) {
	d.line.Lock()
	d.promise()
	return func() { d.env.Heart.Rest(); d.line.Unlock() }
}

func (d *driver) promise() {
	d.env.Heart.Expect(time.Duration(d.p.Retries+2)*(ms(d.p.ReplyMs)+10*time.Second) + 30*time.Second)
}

func (d *driver) initCommand(kind int) string {
	if d.p.RetainCounter {
		kind += 4
	}
	return "C0" + strconv.Itoa(kind) + d.p.InitData
}

// do exchanges a command under the line lock and remembers what it tells. A reader that
// lost its power says B0 to everything: it is initialised, leaving the card, and asked again.
func (d *driver) do(cmd string, again bool) (response, error) {
	d.promise()
	if d.link.Port.Gone() {
		if err := d.link.Port.Reopen(); err != nil {
			d.note("", err)
			return response{}, err
		}
	}
	r, err := d.link.do(cmd, again)
	var de *deviceError
	if errors.As(err, &de) && de.code == "B0" {
		d.mu.Lock()
		d.pressed, d.chip = false, false
		d.mu.Unlock()
		if _, err = d.link.do(d.initCommand(3), true); err == nil {
			r, err = d.link.do(cmd, again)
		}
	}
	d.note(r.st, err)
	return r, err
}

// note keeps st and whether the reader answers.
func (d *driver) note(st string, err error) {
	var de *deviceError
	answered := err == nil || errors.As(err, &de)
	d.mu.Lock()
	d.online = answered
	if err == nil {
		d.st = st
	}
	d.mu.Unlock()
	d.env.StatusChanged()
}

// prepare brings a reader that has just been reached to a known state, without motion.
func (d *driver) prepare() (response, error) {
	if _, err := d.do(d.initCommand(3), true); err != nil {
		return response{}, err
	}
	if _, err := d.do("C:1", true); err != nil {
		return response{}, err
	}
	if r, err := d.do("CC0", true); err == nil {
		if n, err := strconv.Atoi(printable(r.data)); err == nil {
			d.mu.Lock()
			d.retained = n
			d.mu.Unlock()
		}
	}
	return d.do("C10", true)
}

// poll keeps the status true and sees the card being taken.
func (d *driver) poll() {
	for {
		select {
		case <-d.stop:
			return
		case <-time.After(ms(d.p.IdlePollMs)):
		}
		if !d.line.TryLock() {
			continue
		}
		d.mu.Lock()
		was := d.online
		d.mu.Unlock()
		var r response
		var err error
		if was {
			r, err = d.do("C10", true)
		} else {
			r, err = d.prepare() // it was away: power, cable or port
		}
		if err == nil {
			d.taken(r.st)
		}
		d.env.Heart.Rest()
		d.line.Unlock()
	}
}

// taken tells that an ejected card is gone from the gate.
func (d *driver) taken(st string) {
	d.mu.Lock()
	gone := d.ejected && st == "00"
	if st != "01" {
		d.ejected = false
	}
	if gone {
		d.jammed = false
	}
	d.mu.Unlock()
	if gone {
		d.env.StatusChanged()
		d.env.Event(card.EvMediaRemoved, nil)
	}
}

// Recover says where a card lies. A card move that was interrupted is settled by that.
func (d *driver) Recover(_ context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive()()
	r, err := d.do("C10", true)
	if err != nil {
		return api.Recovery{}, fmt.Errorf("card reader: %w", err)
	}
	out := api.Recovery{}
	switch r.st {
	case "01":
		out.Media = map[string]int{card.Exit: 1}
		d.mu.Lock()
		d.ejected = true
		d.mu.Unlock()
	case "02":
		out.Media = map[string]int{card.Transport: 1}
	}
	for _, o := range open {
		if !o.Moved || o.Name != card.CmdMove {
			continue
		}
		// The card lies where nothing but this move could have brought it, or where it was.
		rec := o.OpRecord
		if r.st == "01" {
			c := api.Completion{Outcome: api.Done, Description: "the card lies at the gate"}
			rec.Completion = &c
			out.Ops = append(out.Ops, rec)
		}
	}
	if len(out.Media) > 0 {
		for where := range out.Media {
			d.env.Event(card.EvMediaDetected, map[string]string{"position": where})
		}
	}
	return out, nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, media, chip := api.Offline, "unknown", card.ChipUnknown
	if d.online {
		dev = api.Online
		media = map[string]string{"00": "notPresent", "01": "entering", "02": "present"}[d.st]
		if media == "" {
			media = "unknown"
		}
		if d.jammed && d.st != "00" {
			media = "jammed"
		}
		switch {
		case d.st != "02":
			chip = card.ChipNoCard
		case d.chip:
			chip = card.ChipOnline
		default:
			chip = card.ChipOff
		}
	}
	return map[string]any{
		"common":     map[string]any{"device": dev},
		"cardReader": card.Status{Media: media, ChipPower: chip, Retained: d.retained},
	}
}
