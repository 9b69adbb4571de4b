// Package szztzt598 drives the SZZT ZT598 encrypting PIN pad (and the ZT588 by profile). The
// bytes and their sources are in README.md. Imported by drivers/models and tests.
//
// Digits of a PIN never leave the device: it sends a masked byte for each. Keys and account
// numbers pass through and are never logged, kept or put into an error.
package szztzt598

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
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
	Name: "szztzt598", Class: api.ClassPinPad, Maker: "SZZT", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		pinpad.CmdPinEntry: api.Wait, pinpad.CmdDataEntry: api.Wait, pinpad.CmdKeyboardReset: api.Wait, pinpad.CmdGetPinBlock: api.Still,
		pinpad.CmdGenerateMAC: api.Still, pinpad.CmdCryptoData: api.Still, pinpad.CmdGetKeyDetail: api.Still,
		pinpad.CmdImportKey: api.ChangesKey, pinpad.CmdDeleteKey: api.ChangesKey, pinpad.CmdInit: api.ChangesKey,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud             int               `json:"baud"`
	Parity           string            `json:"parity"`
	ReplyMs          int               `json:"replyMs"`
	Retries          int               `json:"retries"`
	PollMs           int               `json:"pollMs"`
	LengthDigits     string            `json:"lengthDigits"`
	MasterType       string            `json:"masterType"`
	StartPin         string            `json:"startPin"`
	PinFormat        string            `json:"pinFormat"`
	MacAlg           string            `json:"macAlg"`
	MacMax           int               `json:"macMax"`
	AllowClearMaster bool              `json:"allowClearMaster"`
	Slots            map[string]string `json:"slots"`
	Masters          []string          `json:"masters"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	for name, kk := range p.Slots {
		if b, err := hex.DecodeString(kk); err != nil || len(b) != 1 {
			return nil, fmt.Errorf("profile: slots: %s: %q is not two hex digits", name, kk)
		}
	}
	if p.LengthDigits != "zt598" && p.LengthDigits != "zt588" {
		return nil, fmt.Errorf("profile: lengthDigits: %q is neither zt598 nor zt588", p.LengthDigits)
	}
	if p.MacMax < 8 || p.MacMax > maxBody-40 {
		return nil, errors.New("profile: macMax: must be 8 to 959")
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for n := range p.Slots {
		names = append(names, n)
	}
	return map[string]any{
		"keyboard":      map[string]any{"autoBeep": map[string]bool{"activeAvailable": false}},
		"pinPad":        map[string]any{"pinFormats": []string{"iso0", "X-sm4"}},
		"keyManagement": map[string]any{"keyNum": len(p.Slots), "X-keys": names, "X-clearMaster": p.AllowClearMaster},
		"crypto":        map[string]any{"X-algorithms": []string{pinpad.TripleDES, pinpad.SM4}, "X-maxMacData": p.MacMax},
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
	locked           bool
	havePin          bool
}

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
	data, err := d.do("3")
	if err != nil {
		return fmt.Errorf("PIN pad: %w", err)
	}
	d.mu.Lock()
	_, d.firmware, d.serial = info(data)
	d.mu.Unlock()
	if _, err := d.do("5032"); err != nil {
		return fmt.Errorf("PIN pad: %w", err)
	}
	d.ended.Add(1)
	d.env.Go(func() { defer d.ended.Done(); d.poll() })
	return nil
}

// do exchanges a command and remembers whether the device answers.
func (d *driver) do(body string) ([]byte, error) {
	d.env.Heart.Expect(time.Duration(d.p.Retries+2)*(ms(d.p.ReplyMs)+4*time.Second) + 10*time.Second)
	data, err := d.link.do(body)
	d.env.Heart.Rest()
	var de *deviceError
	d.mu.Lock()
	is := errors.As(err, &de)
	d.online = err == nil || is
	if err == nil && body != "3" {
		d.locked = false
	}
	if is && (de.rtn == 0xED || de.rtn >= 0xD0 && de.rtn <= 0xDE) {
		d.locked = true
	}
	if !d.online {
		d.havePin = false // it may have lost its power
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
		_, _ = d.do("3")
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
	if _, err := d.do("3"); err != nil {
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
		for _, m := range d.p.Masters {
			if _, ok := d.ring.keys[m]; ok {
				enc = "ready"
			}
		}
		if d.locked {
			dev, enc = api.StateHardwareError, "notReady"
		}
	}
	return map[string]any{
		"common":        map[string]any{"device": dev},
		"keyManagement": pinpad.Status{EncryptionState: enc},
	}
}
