package device

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/conformance/xfs4iot"
)

// ends is a driver whose next command ends as it says.
type ends struct{ next api.Completion }

func (e *ends) Describe(context.Context) (api.Description, error) { return api.Description{}, nil }
func (e *ends) Execute(context.Context, api.Command, func(api.Event)) api.Completion {
	return e.next
}
func (e *ends) QueryOp(context.Context, api.OpID) (api.OpRecord, error) {
	return api.OpRecord{}, errors.New("no")
}
func (e *ends) Status(context.Context) (api.Status, error) { return api.Status{}, errors.New("no") }

func state(d *Device, s string) {
	d.Notice(api.Notice{Status: &api.Status{Classes: []byte(`{"common":{"device":"` + s + `"}}`)}})
}

func TestAFaultIsToldOnceUntilTheDeviceIsWell(t *testing.T) {
	drv := &ends{}
	d := New("cash", drv)
	var told []Fault
	d.OnFault(func(f Fault) { told = append(told, f) })
	run := func(name string, c api.Completion) { drv.next = c; d.Run(t.Context(), name, nil, nil) }
	jam := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Vendor: &api.VendorError{Code: "33", Name: "jam"}}
	done := api.Completion{Outcome: api.Done}

	state(d, "online")
	run("A.Move", jam)
	state(d, "hardwareError") // the same fault, seen from the other side
	run("A.Move", jam)
	run("A.Ask", done) // proves nothing
	if d.Fault() != "hardware: 33 jam" || len(told) != 1 {
		t.Fatalf("%q %+v", d.Fault(), told)
	}
	run("A.Reset", done)
	if d.Fault() != "" {
		t.Error(d.Fault())
	}
	run("A.Move", jam)
	run("A.Move", api.Completion{Outcome: api.Failed, Code: api.HardwareError, Vendor: &api.VendorError{Code: "35", Name: "another"}})
	run("A.Move", done)
	state(d, "online")
	state(d, "hardwareError")
	state(d, "online")
	state(d, "hardwareError")
	want := []Fault{{"hardware", "reset", "33 jam"}, {"hardware", "reset", "33 jam"}, {"hardware", "reset", "35 another"}, {"hardware", "maintenance", ""}, {"hardware", "maintenance", ""}}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsAFaultAndWhatToDoAboutIt(t *testing.T) {
	for _, c := range []struct {
		name          string
		c             api.Completion
		event, action string
	}{
		{"done", api.Completion{Outcome: api.Done}, "", ""},
		{"a customer who went", api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut}, "", ""},
		{"a refusal", api.Refuse(api.SequenceError, "busy"), "", ""},
		{"an empty cassette", api.Fail(api.Failed, "cashUnitError", "bill end"), "", ""},
		{"a jam", api.Fail(api.Failed, "mediaJam", "jam"), "hardware", "clear"},
		{"nobody knows", api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError}, "hardware", "clear"},
		{"no answer", api.Refuse(api.HardwareError, "silent"), "hardware", "reset"},
		{"a driver that broke", api.Completion{Outcome: api.Failed, Code: api.InternalError}, "software", "softwareError"},
		{"a skimmer", api.Completion{Outcome: api.Failed, Code: api.FraudAttempt}, "fraudAttempt", "maintenance"},
	} {
		f, ok := faultOf(c.c)
		if !ok {
			f = Fault{}
		}
		if f.EventID != c.event || f.Action != c.action {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

func TestADriverThatTellsByItselfIsNotRepeated(t *testing.T) {
	drv := &ends{next: api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "broken"}}
	d := New("cash", drv)
	told := 0
	d.OnFault(func(Fault) { told++ })
	payload := []byte(`{"eventId":"hardware","action":"clear","vendorDescription":"position B"}`)
	for _, p := range xfs4iot.Check("unsolicited", EvError, payload) {
		t.Error(p)
	}
	d.Notice(api.Notice{Event: &api.Event{Name: EvError, Payload: payload}})
	d.Run(t.Context(), "A.Move", nil, nil)
	if told != 0 || d.Fault() == "" {
		t.Errorf("%d %q", told, d.Fault())
	}
}

func TestAFailedDriverIsAFaultOfTheSoftware(t *testing.T) {
	d := New("card", &ends{})
	var told []Fault
	d.OnFault(func(f Fault) { told = append(told, f) })
	d.SetState(api.StateHardwareError, "it crashed five times")
	d.SetState(api.Starting, "again")
	state(d, "online")
	if diff := cmp.Diff([]Fault{{"software", "softwareError", "it crashed five times"}}, told); diff != "" || d.Fault() != "" {
		t.Error(diff, d.Fault())
	}
}
