// Package puloonlcdm4000 drives the Puloon LCDM-4000 cash dispenser. The bytes and their
// sources are in README.md. Imported by drivers/models and tests.
//
// The rule of this package: a command that moves notes is sent once. Only a NAK lets it be
// sent again. What is not answered is looked at, never repeated; the device keeps the result of
// its last movement, and before.go says when that can be trusted.
package puloonlcdm4000

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
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
	Name: "puloonlcdm4000", Class: api.ClassCashDispenser, Maker: "Puloon", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		cash.CmdDispense: api.MovesCash, cash.CmdRetract: api.MovesCash, cash.CmdReset: api.MovesCash, cash.CmdTest: api.MovesCash,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud             int                        `json:"baud"`
	Parity           string                     `json:"parity"`
	Units            map[string]int             `json:"units"`
	Exit             string                     `json:"exit"`
	MaxNotes         int                        `json:"maxNotes"`
	MaxPerUnit       int                        `json:"maxPerUnit"`
	Tail             string                     `json:"tail"`
	ItemsTakenSensor bool                       `json:"itemsTakenSensor"`
	LastStatus       bool                       `json:"lastStatus"`
	BlockedBit       int                        `json:"blockedBit"`
	NearEndBit       int                        `json:"nearEndBit"`
	TrayErrors       []string                   `json:"trayErrors"`
	AckMs            int                        `json:"ackMs"`
	ReplyMs          int                        `json:"replyMs"`
	PerNoteMs        int                        `json:"perNoteMs"`
	StatusMs         int                        `json:"statusMs"`
	CloseMs          int                        `json:"closeMs"`
	QuietMs          int                        `json:"quietMs"`
	ProbeMs          int                        `json:"probeMs"`
	Retries          int                        `json:"retries"`
	PollMs           int                        `json:"pollMs"`
	HeldPollMs       int                        `json:"heldPollMs"`
	RecoverListenMs  int                        `json:"recoverListenMs"`
	RecoverMaxMs     int                        `json:"recoverMaxMs"`
	VendorCodes      map[string]api.VendorError `json:"vendorCodes"`
}

func readProfile(e sdk.Env) (*profile, map[string]int, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, nil, err
	}
	units := map[string]int{}
	for id, place := range p.Units {
		if place < 0 || place > cassettes {
			return nil, nil, fmt.Errorf("profile: units: %s is %d, not 1 to %d (0: not there)", id, place, cassettes)
		}
		if place > 0 {
			units[id] = place - 1
		}
	}
	switch {
	case p.Exit != "hold" && p.Exit != "spray":
		return nil, nil, fmt.Errorf("profile: exit: %q is neither hold nor spray", p.Exit)
	case p.Tail != "reserved" && p.Tail != "serial":
		return nil, nil, fmt.Errorf("profile: tail: %q is neither reserved nor serial", p.Tail)
	case p.MaxNotes < 1 || p.MaxNotes > 100 || p.MaxPerUnit < 1 || p.MaxPerUnit > 90:
		return nil, nil, errors.New("profile: maxNotes must be 1 to 100, maxPerUnit 1 to 90")
	case p.NearEndBit < 0 || p.NearEndBit > 7:
		return nil, nil, errors.New("profile: nearEndBit must be 0 to 7")
	}
	return &p, units, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, _, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return puloon.Capabilities(p.MaxNotes, p.MaxPerUnit, p.Exit == "hold", p.ItemsTakenSensor), nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, units, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return puloon.New(puloon.Options{
		Model: layout{profile: p, file: filepath.Join(e.StateDir, "before.json")}, Env: e, Mode: serialport.Mode{Baud: p.Baud, Parity: p.Parity}, ID: commID,
		Times: puloon.Times{Ack: ms(p.AckMs), Reply: ms(p.ReplyMs), PerNote: ms(p.PerNoteMs), Status: ms(p.StatusMs), Quiet: ms(p.QuietMs), Probe: ms(p.ProbeMs),
			Close: ms(p.CloseMs), Retries: p.Retries},
		Status: cmdStatus, Purge: cmdPurge, Still: []byte{cmdStatus, cmdLast, cmdSerial},
		Cassettes: cassettes, Units: units, PerUnit: p.MaxPerUnit, Total: p.MaxNotes, Hold: p.Exit == "hold",
		Good: []byte{good}, Faults: faults, Vendor: p.VendorCodes, NoTray: 0x26, NoCassette: bytes.Repeat([]byte{0x24}, cassettes),
		Poll: ms(p.PollMs), HeldPoll: ms(p.HeldPollMs), Listen: ms(p.RecoverListenMs), Max: ms(p.RecoverMaxMs),
	}), nil
}
