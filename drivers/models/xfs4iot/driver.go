package xfs4iot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/sdk"
)

type profile struct {
	Token   string `json:"token"`
	OpenMs  int    `json:"openMs"`
	ReplyMs int    `json:"replyMs"`
	GraceMs int    `json:"graceMs"`
	AgainMs int    `json:"againMs"`
	PingMs  int    `json:"pingMs"`

	// Of the dispenser and the acceptor.
	Units    map[string]string `json:"units"`
	Exit     string            `json:"exit"`
	Retract  string            `json:"retract"`
	Present  bool              `json:"present"`
	SettleMs int               `json:"settleMs"`
	MaxNotes int               `json:"maxNotes"`
	Escrow   bool              `json:"escrow"`
	EndToEnd bool              `json:"endToEnd"`
	// Of the PIN pad.
	Keys      map[string]string `json:"keys"`
	PAN       string            `json:"pan"`
	PinFiller int               `json:"pinFiller"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.SettleMs < 0 || p.MaxNotes < 0 || p.PinFiller < 0 || p.PinFiller > 15 || p.PAN != "" && p.PAN != "withoutCheck" && p.PAN != "full" {
		return nil, errors.New("profile: settleMs, maxNotes, pinFiller (0 to 15) or pan (withoutCheck, full)")
	}
	if p.OpenMs <= 0 || p.ReplyMs <= 0 || p.GraceMs <= 0 || p.AgainMs <= 0 || p.PingMs <= 0 {
		return nil, errors.New("profile: every time must be above zero")
	}
	return &p, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

type driver struct {
	env      sdk.Env
	p        *profile
	commands map[string]api.Motion
	down     chan struct{} // closed by Close

	mu       sync.Mutex
	link     *link
	status   map[string]map[string]json.RawMessage
	versions map[string]string // of the commands, by name
	firmware string
	serial   string
	heard    func(name string) // an event came, or a link is up ("")
}

// Open implements sdk.Driver.
func (d *driver) Open(ctx context.Context) error {
	if err := d.connect(ctx); err != nil {
		return err
	}
	d.env.Go(d.keep)
	return nil
}

// connect opens a link and asks what is there.
func (d *driver) connect(ctx context.Context) error {
	open, cancel := context.WithTimeout(ctx, ms(d.p.OpenMs))
	defer cancel()
	l, err := dial(open, d.env.Port, d.p.Token, d.note, func(err error) { d.env.Log.Warn("service provider", "error", err) })
	if err != nil {
		return err
	}
	var caps struct {
		Interfaces []struct {
			Name     string
			Commands map[string]struct{ Versions []string }
		}
		Common struct {
			DeviceInformation []struct{ ModelName, SerialNumber, RevisionNumber string }
		}
	}
	var status map[string]map[string]json.RawMessage
	err = l.ask(ctx, "Common.Capabilities", "2.0", ms(d.p.ReplyMs), nil, &caps)
	if err == nil {
		err = l.ask(ctx, "Common.Status", "2.0", ms(d.p.ReplyMs), nil, &status)
	}
	if err != nil {
		l.close()
		return fmt.Errorf("service provider: %w", err)
	}
	d.mu.Lock()
	d.link, d.status, d.versions = l, status, map[string]string{}
	for _, i := range caps.Interfaces {
		for name, c := range i.Commands {
			if len(c.Versions) > 0 {
				d.versions[strings.ToLower(i.Name)+"."+name] = slices.Max(c.Versions)
			}
		}
	}
	if info := caps.Common.DeviceInformation; len(info) > 0 {
		d.firmware, d.serial = info[0].RevisionNumber, info[0].SerialNumber
	}
	d.mu.Unlock()
	if d.heard != nil {
		d.heard("")
	}
	d.env.StatusChanged()
	return nil
}

// keep tests the link and makes a new one when it is lost.
func (d *driver) keep() {
	for {
		l, _ := d.current()
		pause := ms(d.p.PingMs)
		if l == nil {
			pause = ms(d.p.AgainMs)
		}
		var gone <-chan struct{}
		if l != nil {
			gone = l.gone
		}
		select {
		case <-d.down:
			return
		case <-gone:
			d.mu.Lock()
			d.link = nil
			d.mu.Unlock()
			d.env.StatusChanged()
			continue
		case <-time.After(pause):
		}
		if l == nil {
			_ = d.connect(context.Background()) // said by the status; tried again
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), ms(d.p.ReplyMs))
		if l.ping(ctx) != nil {
			l.close()
		}
		cancel()
	}
}

func (d *driver) current() (*link, map[string]map[string]json.RawMessage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.link, d.status
}

// note takes an event that belongs to no open command.
func (d *driver) note(m message) {
	if d.heard != nil {
		d.heard(m.Header.Name)
	}
	if m.Header.Name != "Common.StatusChangedEvent" {
		d.env.Event(m.Header.Name, m.Payload)
		return
	}
	var delta map[string]map[string]json.RawMessage
	if json.Unmarshal(m.Payload, &delta) != nil {
		return
	}
	d.mu.Lock()
	next := map[string]map[string]json.RawMessage{}
	for iface, members := range d.status {
		next[iface] = maps.Clone(members)
	}
	for iface, members := range delta {
		for k, v := range members {
			if string(v) == "null" {
				continue // not changed
			}
			if next[iface] == nil {
				next[iface] = map[string]json.RawMessage{}
			}
			next[iface][k] = v
		}
	}
	d.status = next
	d.mu.Unlock()
	d.env.StatusChanged()
}

// Status implements sdk.Driver: what the service provider says, and offline without it.
func (d *driver) Status() map[string]any {
	l, status := d.current()
	if l == nil {
		return map[string]any{"common": map[string]any{"device": api.Offline, "X-reason": errLost.Error()}}
	}
	out := map[string]any{}
	for iface, members := range status {
		out[iface] = members
	}
	if out["common"] == nil {
		out["common"] = map[string]any{"device": api.Online}
	}
	return out
}

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, d.serial
}

// ask runs a command that needs no person on the present link.
func (d *driver) ask(ctx context.Context, name string, in, out any) error {
	l, _ := d.current()
	if l == nil {
		return errLost
	}
	return l.ask(ctx, name, d.version(name), ms(d.p.ReplyMs), in, out)
}

// version is the newest of a command that the service provider speaks.
func (d *driver) version(command string) string {
	iface, name, _ := strings.Cut(command, ".")
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.versions[strings.ToLower(iface)+"."+name]; v != "" {
		return v
	}
	return "2.0"
}

// Recover implements sdk.Driver. The standard keeps no record of past commands, so that what
// was interrupted stays unproven; where a card lies, the status says.
func (d *driver) Recover(ctx context.Context, _ []sdk.OpenOp) (api.Recovery, error) {
	l, _ := d.current()
	if l == nil {
		return api.Recovery{}, errLost
	}
	var st struct{ CardReader struct{ Media string } }
	if err := l.ask(ctx, "Common.Status", "2.0", ms(d.p.ReplyMs), nil, &st); err != nil {
		return api.Recovery{}, err
	}
	r := api.Recovery{}
	switch st.CardReader.Media {
	case "present", "latched", "jammed":
		r.Media = map[string]int{"transport": 1}
	case "entering":
		r.Media = map[string]int{"exit": 1}
	}
	return r, nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error {
	close(d.down)
	if l, _ := d.current(); l != nil {
		l.close()
	}
	return nil
}

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	var object map[string]any
	if err := sdk.Decode(cmd, &object); err != nil {
		return sdk.BadPayload(err)
	}
	return d.run(ctx, cmd, emit)
}

// run sends a command as it is and waits for its end.
func (d *driver) run(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	l, _ := d.current()
	if l == nil {
		return api.Refuse(api.DeviceNotReady, errLost.Error())
	}
	var timeout time.Duration
	if !cmd.Deadline.IsZero() {
		timeout = time.Until(cmd.Deadline)
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	id, ch, err := l.send(context.WithoutCancel(ctx), cmd.Name, d.version(cmd.Name), max(timeout, 0), cmd.Payload)
	if err != nil {
		return d.unclear(cmd, err) // part of the frame may have left
	}
	defer l.forget(id)
	stop := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case m := <-ch:
			switch {
			case m.Header.Type == "event":
				emit(api.Event{Name: m.Header.Name, Payload: m.Payload})
			case m.Header.Status != "":
				return api.Refuse(api.InvalidCommand, "service provider: "+m.Header.Status)
			default:
				return ended(m)
			}
		case <-l.gone:
			return d.unclear(cmd, errLost)
		case <-stop: // asked to stop; the service provider ends the command, or not
			stop = nil
			_ = l.ask(context.WithoutCancel(ctx), "Common.Cancel", "2.0", ms(d.p.ReplyMs), map[string]any{"requestIds": []int64{id}}, nil)
			late = time.After(ms(d.p.GraceMs))
		case <-late:
			return d.unclear(cmd, errors.New("the service provider does not end the command"))
		}
	}
}

// unclear is the completion of a command that nobody ends.
func (d *driver) unclear(cmd api.Command, err error) api.Completion {
	switch d.commands[cmd.Name] {
	case api.Still, api.Wait:
		return api.Refuse(api.HardwareError, err.Error())
	}
	return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: err.Error()}
}

// before are the completion codes of commands that were not begun.
var before = map[api.CompletionCode]bool{
	api.DeviceNotReady: true, api.InvalidCommand: true, api.InvalidRequestID: true, api.UnsupportedCommand: true, api.InvalidData: true,
	api.NoCommandNonce: true, api.InvalidToken: true, api.InvalidTokenNonce: true, api.InvalidTokenHMAC: true, api.InvalidTokenFormat: true, api.InvalidTokenKeyNoValue: true,
	api.UnsupportedData: true, api.SequenceError: true, api.AuthorizationRequired: true, api.NotEnoughSpace: true,
}

// known are the other codes of the standard.
var known = map[api.CompletionCode]api.Outcome{
	api.Success: api.Done, api.CodeCanceled: api.Canceled, api.CodeTimeOut: api.TimedOut, api.CommandErrorCode: api.Failed,
	api.HardwareError: api.Failed, api.InternalError: api.Failed, api.UserError: api.Failed, api.FraudAttempt: api.Failed,
}

// ended turns a completion into ours. A code that the standard does not have is a failure
// that says its name.
func ended(m message) api.Completion {
	c := api.Completion{Code: api.CompletionCode(m.Header.code()), Description: m.Header.ErrorDescription, Payload: m.Payload}
	if before[c.Code] {
		c.Outcome = api.NotStarted
		return c
	}
	outcome, ok := known[c.Code]
	if !ok {
		c.Description = fmt.Sprintf("completion code %.40q: %s", c.Code, c.Description)
		c.Code, outcome = api.InternalError, api.Failed
	}
	c.Outcome = outcome
	if c.Code == api.CommandErrorCode {
		var p struct{ ErrorCode string }
		_ = json.Unmarshal(m.Payload, &p) // without one the completion code says enough
		c.ErrorCode = p.ErrorCode
	}
	return c
}
