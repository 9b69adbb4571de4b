package platform

import (
	"context"
	"errors"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/terminal/internal/device"
)

// jammed is a driver whose every command fails.
type jammed struct{}

func (jammed) Describe(context.Context) (api.Description, error) { return api.Description{}, nil }
func (jammed) Execute(context.Context, api.Command, func(api.Event)) api.Completion {
	return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Vendor: &api.VendorError{Code: "35", Name: "jam at EXIT"}}
}
func (jammed) QueryOp(context.Context, api.OpID) (api.OpRecord, error) {
	return api.OpRecord{}, errors.New("no")
}
func (jammed) Status(context.Context) (api.Status, error) { return api.Status{}, errors.New("no") }

func TestTheServerReadsAFaultInTheWordsOfItsErrorEvent(t *testing.T) {
	d := device.New("cash", jammed{})
	var told []device.Fault
	d.OnFault(func(f device.Fault) { told = append(told, f) })
	now := time.Now()
	if m := module("cash", "m", d, now); m.Detail != "" {
		t.Errorf("%+v", m)
	}
	d.Run(t.Context(), "CashDispenser.Dispense", nil, nil)
	if m := module("cash", "m", d, now); len(told) != 1 || m.Detail != "hardware: "+told[0].VendorDescription || m.Detail != "hardware: 35 jam at EXIT" {
		t.Errorf("%+v %+v", m, told)
	}
}
