// Package r30x drives the fingerprint modules of the R30x, ZFM and AS608 family. The bytes
// and their sources are in README.md. Imported by drivers/models and tests.
//
// Templates are personal: they are in payloads only, and no command of this driver is
// journalled.
package r30x

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/biometric"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "r30x", Class: api.ClassBiometric, Maker: "Grow", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{biometric.CmdRead: api.Wait, biometric.CmdImport: api.Wait, biometric.CmdMatch: api.Wait, biometric.CmdClear: api.Wait,
		biometric.CmdReset: api.Wait, biometric.CmdStorageInfo: api.Wait},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	dialog.Profile
	Address       string `json:"address"`
	Password      string `json:"password"`
	FingerMs      int    `json:"fingerMs"`
	TemplateBytes int    `json:"templateBytes"`
	ScoreFull     int    `json:"scoreFull"`

	addr uint32
	pwd  []byte
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	a, err := hex.DecodeString(p.Address)
	if err != nil || len(a) != 4 {
		return nil, errors.New("profile: address: must be eight hex digits")
	}
	if p.pwd, err = hex.DecodeString(p.Password); err != nil || len(p.pwd) != 4 {
		return nil, errors.New("profile: password: must be eight hex digits")
	}
	p.addr = binary.BigEndian.Uint32(a)
	if p.TemplateBytes < 64 || p.TemplateBytes > maxTemplate || p.ScoreFull < 1 || p.FingerMs < 10 {
		return nil, fmt.Errorf("profile: templateBytes must be 64 to %d, scoreFull 1 or more, fingerMs 10 or more", maxTemplate)
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	yes := map[string]bool{biometric.FormatTemplate1: true}
	return map[string]any{"biometric": map[string]any{"type": map[string]bool{"fingerprint": true}, "maxCapture": 2, "dataFormats": yes,
		"persistenceModes": map[string]bool{"persist": true}, "matchSupported": "storedMatch", "scanModes": map[string]bool{"scan": true, "match": true},
		"compareModes": map[string]bool{"verify": true, "identity": true}, "clearData": map[string]bool{biometric.Scanned: true, biometric.Imported: true},
		"X-templateBytes": p.TemplateBytes}}, nil
}

type driver struct {
	env  sdk.Env
	p    *profile
	talk *dialog.Dialog

	mu       sync.Mutex
	capacity int // pages
	chunk    int // bytes of a data packet
	used     int
	captured bool
	finger   bool
	refused  bool // wrong password
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, chunk: 128}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port, gives the password and asks for the parameters.
func (d *driver) Open(context.Context) error {
	var err error
	if d.talk, err = d.p.Open(d.env); err != nil {
		return err
	}
	if err := d.hold(d.begin); err != nil {
		return fmt.Errorf("fingerprint module: %w", err)
	}
	d.talk.Poll(func() { _ = d.login() })
	return nil
}

func (d *driver) hold(f func() error) error {
	return d.talk.Hold(8*d.talk.Busy(), func(*serialport.Port) error { return f() })
}

// ask exchanges one instruction, line held; a code other than ok is a refusal.
func (d *driver) ask(body ...byte) ([]byte, error) {
	return confirmed(d.talk.Exchange(packet(d.p.addr, pidCommand, body), readAck))
}

func confirmed(a []byte, err error) ([]byte, error) {
	switch {
	case err != nil:
		return nil, err
	case a[0] != ok:
		return nil, refusal(a[0])
	}
	return a[1:], nil
}

// login gives the password: the module wants it after each start. What it had in its buffers
// before is gone then, which only a failed exchange tells.
func (d *driver) login() error {
	was := d.talk.Online()
	_, err := d.ask(append([]byte{verifyPwd}, d.p.pwd...)...)
	d.mu.Lock()
	var r refusal
	d.refused = errors.As(err, &r)
	d.captured = d.captured && was && err == nil
	d.mu.Unlock()
	d.env.StatusChanged()
	return err
}

func (d *driver) begin() error {
	if err := d.login(); err != nil {
		return err
	}
	a, err := d.ask(params)
	if err != nil {
		return err
	}
	if len(a) < 16 {
		return fmt.Errorf("%w: %d bytes of parameters", dialog.ErrDamaged, len(a))
	}
	d.mu.Lock()
	d.capacity = int(binary.BigEndian.Uint16(a[4:]))
	d.chunk = 32 << min(binary.BigEndian.Uint16(a[12:]), 3)
	d.mu.Unlock()
	_, err = d.pages()
	return err
}

// pages are the pages in use; the line is held.
func (d *driver) pages() (out []int, err error) {
	d.mu.Lock()
	capacity := d.capacity
	d.mu.Unlock()
	for block := 0; block*256 < capacity; block++ {
		bits, err := d.ask(index, byte(block))
		if err != nil {
			return nil, err
		}
		for i := range min(256, 8*len(bits), capacity-256*block) {
			if bits[i/8]>>(i%8)&1 == 1 {
				out = append(out, 256*block+i)
			}
		}
	}
	d.mu.Lock()
	d.used = len(out)
	d.mu.Unlock()
	return out, nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.talk.Close() }

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: what was captured by an earlier incarnation is not used.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	return api.Recovery{}, d.hold(d.begin)
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	online := d.talk.Online()
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := api.Offline
	st := biometric.Status{Subject: "unknown", Capture: d.captured, Persistence: "persist", Remaining: (d.capacity - d.used) * d.p.TemplateBytes}
	if online {
		dev, st.Subject = api.Online, "notPresent"
		if d.refused {
			dev = api.StateHardwareError
		}
		if d.finger {
			st.Subject = "present"
		}
	}
	return map[string]any{"common": map[string]any{"device": dev}, "biometric": st}
}
