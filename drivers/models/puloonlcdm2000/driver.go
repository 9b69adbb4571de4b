// Package puloonlcdm2000 drives the Puloon LCDM-1000 and LCDM-2000 cash dispensers. The
// bytes and their sources are in README.md. Imported by drivers/models and tests.
//
// The rule of this package: a command that moves notes is sent once. Only a NAK lets it be
// sent again. What is not answered is looked at, never repeated.
package puloonlcdm2000

import (
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/puloon"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "puloonlcdm2000", Class: api.ClassCashDispenser, Maker: "Puloon", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		cash.CmdDispense: api.MovesCash, cash.CmdRetract: api.MovesCash, cash.CmdReset: api.MovesCash, cash.CmdTest: api.MovesCash,
		// With endToEnd only.
		cash.CmdGetCommandNonce: api.Wait, cash.CmdClearCommandNonce: api.Wait, cash.CmdGetPresentStatus: api.Still,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud                 int                        `json:"baud"`
	Parity               string                     `json:"parity"`
	Cassettes            int                        `json:"cassettes"`
	Units                map[string]string          `json:"units"`
	Exit                 string                     `json:"exit"`
	MaxNotes             int                        `json:"maxNotes"`
	ItemsTakenSensor     bool                       `json:"itemsTakenSensor"`
	AckMs                int                        `json:"ackMs"`
	ReplyMs              int                        `json:"replyMs"`
	PerNoteMs            int                        `json:"perNoteMs"`
	StatusMs             int                        `json:"statusMs"`
	QuietMs              int                        `json:"quietMs"`
	ProbeMs              int                        `json:"probeMs"`
	Retries              int                        `json:"retries"`
	PollMs               int                        `json:"pollMs"`
	HeldPollMs           int                        `json:"heldPollMs"`
	CassetteAbsentBit    int                        `json:"cassetteAbsentBit"`
	RejectTrayPresentBit int                        `json:"rejectTrayPresentBit"`
	RecoverListenMs      int                        `json:"recoverListenMs"`
	RecoverMaxMs         int                        `json:"recoverMaxMs"`
	VendorCodes          map[string]api.VendorError `json:"vendorCodes"`
	EndToEnd             bool                       `json:"endToEnd"`
	NonceSeconds         int                        `json:"nonceSeconds"`
}

func readProfile(e sdk.Env) (*profile, map[string]int, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, nil, err
	}
	units := map[string]int{}
	for id, place := range p.Units {
		switch {
		case place == "upper":
			units[id] = 0
		case place == "lower" && p.Cassettes > 1:
			units[id] = 1
		case place != "lower":
			return nil, nil, fmt.Errorf("profile: units: %s is %q, neither upper nor lower", id, place)
		}
	}
	if p.Exit != "hold" && p.Exit != "spray" {
		return nil, nil, fmt.Errorf("profile: exit: %q is neither hold nor spray", p.Exit)
	}
	if p.MaxNotes < 1 || p.MaxNotes > 60 {
		return nil, nil, errors.New("profile: maxNotes: must be 1 to 60")
	}
	return &p, units, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, _, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	out := puloon.Capabilities(p.MaxNotes*p.Cassettes, p.MaxNotes, p.Exit == "hold", p.ItemsTakenSensor)
	if p.EndToEnd {
		out["common"] = map[string]any{"endToEndSecurity": map[string]any{"required": "ifConfigured", "hardwareSecurityElement": false,
			"responseSecurityEnabled": "ifConfigured", "commands": []string{cash.CmdDispense}, "commandNonceTimeout": p.NonceSeconds}}
	}
	return out, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// driver is the family's dispenser with the end-to-end security of our extension.
type driver struct {
	*puloon.Dispenser
	env sdk.Env
	p   *profile

	mu    sync.Mutex
	trust trust
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, units, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{env: e, p: p}
	d.Dispenser = puloon.New(puloon.Options{
		Model: layout{p}, Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, ID: commID,
		Times: puloon.Times{Ack: ms(p.AckMs), Reply: ms(p.ReplyMs), PerNote: ms(p.PerNoteMs), Status: ms(p.StatusMs), Quiet: ms(p.QuietMs), Probe: ms(p.ProbeMs),
			Retries: p.Retries},
		Status: cmdStatus, Purge: cmdPurge, ROM: cmdROM, Still: []byte{cmdStatus, cmdROM, cmdTrust, cmdNonce, cmdForget, cmdToken, cmdResponse},
		Cassettes: cassettes, Units: units, PerUnit: p.MaxNotes, Total: cassettes * p.MaxNotes, Hold: p.Exit == "hold",
		Good: []byte{good, normalStop}, Faults: faults, Vendor: p.VendorCodes, NoTray: 0x3F, NoCassette: []byte{0x45, 0x46},
		Poll: ms(p.PollMs), HeldPoll: ms(p.HeldPollMs), Listen: ms(p.RecoverListenMs), Max: ms(p.RecoverMaxMs),
		Show: d.show, Unauthorised: noAuthority, Looked: d.lookTrust,
	})
	return d, nil
}
