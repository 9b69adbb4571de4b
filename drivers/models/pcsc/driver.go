// Package pcsc drives a chip card reader of the machine's PC/SC daemon (pcsc-lite) over the daemon's
// own socket, without its C library. See README.md. Imported by drivers/models and tests.
//
// What is said to a chip passes through and is never logged, kept or put into an error.
package pcsc

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "pcsc", Class: api.ClassCardReader, Maker: "PC/SC", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{card.CmdReadRawData: api.Wait, card.CmdReset: api.Wait, card.CmdChipPower: api.Wait, card.CmdChipIO: api.Wait},
	Capabilities: func(e sdk.Env) (map[string]any, error) {
		if _, err := readProfile(e); err != nil {
			return nil, err
		}
		return map[string]any{"cardReader": map[string]any{
			"type": "dip", "readTracks": map[string]bool{}, "cardTakenSensor": true,
			"chipProtocols": map[string]bool{card.T0: true, card.T1: true, card.NotRequired: true},
			"chipPower":     map[string]bool{card.Cold: true, card.Warm: true, card.Off: true},
		}}, nil
	},
	New: newDriver,
}

type profile struct {
	Reader  string `json:"reader"`
	Share   string `json:"share"`
	ReplyMs int    `json:"replyMs"`
	PollMs  int    `json:"pollMs"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.Share != "exclusive" && p.Share != "shared" {
		return nil, fmt.Errorf("profile: share: %q is neither exclusive nor shared", p.Share)
	}
	if p.PollMs < 10 || p.ReplyMs < 100 {
		return nil, errors.New("profile: pollMs must be 10 or more, replyMs 100 or more")
	}
	return &p, nil
}

type driver struct {
	env   sdk.Env
	p     *profile
	stop  chan struct{}
	once  sync.Once
	ended sync.WaitGroup

	line     sync.Mutex // held while the daemon is asked
	d        *daemon
	handle   int32
	protocol uint32
	events   uint32 // the reader's counter when the card was powered: another card has another one

	mu      sync.Mutex
	online  bool
	reader  string
	present bool
	on      bool
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, stop: make(chan struct{})}, nil
}

// Open reaches the daemon. A reader that is not plugged in is offline until it is.
func (d *driver) Open(context.Context) error {
	d.line.Lock()
	_, err := d.look()
	d.line.Unlock()
	if err != nil && !errors.Is(err, eUnknownReader) {
		return fmt.Errorf("card reader: %w", err)
	}
	d.ended.Add(1)
	d.env.Go(func() { defer d.ended.Done(); d.poll() })
	return nil
}

// Close takes the power from the chip and leaves the daemon.
func (d *driver) Close() error {
	d.once.Do(func() { close(d.stop) })
	d.ended.Wait()
	d.line.Lock()
	defer d.line.Unlock()
	d.off()
	return d.drop(nil)
}

// Identity implements sdk.Driver: the daemon knows neither firmware nor serial number.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: nothing moves.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	return api.Recovery{}, nil
}

func (d *driver) exclusive() (release func()) {
	d.line.Lock()
	d.env.Heart.Expect(time.Duration(d.p.ReplyMs)*4*time.Millisecond + 10*time.Second)
	return func() { d.env.Heart.Rest(); d.line.Unlock() }
}

// drop forgets a daemon that did not answer as it should.
func (d *driver) drop(err error) error {
	var s status
	if errors.As(err, &s) {
		return err
	}
	if d.d != nil {
		_ = d.d.conn.Close()
	}
	d.d, d.handle = nil, 0
	d.note(func() { d.online, d.present, d.on = false, false, false })
	return err
}

// note changes what the status tells.
func (d *driver) note(change func()) {
	d.mu.Lock()
	was := [3]bool{d.online, d.present, d.on}
	change()
	now := [3]bool{d.online, d.present, d.on}
	d.mu.Unlock()
	if was != now {
		d.env.StatusChanged()
	}
	if was[1] && !now[1] && now[0] {
		d.env.Event(card.EvMediaRemoved, nil)
	}
}

// list asks the daemon for its readers, a second time over a new connection.
func (d *driver) list() (all []readerState, err error) {
	for range 2 {
		if d.d == nil {
			if d.d, err = dial(d.env.Port, time.Duration(d.p.ReplyMs)*time.Millisecond); err != nil {
				return nil, d.drop(err)
			}
		}
		if all, err = d.d.readers(); err == nil {
			return all, nil
		}
		err = d.drop(err)
	}
	return nil, err
}

// look asks the daemon for the reader; under the line lock.
func (d *driver) look() (*readerState, error) {
	all, err := d.list()
	if err != nil {
		return nil, err
	}
	for i := range all {
		r := &all[i]
		if !strings.HasPrefix(r.name(), d.p.Reader) {
			continue
		}
		in := r.State&statePresent != 0
		if d.handle != 0 && (!in || r.Events != d.events) {
			_ = d.d.shut(d.handle, leave) // the card it was for is gone
			d.handle = 0
		}
		on := d.handle != 0
		d.note(func() { d.online, d.reader, d.present, d.on = true, r.name(), in, on })
		return r, nil
	}
	d.handle = 0
	d.note(func() { d.online, d.present, d.on = false, false, false })
	return nil, eUnknownReader
}

// poll keeps the status true and sees a card being taken.
func (d *driver) poll() {
	for {
		select {
		case <-d.stop:
			return
		case <-time.After(time.Duration(d.p.PollMs) * time.Millisecond):
		}
		if !d.line.TryLock() {
			continue
		}
		_, _ = d.look()
		d.line.Unlock()
	}
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, st := api.Offline, card.Status{Media: "unknown", ChipPower: card.ChipUnknown}
	if d.online {
		dev, st.Media, st.ChipPower = api.Online, "notPresent", card.ChipNoCard
		if d.present {
			st.Media, st.ChipPower = "present", card.ChipOff
		}
		if d.on {
			st.ChipPower = card.ChipOnline
		}
	}
	return map[string]any{"common": map[string]any{"device": dev}, "cardReader": st}
}
