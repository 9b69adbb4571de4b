// Package creatorcrt288k drives the Creator CRT-288-K001, a card reader without a motor: the card is
// pushed in and pulled out by hand, and a latch holds it between. The bytes and their sources are in
// README.md. Imported by drivers/models and tests.
package creatorcrt288k

import (
	_ "embed"
	"errors"
	"fmt"
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
	Name: "creatorcrt288k", Class: api.ClassCardReader, Maker: "Creator", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		card.CmdReadRawData: api.Wait, card.CmdMove: api.Wait, card.CmdReset: api.Wait, card.CmdChipPower: api.Wait, card.CmdChipIO: api.Wait,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud        int                        `json:"baud"`
	Parity      string                     `json:"parity"`
	AckMs       int                        `json:"ackMs"`
	ReplyMs     int                        `json:"replyMs"`
	ChipMs      int                        `json:"chipMs"`
	Retries     int                        `json:"retries"`
	PollMs      int                        `json:"pollMs"`
	IdlePollMs  int                        `json:"idlePollMs"`
	Latch       bool                       `json:"latch"`
	Lock        string                     `json:"lock"`
	Unlock      string                     `json:"unlock"`
	StripeMode  string                     `json:"stripeMode"`
	ChipPower   string                     `json:"chipPower"`
	VendorCodes map[string]api.VendorError `json:"vendorCodes"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if len(p.Lock) != 1 || len(p.Unlock) != 1 || len(p.ChipPower) != 1 {
		return nil, errors.New("profile: lock, unlock and chipPower have one character")
	}
	if p.PollMs < 10 || p.IdlePollMs < 10 {
		return nil, fmt.Errorf("profile: pollMs and idlePollMs must be 10 or more")
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{"cardReader": map[string]any{
		"type": map[bool]string{true: "latchedDip", false: "dip"}[p.Latch], "readTracks": map[string]bool{"track1": true, "track2": true, "track3": true},
		"chipProtocols": map[string]bool{card.T0: true, card.T1: true},
		"chipPower":     map[string]bool{card.Cold: true, card.Off: true},
		"positions":     map[string]bool{"exit": true, "transport": p.Latch}, "cardTakenSensor": true,
	}}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	o := motorcard.Options{
		Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Poll: ms(p.PollMs), Idle: ms(p.IdlePollMs),
		Busy: time.Duration(p.Retries+2)*ms(max(p.ReplyMs, p.ChipMs)) + 10*time.Second,
		Link: p.link,
		Identify: func(r *motorcard.Reader, _ motorcard.Answer) (string, string) {
			serial, _ := r.Do(cmdSerial, true)
			return "", line.Text(serial.Data)
		},
		Table: table,
	}
	// An initialise is the one command that moves the latch; what comes behind it is how stripes are read.
	o.Init = func(motorcard.Initial) string { return "C0" + p.Unlock }
	o.Shut = cmdMode + p.StripeMode
	if p.Latch {
		o.In, o.Out = "C0"+p.Lock, "C0"+p.Unlock
	}
	for n := range 3 {
		o.Tracks = append(o.Tracks, cmdRead+string(rune('0'+n)))
	}
	o.Step, o.Vendor = step, p.VendorCodes
	chip := contacts
	chip.Cold = cmdCold + p.ChipPower
	o.Chip = &chip
	return motorcard.New(o), nil
}

// link exchanges frames. A track is asked for as the reading of all three with its number behind it.
func (p *profile) link(on *line.Line) motorcard.Exchange {
	l := &f2.Link{Port: on.Port, Variant: frame, Ack: ms(p.AckMs), Retries: p.Retries, PlainEOT: true}
	return func(cmd string, again bool) (motorcard.Answer, error) {
		want := -1
		if len(cmd) == len(cmdRead)+1 && cmd[:len(cmdRead)] == cmdRead {
			want, cmd = int(cmd[len(cmdRead)]-'0'), cmdRead
		}
		wait := ms(p.ReplyMs)
		if cmd[1] == 'Q' {
			wait = ms(p.ChipMs)
		}
		text, err := l.Do([]byte(cmd), again, wait, func(b []byte) bool { return ours(cmd, b) })
		if err != nil {
			return motorcard.Answer{}, err
		}
		a, err := parse(cmd, text)
		if err == nil && want >= 0 {
			a.Data, err = track(a.Data, want)
		}
		return a, err
	}
}
