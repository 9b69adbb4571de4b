// Package omron3s4yr drives the Omron 3S4YR-MVFW motorised card reader. The bytes and their
// sources are in README.md. Imported by drivers/models and tests.
//
// Track data pass through and are never logged, kept or put into an error.
package omron3s4yr

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/motorcard"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "omron3s4yr", Class: api.ClassCardReader, Maker: "Omron", Version: "1.0.0", Profile: profileYAML,
	Commands:     map[string]api.Motion{card.CmdReadRawData: api.Wait, card.CmdMove: api.MovesMedia, card.CmdReset: api.MovesMedia},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud        int                        `json:"baud"`
	Parity      string                     `json:"parity"`
	AckMs       int                        `json:"ackMs"`
	ReplyMs     int                        `json:"replyMs"`
	AnswerMs    int                        `json:"answerMs"`
	Retries     int                        `json:"retries"`
	SettleMs    int                        `json:"settleMs"`
	PollMs      int                        `json:"pollMs"`
	IdlePollMs  int                        `json:"idlePollMs"`
	EntryMode   string                     `json:"entryMode"`
	Shutter     bool                       `json:"shutter"`
	InitData    string                     `json:"initData"`
	VendorCodes map[string]api.VendorError `json:"vendorCodes"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.EntryMode != "0" && p.EntryMode != "2" {
		return nil, fmt.Errorf("profile: entryMode: %q is neither 0 nor 2", p.EntryMode)
	}
	if len(p.InitData) > 2 {
		return nil, errors.New("profile: initData: at most two characters")
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
	}}, nil
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	l := &link{ack: ms(p.AckMs), reply: ms(p.ReplyMs), answer: ms(p.AnswerMs), retries: p.Retries}
	o := motorcard.Options{
		Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, Poll: ms(p.PollMs), Idle: ms(p.IdlePollMs),
		Busy: time.Duration(p.Retries+2)*(ms(p.ReplyMs)+10*time.Second) + 30*time.Second,
		Link: func(on *line.Line) motorcard.Exchange {
			l.port = on.Port
			return l.do
		},
		Identify: func(*motorcard.Reader, motorcard.Answer) (string, string) {
			a, _ := l.do("CV0", true)
			return line.Text(a.Data), ""
		},
		Table: table,
	}
	o.LetIn, o.Vendor = "C:"+p.EntryMode, p.VendorCodes
	o.Init = func(i motorcard.Initial) string { // 0 return, 1 eject to the rear, 2 hold
		kind := map[motorcard.Initial]int{motorcard.Eject: 0, motorcard.Capture: 1, motorcard.Hold: 2}[i]
		if !p.Shutter {
			kind += 4
		}
		return "C0" + strconv.Itoa(kind) + p.InitData
	}
	// A reader that waits for an initial reset (19) has not begun the command. One that lost its
	// power in the command (18) may have moved the card: only a question is asked again.
	o.Forgot = func(cmd, code string) bool {
		forgot := code == "19" || code == "18" && !moves(cmd)
		if forgot {
			time.Sleep(ms(p.SettleMs))
		}
		return forgot
	}
	return motorcard.New(o), nil
}

// moves: the commands that move a card.
func moves(cmd string) bool {
	return cmd[1] == '3' || cmd[1] == '4' || cmd[1] == '0'
}
