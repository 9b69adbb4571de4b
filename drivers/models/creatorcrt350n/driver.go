// Package creatorcrt350n drives the Creator CRT-350N and the Sankyo ICT3K5 motorised card
// readers. The bytes and their sources are in README.md. Imported by drivers/models and
// tests.
//
// Track data pass through and are never logged, kept or put into an error.
package creatorcrt350n

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
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

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	l := &link{reply: ms(p.ReplyMs)}
	o := motorcard.Options{
		Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Poll: ms(p.PollMs), Idle: ms(p.IdlePollMs),
		Busy: time.Duration(p.Retries+2)*(ms(p.ReplyMs)+10*time.Second) + 30*time.Second,
		Link: func(on *line.Line) motorcard.Exchange {
			l.Link = &f2.Link{Port: on.Port, Variant: f2.CRC, Ack: ms(p.AckMs), Retries: p.Retries}
			return l.do
		},
		Identify: func(*motorcard.Reader, motorcard.Answer) (string, string) {
			a, _ := l.do("CA1", true)
			return line.Text(a.Data), ""
		},
		Table: table,
	}
	o.LetIn, o.Vendor, o.IFM = "C:"+p.EntryMode, p.VendorCodes, p.IFM
	o.Init = func(i motorcard.Initial) string {
		kind := map[motorcard.Initial]int{motorcard.Eject: 0, motorcard.Capture: 1, motorcard.Hold: 3}[i]
		if p.RetainCounter {
			kind += 4
		}
		return "C0" + strconv.Itoa(kind) + p.InitData
	}
	chip := contacts
	chip.Cold, chip.Warm = "CI0"+p.ChipVcc, "CI8"+p.ChipVcc
	o.Chip = &chip
	var r *motorcard.Reader
	if p.Intake == "timed" {
		o.Await = func(ctx context.Context) *api.Completion { return awaitTimed(ctx, r, l, ms(p.PollMs)) }
	}
	r = motorcard.New(o)
	return r, nil
}
