// Package kmy3501 drives the KMY3501 encrypting PIN pad. The bytes and their source are in
// README.md. Imported by drivers/models and tests.
//
// Digits of a PIN never leave the device: it sends a masked byte for each. Keys and account
// numbers pass through and are never logged, kept or put into an error.
package kmy3501

import (
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/epp"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "kmy3501", Class: api.ClassPinPad, Maker: "KMY", Version: "1.0.0", Profile: profileYAML,
	Commands:     epp.Commands(),
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
	RemoteKeys       bool           `json:"remoteKeys"`
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
		"keyManagement": map[string]any{"keyNum": len(names), "X-keys": names, "X-clearMaster": p.AllowClearMaster, "X-remoteKeys": p.remote().RemoteNames()},
		"crypto":        map[string]any{"X-algorithms": []string{pinpad.TripleDES}, "X-maxMacData": p.MacMax},
	}, nil
}

type driver struct {
	*epp.Pad
	p *profile

	use      sync.Mutex // a key is activated and used
	active   byte       // the working key that was activated last, under use
	entering bool       // an entry runs: nothing else may activate a key, under use
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{p: p}
	d.Pad, err = epp.New(epp.Options{
		Maker: d, Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Reply: ms(p.ReplyMs), Poll: ms(p.PollMs), Retries: p.Retries,
		Head: stx, Rest: func(from *serialport.Port) ([]byte, error) { return readRest(from, frameGap) },
		Keys:  epp.Keys{Masked: '*', Enter: 0x0D, Cancel: 0x1B, Back: 0x08, Timeout: 0x00, Clear: epp.NoKey, Double0: epp.NoKey, EndsByLength: p.EndsByLength, Stays: true},
		Names: name, Class: classCode, Masters: []string{masterName},
		Remote: d.remote(),
	})
	return d, err
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// do exchanges a command: data of the answer.
func (d *driver) do(body ...byte) ([]byte, error) {
	a, err := d.Do(frame(body), func(a []byte) (bool, error) {
		if !good(a[0]) {
			return true, d.Fault(a[0])
		}
		return fits(body, a[1:]), nil
	})
	if err != nil {
		return nil, err
	}
	return a[1:], nil
}

// Prepare implements epp.Maker; it sets the algorithms too.
func (d *driver) Prepare() (firmware, serial string, err error) {
	version, err := d.do(cmdVersion)
	if err != nil {
		return "", "", err
	}
	number, _ := d.do(cmdSerial)
	for _, body := range [][]byte{{cmdKeypad, padOff}, {cmdSet, 0x00, 0x30}, {cmdSet, 0x01, 0x30}, {cmdSet, 0x06, byte(d.p.MacAlg)}} {
		if _, err := d.do(body...); err != nil {
			return "", "", err
		}
	}
	return strings.TrimSpace(line.Text(version)), strings.TrimSpace(line.Text(number)), nil
}

// Ping implements epp.Maker.
func (d *driver) Ping() error { _, err := d.do(cmdVersion); return err }
