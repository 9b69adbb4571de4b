// Package puloonlcdm2000 drives the Puloon LCDM-1000 and LCDM-2000 cash dispensers. The
// bytes and their sources are in README.md. Imported by drivers/models and tests.
//
// The rule of this package: a command that moves notes is sent once. Only a NAK lets it be
// sent again. What is not answered is looked at, never repeated.
package puloonlcdm2000

import (
	"context"
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
	retract := map[string]bool{"reject": p.Exit == "hold"}
	out := map[string]any{
		"cashDispenser": map[string]any{
			"type": "selfServiceBill", "maxDispenseItems": p.MaxNotes * p.Cassettes, "X-maxItemsPerUnit": p.MaxNotes,
			"intermediateStacker": false, "itemsTakenSensor": p.Exit == "hold" && p.ItemsTakenSensor,
			"positions": map[string]bool{"front": true}, "retractAreas": retract, "shutterControl": false,
		},
		"cashManagement": map[string]any{"cashBox": false, "exchangeType": map[string]bool{"byHand": true}},
	}
	if p.EndToEnd {
		out["common"] = map[string]any{"endToEndSecurity": map[string]any{"required": "ifConfigured", "hardwareSecurityElement": false,
			"responseSecurityEnabled": "ifConfigured", "commands": []string{cash.CmdDispense}, "commandNonceTimeout": p.NonceSeconds}}
	}
	return out, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

type driver struct {
	env   sdk.Env
	p     *profile
	units map[string]int // cash unit id → cassette, 0 upper, 1 lower
	line  sync.Mutex     // held while frames are exchanged
	link  *puloon.Link
	stop  chan struct{}
	ended sync.WaitGroup

	mu       sync.Mutex
	firmware string
	online   bool
	known    bool // seen holds what the device said
	seen     sensors
	empty    [2]bool // bill end was reported; until the cassette is taken out
	held     bool    // notes of a dispense lie at the exit
	trust    trust
	unsettle bool // a movement ended without a trustworthy result
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, units, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p, units: units, stop: make(chan struct{})}, nil
}

// Open opens the port only: the device may still be paying out for an earlier incarnation
// and then answers nobody. Recover talks to it.
func (d *driver) Open(context.Context) error {
	port, err := serialport.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, Parity: d.p.Parity})
	if err != nil {
		return err
	}
	d.link = &puloon.Link{Port: port, ID: commID, Status: cmdStatus, Still: []byte{cmdStatus, cmdROM, cmdTrust, cmdNonce, cmdForget, cmdToken, cmdResponse}, Times: puloon.Times{
		Ack: ms(d.p.AckMs), Reply: ms(d.p.ReplyMs), PerNote: ms(d.p.PerNoteMs), Status: ms(d.p.StatusMs), Quiet: ms(d.p.QuietMs), Probe: ms(d.p.ProbeMs), Retries: d.p.Retries}}
	d.ended.Add(1)
	d.env.Go(func() { defer d.ended.Done(); d.poll() })
	return nil
}

// Close ends the polling and closes the port.
func (d *driver) Close() error {
	select {
	case <-d.stop:
		return nil
	default:
		close(d.stop)
	}
	if d.link == nil {
		return nil
	}
	d.ended.Wait()
	return d.link.Port.Close()
}

// Identity is the ROM version; the device has no serial number on the wire.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, ""
}

// exclusive takes the line; the watchdog is told how long it may take at most.
func (d *driver) exclusive(limit time.Duration) (release func()) {
	d.line.Lock()
	d.env.Heart.Expect(limit + 30*time.Second)
	return func() { d.env.Heart.Rest(); d.line.Unlock() }
}

// look asks for the status, under the line lock, and remembers it.
func (d *driver) look(tries int) (sensors, error) {
	if d.link.Port.Gone() {
		if err := d.link.Port.Reopen(); err != nil {
			d.absent()
			return sensors{}, err
		}
	}
	data, err := d.link.Ask(cmdStatus, tries)
	if err != nil {
		d.absent()
		return sensors{}, err
	}
	s, err := parseStatus(data)
	if err != nil {
		return sensors{}, err
	}
	d.mu.Lock()
	for u := range d.empty {
		if d.missing(s, u) {
			d.empty[u] = false // it comes back filled
		}
	}
	d.seen, d.known, d.online = s, true, true
	d.mu.Unlock()
	d.env.StatusChanged()
	return s, nil
}

func (d *driver) absent() {
	d.mu.Lock()
	d.online = false
	d.mu.Unlock()
	d.env.StatusChanged()
}

func (d *driver) missing(s sensors, unit int) bool {
	return bit(s.s1, 1+unit) == d.p.CassetteAbsentBit
}

func (d *driver) trayMissing(s sensors) bool { return bit(s.s1, 6) != d.p.RejectTrayPresentBit }

// poll keeps the status true and sees the notes being taken.
func (d *driver) poll() {
	for {
		d.mu.Lock()
		wait := ms(d.p.PollMs)
		if d.held {
			wait = ms(d.p.HeldPollMs)
		}
		known := d.known
		d.mu.Unlock()
		select {
		case <-d.stop:
			return
		case <-time.After(wait):
		}
		if !known || !d.line.TryLock() {
			continue // Recover speaks first; a command looks by itself
		}
		d.env.Heart.Expect(30 * time.Second)
		s, err := d.look(1)
		if err == nil {
			d.lookTrust()
		}
		d.env.Heart.Rest()
		d.line.Unlock()
		if err == nil {
			d.taken(s)
		}
	}
}

// taken tells that held notes are gone from the exit.
func (d *driver) taken(s sensors) {
	d.mu.Lock()
	gone := d.held && !s.exit()
	if gone {
		d.held = false
	}
	d.mu.Unlock()
	if gone {
		d.env.StatusChanged()
		d.env.Event(cash.EvItemsTaken, map[string]string{"position": "outDefault"})
	}
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := api.Offline
	st := cash.Status{Transport: "unknown", Units: map[string]cash.UnitStatus{}}
	pos := cash.Position{Position: "outDefault", PositionStatus: "unknown", Transport: "unknown"}
	if d.online {
		dev = api.Online
		word := map[bool]string{true: "notEmpty", false: "empty"}
		st.Transport, pos.PositionStatus, pos.Transport = word[d.seen.path()], word[d.seen.exit()], "ok"
		if d.seen.path() {
			pos.Transport = "inoperative"
			dev = api.StateHardwareError
		}
	}
	st.Positions = []cash.Position{pos}
	for id, u := range d.units {
		st.Units[id] = cash.UnitStatus{State: d.unitState(u)}
	}
	common := map[string]any{"device": dev, "X-unsettled": d.unsettle}
	if d.p.EndToEnd && d.trust.known {
		common["endToEndSecurity"] = map[bool]string{true: "enforced", false: "notConfigured"}[d.trust.key]
	}
	return map[string]any{"common": common, "cashDispenser": st}
}

// unitState, with mu held.
func (d *driver) unitState(u int) string {
	switch {
	case !d.known:
		return "inoperative"
	case d.missing(d.seen, u):
		return "missing"
	case d.empty[u]:
		return "empty"
	case d.seen.nearEnd(u):
		return "low"
	}
	return "ok"
}
