// Package creatorcrt591 drives the Creator CRT-591-M001 and CRT-571 card dispensers. The bytes
// and their sources are in README.md. Imported by drivers/models and tests.
//
// A command that moves a card is sent once. Only a NAK lets it be sent again; what is not
// answered is looked at.
package creatorcrt591

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
	Name: "creatorcrt591", Class: api.ClassCardReader, Maker: "Creator", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		card.CmdReadRawData: api.Wait, card.CmdMove: api.MovesMedia, card.CmdReset: api.MovesMedia,
		card.CmdGetStorage: api.Still, card.CmdSetStorage: api.Wait,
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
			"type": "motor", "readTracks": map[string]bool{}, "chipPower": map[string]bool{"cold": true},
			"positions": map[string]bool{"exit": true, "transport": true}, "cardTakenSensor": true,
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
	env   sdk.Env
	p     *profile
	stock *stock
	line  sync.Mutex // held while frames are exchanged
	link  *f2.Link
	stop  chan struct{}
	ended sync.WaitGroup

	mu       sync.Mutex
	firmware string
	serial   string
	online   bool
	seen     response // the last good one; card 0: none yet
	jammed   bool
	retained int
	offered  bool   // the card at the gate was put there for the customer
	told     string // replenishment state that was reported last
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
	return &driver{env: e, p: p, stock: s, stop: make(chan struct{})}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and initialises the device without moving the card.
func (d *driver) Open(context.Context) error {
	port, err := serialport.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, Parity: d.p.Parity})
	if err != nil {
		return err
	}
	d.link = &f2.Link{Port: port, Variant: variant(d.p.Address), Ack: ms(d.p.AckMs), Retries: d.p.Retries, PlainEOT: true}
	defer d.exclusive()()
	if _, err := d.prepare(); err != nil {
		return fmt.Errorf("card dispenser: %w", err)
	}
	if r, err := d.do(cmdSerial, true); err == nil {
		d.mu.Lock()
		d.serial = printable(r.data)
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
	if d.link == nil {
		return nil
	}
	return d.link.Port.Close()
}

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, d.serial
}

// exclusive takes the line and promises the watchdog to be quicker than all time-outs of
// one exchange with its repetitions.
func (d *driver) exclusive() (release func()) {
	d.line.Lock()
	d.promise()
	return func() { d.env.Heart.Rest(); d.line.Unlock() }
}

func (d *driver) promise() {
	d.env.Heart.Expect(time.Duration(d.p.Retries+2)*(ms(d.p.InitMs)+10*time.Second) + 30*time.Second)
}

func (d *driver) initCommand(kind int) string {
	if d.p.BinCounter {
		kind += 4
	}
	return "C0" + strconv.Itoa(kind)
}

// patience is how long the response of a command may take.
func (d *driver) patience(cmd string) time.Duration {
	switch cmd[1] {
	case '0':
		return ms(d.p.InitMs)
	case '2', 'Q':
		return ms(d.p.MoveMs)
	}
	return ms(d.p.ReplyMs)
}

func (d *driver) exchange(cmd string, again bool) (response, error) {
	text, err := d.link.Do([]byte(cmd), again, d.patience(cmd), func(b []byte) bool { return ours(cmd, b) })
	if err != nil {
		return response{}, err
	}
	return parse(cmd, text)
}

// do exchanges a command under the line lock and remembers what it tells. A device that lost
// its power says B0 to everything: it is initialised, leaving the card, and asked again.
func (d *driver) do(cmd string, again bool) (response, error) {
	d.promise()
	if d.link.Port.Gone() {
		if err := d.link.Port.Reopen(); err != nil {
			d.note(response{}, err)
			return response{}, err
		}
	}
	r, err := d.exchange(cmd, again)
	var de *deviceError
	if errors.As(err, &de) && de.code == "B0" {
		if _, err = d.exchange(d.initCommand(3), true); err == nil {
			r, err = d.exchange(cmd, again)
		}
	}
	d.note(r, err)
	return r, err
}

// note keeps what a response says and whether the device answers.
func (d *driver) note(r response, err error) {
	var de *deviceError
	d.mu.Lock()
	d.online = err == nil || errors.As(err, &de)
	if err == nil {
		r.data = nil
		d.seen = r
	}
	d.mu.Unlock()
	d.env.StatusChanged()
	d.threshold()
}

// threshold tells that the stacker became low or empty, or was filled.
func (d *driver) threshold() {
	d.mu.Lock()
	now := d.level()
	changed := d.told != "" && now != "" && now != d.told
	if now != "" {
		d.told = now
	}
	d.mu.Unlock()
	if changed {
		d.env.Event(card.EvThreshold, map[string]card.StorageUnit{Stacker: d.storage().Storage[Stacker]})
	}
}

// level is the stacker's replenishment state, with mu held.
func (d *driver) level() string {
	return map[byte]string{'0': card.StockEmpty, '1': card.StockLow, '2': card.StockOK}[d.seen.stock]
}

// prepare brings a device that has just been reached to a known state, without motion.
func (d *driver) prepare() (response, error) {
	r, err := d.do(d.initCommand(3), true)
	if err != nil {
		return response{}, err
	}
	d.mu.Lock()
	d.firmware = printable(r.data)
	d.mu.Unlock()
	if _, err := d.do("C3"+d.p.EntryOff, true); err != nil {
		return response{}, err
	}
	if r, err := d.do(cmdBinRead, true); err == nil {
		if n, err := strconv.Atoi(printable(r.data)); err == nil {
			d.mu.Lock()
			d.retained = n
			d.mu.Unlock()
		}
	}
	return d.do(cmdStatus, true)
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
			r, err = d.do(cmdStatus, true)
		} else {
			r, err = d.prepare() // it was away: power, cable or port
		}
		if err == nil {
			d.taken(r.card)
		}
		d.env.Heart.Rest()
		d.line.Unlock()
	}
}

// taken tells that an offered card is gone from the gate.
func (d *driver) taken(at pos) {
	d.mu.Lock()
	gone := d.offered && at == nowhere
	if at != atGate {
		d.offered = false
	}
	if at == nowhere {
		d.jammed = false
	}
	d.mu.Unlock()
	if gone {
		d.env.StatusChanged()
		d.env.Event(card.EvMediaRemoved, nil)
	}
}
