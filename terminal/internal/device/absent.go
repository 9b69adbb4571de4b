package device

import (
	"context"
	"errors"

	"zhigui/drivers/api"
)

// Absent is a device that this kind of terminal does not have: its status says so (noDevice of
// Common.Status) and every command is refused.
func Absent(id string) *Device {
	d := New(id, absent{})
	d.SetState(api.NoDevice, errAbsent.Error())
	return d
}

// Fitted reports whether the terminal has the device.
func (d *Device) Fitted() bool { return d != nil && d.drv != Driver(absent{}) }

var errAbsent = errors.New("this terminal has no such device")

// absent is the driver of a device that is not there.
type absent struct{}

func (absent) Describe(context.Context) (api.Description, error) {
	return api.Description{}, errAbsent
}

func (absent) Execute(context.Context, api.Command, func(api.Event)) api.Completion {
	return api.Refuse(api.DeviceNotReady, errAbsent.Error())
}

func (absent) QueryOp(context.Context, api.OpID) (api.OpRecord, error) {
	return api.OpRecord{}, errAbsent
}

func (absent) Status(context.Context) (api.Status, error) { return api.Status{}, errAbsent }
