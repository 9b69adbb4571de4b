// Package device is the native platform's view of its devices: the driver processes of
// drivers/host behind one small type with merged status, events and operation ids. Only
// the native platform imports it.
package device

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"zhigui/drivers/api"
)

// Driver is what a device needs of its driver; *host.Device has it, and so have fakes.
type Driver interface {
	Describe(ctx context.Context) (api.Description, error)
	Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion
	QueryOp(ctx context.Context, op api.OpID) (api.OpRecord, error)
	Status(ctx context.Context) (api.Status, error)
}

// Device is one device. Safe for concurrent use.
type Device struct {
	ID  string
	drv Driver

	mu      sync.Mutex
	classes map[string]map[string]json.RawMessage
	events  []func(api.Event)
	status  []func(json.RawMessage)
	faults  []func(Fault)
	health  health
}

// New wraps a driver. The caller feeds Notice with what the driver reports.
func New(id string, drv Driver) *Device {
	return &Device{ID: id, drv: drv, classes: map[string]map[string]json.RawMessage{
		"common": {"device": json.RawMessage(`"starting"`)},
	}}
}

// NewOp makes an operation id that no other operation ever has.
func NewOp() api.OpID {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return api.OpID(hex.EncodeToString(b[:]))
}

// Run executes a command under a new operation id.
func (d *Device) Run(ctx context.Context, name string, payload any, emit func(api.Event)) api.Completion {
	return d.RunOp(ctx, NewOp(), "", name, payload, emit)
}

// RunOp executes a command under the caller's operation id and transaction.
func (d *Device) RunOp(ctx context.Context, op api.OpID, txn, name string, payload any, emit func(api.Event)) api.Completion {
	cmd := api.Command{Op: op, Name: name, Txn: txn}
	switch p := payload.(type) {
	case nil:
	case json.RawMessage:
		cmd.Payload = p
	default:
		b, err := json.Marshal(p)
		if err != nil {
			return api.Refuse(api.InvalidData, fmt.Sprintf("payload of %s: %v", name, err))
		}
		cmd.Payload = b
	}
	if t, ok := ctx.Deadline(); ok {
		cmd.Deadline = t
	}
	if emit == nil {
		emit = func(api.Event) {}
	}
	done := d.drv.Execute(ctx, cmd, emit)
	d.judge(name, done)
	return done
}

// QueryOp asks the driver's journal.
func (d *Device) QueryOp(ctx context.Context, op api.OpID) (api.OpRecord, error) {
	return d.drv.QueryOp(ctx, op)
}

// Recover asks the hardware again what an operation did that ended unclear while its driver lived.
func (d *Device) Recover(ctx context.Context) (api.Recovery, error) {
	r, ok := d.drv.(interface {
		Recover(ctx context.Context) (api.Recovery, error)
	})
	if !ok {
		return api.Recovery{}, errors.New("the driver cannot be asked again")
	}
	return r.Recover(ctx)
}

// Refresh reads the whole status from the driver.
func (d *Device) Refresh(ctx context.Context) error {
	st, err := d.drv.Status(ctx)
	if err != nil {
		return err
	}
	d.merge(st.Classes, true, false)
	return nil
}

// Describe asks the driver.
func (d *Device) Describe(ctx context.Context) (api.Description, error) { return d.drv.Describe(ctx) }

// OnEvent registers a listener for unsolicited events; register before notices flow.
func (d *Device) OnEvent(f func(api.Event)) { d.events = append(d.events, f) }

// OnStatus registers a listener for status deltas (an object keyed by interface).
func (d *Device) OnStatus(f func(json.RawMessage)) { d.status = append(d.status, f) }

// Notice takes one element of the driver's unsolicited stream.
func (d *Device) Notice(n api.Notice) {
	if n.Event != nil {
		if n.Event.Name == EvError {
			d.pushed(*n.Event)
		}
		for _, f := range d.events {
			f(*n.Event)
		}
	}
	if n.Status != nil {
		d.merge(n.Status.Classes, n.Status.Full, false)
	}
}

// SetState overrides common.device, when the driver process itself is the trouble.
func (d *Device) SetState(s api.DeviceState, reason string) {
	st, _ := json.Marshal(s)
	rs, _ := json.Marshal(reason)
	raw, _ := json.Marshal(map[string]any{"common": map[string]json.RawMessage{"device": st, "X-reason": rs}})
	d.merge(raw, false, true)
}

// merge takes a status; software says that not the device but its driver is the trouble.
func (d *Device) merge(raw json.RawMessage, full, software bool) {
	var delta map[string]map[string]json.RawMessage
	if json.Unmarshal(raw, &delta) != nil {
		return
	}
	before := d.State()
	d.mu.Lock()
	if full {
		d.classes = map[string]map[string]json.RawMessage{}
	}
	for iface, members := range delta {
		if d.classes[iface] == nil {
			d.classes[iface] = map[string]json.RawMessage{}
		}
		for k, v := range members {
			d.classes[iface][k] = v
		}
	}
	d.mu.Unlock()
	var c struct {
		Reason string `json:"X-reason"`
	}
	d.Read("common", &c)
	d.changed(before, d.State(), c.Reason, software)
	for _, f := range d.status {
		f(raw)
	}
}

// Status is the merged status, the payload of Common.Status.
func (d *Device) Status() json.RawMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := json.Marshal(d.classes)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return b
}

// Read decodes one interface's status into v.
func (d *Device) Read(iface string, v any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := json.Marshal(d.classes[iface])
	if err == nil {
		_ = json.Unmarshal(b, v) // a status that does not decode reads as unknown
	}
}

// State is common.device.
func (d *Device) State() api.DeviceState {
	var c struct {
		Device api.DeviceState `json:"device"`
	}
	d.Read("common", &c)
	return c.Device
}
