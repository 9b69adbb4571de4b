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
	"sync/atomic"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/epp"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "szztzt598", Class: api.ClassPinPad, Maker: "SZZT", Version: "1.0.0", Profile: profileYAML,
	Commands:     epp.Commands(),
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
	RemoteKeys       bool              `json:"remoteKeys"`
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
		"keyManagement": map[string]any{"keyNum": len(p.Slots), "X-keys": names, "X-clearMaster": p.AllowClearMaster, "X-remoteKeys": p.remote().RemoteNames()},
		"crypto":        map[string]any{"X-algorithms": []string{pinpad.TripleDES, pinpad.SM4}, "X-maxMacData": p.MacMax},
	}, nil
}

type driver struct {
	*epp.Pad
	p      *profile
	locked atomic.Bool
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{p: p}
	d.Pad, err = epp.New(epp.Options{
		Maker: d, Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Reply: ms(p.ReplyMs), Poll: ms(p.PollMs), Retries: p.Retries,
		Head: stx, Rest: func(from *serialport.Port) ([]byte, error) { return readRest(from, frameGap) }, Quiet: 100 * time.Millisecond,
		Keys:  epp.Keys{Masked: 0x2A, Enter: 0x0D, Cancel: 0x1B, Clear: 0x08, Timeout: 0x80, Double0: 0x22, Back: epp.NoKey},
		Names: name, Class: classCode, Masters: p.Masters, Locked: d.locked.Load,
		Remote: d.remote(),
	})
	return d, err
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// do exchanges a command: data of the answer.
func (d *driver) do(body string) ([]byte, error) {
	return d.exchange(body, func([]byte) bool { return true })
}

// exchange is do for a command whose answer can be told from another's.
func (d *driver) exchange(body string, fits func(data []byte) bool) ([]byte, error) {
	a, err := d.Do(frame([]byte(body)), func(a []byte) (bool, error) {
		switch rtn := a[0]; {
		case !good(rtn):
			if rtn == 0xED || rtn >= 0xD0 && rtn <= 0xDE {
				d.locked.Store(true)
			}
			return true, d.Fault(rtn)
		case body != "3":
			d.locked.Store(false)
		}
		return fits(a[1:]), nil
	})
	if err != nil {
		return nil, err
	}
	return a[1:], nil
}

// Prepare implements epp.Maker.
func (d *driver) Prepare() (firmware, serial string, err error) {
	data, err := d.do("3")
	if err == nil {
		_, firmware, serial = info(data)
		err = d.StopInput()
	}
	return firmware, serial, err
}

// Ping implements epp.Maker.
func (d *driver) Ping() error { _, err := d.do("3"); return err }

// begin sets the limits and starts an entry.
func (d *driver) begin(ctx context.Context, start string, low, high int) error {
	for _, body := range []string{fmt.Sprintf("52%02X", epp.Seconds(ctx)), fmt.Sprintf("54%02X", low), fmt.Sprintf("55%02X", high), start} {
		if body == start {
			d.DropKeys()
		}
		if _, err := d.do(body); err != nil {
			return err
		}
	}
	return nil
}

// StartPin implements epp.Maker; key and account are told with the block.
func (d *driver) StartPin(ctx context.Context, _ pinpad.PinEntry, low, high int) (epp.Bound, *api.Completion) {
	d.ForgetPin()
	if err := d.begin(ctx, d.p.StartPin, low, high); err != nil {
		c := d.Broken(err, api.NotStarted)
		return epp.Bound{}, &c
	}
	return epp.Bound{}, nil
}

// StartData implements epp.Maker.
func (d *driver) StartData(ctx context.Context, high int) error {
	return d.begin(ctx, "5033", 0, high)
}

// StopInput implements epp.Maker.
func (d *driver) StopInput() error { _, err := d.do("5032"); return err }

// Reset implements epp.Maker.
func (d *driver) Reset() error { _, err := d.do("5030"); return err }
