package device

import (
	"encoding/json"
	"strings"

	"zhigui/drivers/api"
)

// EvError is pushed when a device fails (XFS4IoT Common).
const EvError = "Common.ErrorEvent"

// Fault is the payload of Common.ErrorEvent.
type Fault struct {
	EventID           string `json:"eventId"`          // hardware, software, user, fraudAttempt
	Action            string `json:"action,omitempty"` // reset, softwareError, clear, maintenance, suspend
	VendorDescription string `json:"vendorDescription,omitempty"`
}

// jams are errors of a class that say the mechanism failed.
var jams = map[string]bool{"mediaJam": true, "mediaJammed": true, "paperJammed": true, "shutterFail": true, "pageTurnFail": true, "mediaTurnFail": true,
	"retractFailure": true, "incompleteRetract": true, "presentErrorUnknown": true}

// faultOf says what a completion tells of the device's health; false: nothing.
func faultOf(c api.Completion) (f Fault, ok bool) {
	f.VendorDescription = c.Description
	if c.Vendor != nil {
		f.VendorDescription = strings.TrimSpace(c.Vendor.Code + " " + c.Vendor.Name)
	}
	switch {
	case c.Code == api.FraudAttempt:
		f.EventID, f.Action = "fraudAttempt", "maintenance"
	case c.Code == api.UserError:
		f.EventID, f.Action = "user", "clear"
	case c.Code == api.InternalError && c.Outcome != api.NotStarted:
		f.EventID, f.Action = "software", "softwareError"
	case c.Outcome == api.Indeterminate, c.Code == api.CommandErrorCode && c.Outcome == api.Failed && jams[c.ErrorCode]:
		f.EventID, f.Action = "hardware", "clear" // something may lie inside: a person looks
	case c.Code == api.HardwareError:
		f.EventID, f.Action = "hardware", "reset"
	default:
		return f, false
	}
	return f, true
}

// stateFaults are states of a device that are faults by themselves.
var stateFaults = map[api.DeviceState]Fault{
	api.StateHardwareError:  {EventID: "hardware", Action: "maintenance"},
	api.StateUserError:      {EventID: "user", Action: "clear"},
	api.StateFraudAttempt:   {EventID: "fraudAttempt", Action: "maintenance"},
	api.StatePotentialFraud: {EventID: "fraudAttempt", Action: "maintenance"},
}

// health is what is known of a device's fault. It is one fault until the device is well
// again, however many commands and states tell of it.
type health struct {
	fault  Fault
	by     string // the command that told; "" for a state
	native bool   // the driver pushes Common.ErrorEvent by itself
}

// OnFault registers a listener for faults that the driver does not push by itself.
func (d *Device) OnFault(f func(Fault)) { d.faults = append(d.faults, f) }

// Fault is what the device suffers from, "" if nothing.
func (d *Device) Fault() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.health.fault.EventID == "" {
		return ""
	}
	return strings.TrimSuffix(d.health.fault.EventID+": "+d.health.fault.VendorDescription, ": ")
}

// judge looks at a completion.
func (d *Device) judge(command string, c api.Completion) {
	f, bad := faultOf(c)
	d.mu.Lock()
	if c.Outcome == api.Done && (command == d.health.by || strings.HasSuffix(command, ".Reset")) {
		d.health.fault, d.health.by = Fault{}, ""
	}
	d.mu.Unlock()
	if bad {
		d.suffer(f, command)
	}
}

// changed looks at a change of common.device.
func (d *Device) changed(from, to api.DeviceState, reason string, software bool) {
	if from == to {
		return
	}
	f, bad := stateFaults[to]
	if bad {
		if f.VendorDescription = reason; software {
			f.EventID, f.Action = "software", "softwareError"
		}
		d.suffer(f, "")
		return
	}
	d.mu.Lock()
	if to == api.Online && d.health.by == "" {
		d.health.fault = Fault{}
	}
	d.mu.Unlock()
}

// suffer tells of a fault, if it is a new one.
func (d *Device) suffer(f Fault, by string) {
	d.mu.Lock()
	was := d.health.fault
	known := was.EventID == f.EventID && (by == "" || was.VendorDescription == f.VendorDescription)
	if !known {
		d.health.fault, d.health.by = f, by
	}
	native := d.health.native
	d.mu.Unlock()
	if known || native {
		return
	}
	for _, l := range d.faults {
		l(f)
	}
}

// pushed takes a fault that the driver itself tells of.
func (d *Device) pushed(ev api.Event) {
	var f Fault
	_ = json.Unmarshal(ev.Payload, &f) // an empty one says at least that there is a fault
	d.mu.Lock()
	d.health = health{fault: f, native: true}
	d.mu.Unlock()
}
