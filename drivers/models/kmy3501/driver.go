// Package kmy3501 drives the KMY3501 encrypting PIN pad. The bytes and their source are in
// README.md. Imported by drivers/models and tests.
//
// Digits of a PIN never leave the device: it sends a masked byte for each. Keys and account
// numbers pass through and are never logged, kept or put into an error.
package kmy3501

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "kmy3501", Class: api.ClassPinPad, Maker: "KMY", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		pinpad.CmdPinEntry: api.Wait, pinpad.CmdDataEntry: api.Wait, pinpad.CmdKeyboardReset: api.Wait, pinpad.CmdGetPinBlock: api.Still,
		pinpad.CmdGenerateMAC: api.Still, pinpad.CmdCryptoData: api.Still, pinpad.CmdGetKeyDetail: api.Still,
		pinpad.CmdImportKey: api.ChangesKey, pinpad.CmdDeleteKey: api.ChangesKey, pinpad.CmdInit: api.ChangesKey,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud             int            `json:"baud"`
	Parity           string         `json:"parity"`
	ReplyMs          int            `json:"replyMs"`
	Retries          int            `json:"retries"`
	PollMs           int            `json:"pollMs"`
	Master           int            `json:"master"`
	Work             map[string]int `json:"work"`
	Scratch          int            `json:"scratch"`
	MacAlg           int            `json:"macAlg"`
	MacMax           int            `json:"macMax"`
	Display          int            `json:"display"`
	WithAccount      int            `json:"withAccount"`
	Prompt           int            `json:"prompt"`
	EndsByLength     bool           `json:"endsByLength"`
	Wipe             string         `json:"wipe"`
	AllowClearMaster bool           `json:"allowClearMaster"`
}

// masterName is the one master key.
const masterName = "TMK"

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	for name, n := range p.Work {
		if n < 0 || n > 15 || n == p.Scratch || name == masterName {
			return nil, fmt.Errorf("profile: work: %s: must be 0 to 15, not the scratch key %d", name, p.Scratch)
		}
	}
	if p.Master < 0 || p.Master > 15 || p.Scratch < 0 || p.Scratch > 15 {
		return nil, errors.New("profile: master and scratch must be 0 to 15")
	}
	if p.MacAlg < 1 || p.MacAlg > 3 || p.MacMax < 8 || p.MacMax > 254 {
		return nil, errors.New("profile: macAlg must be 1 to 3, macMax 8 to 254")
	}
	if w, err := hex.DecodeString(p.Wipe); err != nil || len(w) != 1 {
		return nil, errors.New("profile: wipe: must be two hex digits")
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	names := []string{masterName}
	for n := range p.Work {
		names = append(names, n)
	}
	return map[string]any{
		"keyboard":      map[string]any{"autoBeep": map[string]bool{"activeAvailable": true}},
		"pinPad":        map[string]any{"pinFormats": []string{"iso0"}, "X-bindsAccount": true},
		"keyManagement": map[string]any{"keyNum": len(names), "X-keys": names, "X-clearMaster": p.AllowClearMaster},
		"crypto":        map[string]any{"X-algorithms": []string{pinpad.TripleDES}, "X-maxMacData": p.MacMax},
	}, nil
}

type driver struct {
	env   sdk.Env
	p     *profile
	link  *link
	stop  chan struct{}
	ended sync.WaitGroup

	mu               sync.Mutex
	ring             *keyring
	firmware, serial string
	online           bool
	entered          *bound // the PIN that the pad holds

	use      sync.Mutex // a key is activated and used
	active   byte       // the working key that was activated last, under use
	entering bool       // an entry runs: nothing else may activate a key, under use
}

// bound is what the pad was told before the PIN was typed: it makes this block and no other.
type bound struct{ key, pan string }

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	ring, err := openKeyring(e.StateDir)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, ring: ring, stop: make(chan struct{})}, nil
}

// Open opens the port and asks the device who it is. An entry that an earlier incarnation
// left running is stopped.
func (d *driver) Open(context.Context) error {
	port, err := serialport.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, Parity: d.p.Parity})
	if err != nil {
		return err
	}
	d.link = newLink(port, d.p)
	d.env.Go(d.link.read)
	if err := d.prepare(); err != nil {
		return fmt.Errorf("PIN pad: %w", err)
	}
	d.ended.Add(1)
	d.env.Go(func() { defer d.ended.Done(); d.poll() })
	return nil
}

// prepare asks the pad who it is, stops an entry that an earlier incarnation left running, and
// sets the algorithms, which a power cut may have lost.
func (d *driver) prepare() error {
	version, err := d.do(cmdVersion)
	if err != nil {
		return err
	}
	serial, _ := d.do(cmdSerial)
	d.mu.Lock()
	d.firmware, d.serial = printable(version), printable(serial)
	d.mu.Unlock()
	for _, body := range [][]byte{{cmdKeypad, padOff}, {cmdSet, 0x00, 0x30}, {cmdSet, 0x01, 0x30}, {cmdSet, 0x06, byte(d.p.MacAlg)}} {
		if _, err := d.do(body...); err != nil {
			return err
		}
	}
	return nil
}

func printable(b []byte) string {
	for i, c := range b {
		if c < 0x20 || c > 0x7E {
			return strings.TrimSpace(string(b[:i]))
		}
	}
	return strings.TrimSpace(string(b))
}

// do exchanges a command and remembers whether the device answers.
func (d *driver) do(body ...byte) ([]byte, error) {
	d.env.Heart.Expect(time.Duration(d.p.Retries+2)*(ms(d.p.ReplyMs)+4*time.Second) + 10*time.Second)
	data, err := d.link.do(body)
	d.env.Heart.Rest()
	var de *deviceError
	d.mu.Lock()
	d.online = err == nil || errors.As(err, &de)
	if !d.online {
		d.entered = nil // it may have lost its power
	}
	d.mu.Unlock()
	d.env.StatusChanged()
	return data, err
}

func (d *driver) poll() {
	for {
		select {
		case <-d.stop:
			return
		case <-time.After(ms(d.p.PollMs)):
		}
		d.mu.Lock()
		was := d.online
		d.mu.Unlock()
		if was {
			_, _ = d.do(cmdVersion)
		} else {
			_ = d.prepare() // it was away
		}
	}
}

// Close stops a running entry and closes the port.
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
	return d.link.close()
}

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, d.serial
}

// Recover implements sdk.Driver: key commands that were interrupted stay indeterminate; they
// may be given again under a new operation id, and the check value proves the result.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	if _, err := d.do(cmdVersion); err != nil {
		return api.Recovery{}, fmt.Errorf("PIN pad: %w", err)
	}
	return api.Recovery{}, nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, enc := api.Offline, "notReady"
	if d.online {
		dev, enc = api.Online, "initialized"
		if _, ok := d.ring.keys[masterName]; ok {
			enc = "ready"
		}
	}
	return map[string]any{
		"common":        map[string]any{"device": dev},
		"keyManagement": pinpad.Status{EncryptionState: enc},
	}
}
