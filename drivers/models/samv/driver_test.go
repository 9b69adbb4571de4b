package samv_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/idcard"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/samv"
	"zhigui/sim/device"
	reader "zhigui/sim/device/samv"
)

func TestMain(m *testing.M) { conformance.Main(m, samv.Model) }

func setup(t *testing.T, c reader.Config) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "samv", IDReader: &c})
	r := conformance.Start(t, samv.Model, sim.Port(), map[string]any{"pollMs": 40, "replyMs": 300, "findMs": 20, "readReplyMs": 2000})
	<-r.Recoveries
	return sim, r
}

func do(t *testing.T, sim *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := sim.Do(action, a); err != nil {
		t.Fatal(err)
	}
}

func card(t *testing.T, c api.Completion) (out idcard.Card) {
	t.Helper()
	if err := json.Unmarshal(c.Payload, &out); err != nil || c.Outcome != api.Done {
		t.Fatalf("%s %s %s, %v", c.Outcome, c.ErrorCode, c.Description, err)
	}
	return out
}

func TestACardThatIsLaidOnIsReadWithTextAndPhotograph(t *testing.T) {
	sim, r := setup(t, reader.Config{})
	events, done := r.Begin(t.Context(), r.Command(idcard.CmdRead, nil))
	conformance.Next(t, events, idcard.EvPresent)
	do(t, sim, "placeCard", device.Args{"card": "买买提·样例"})
	conformance.Next(t, events, idcard.EvFound)
	if e := conformance.Next(t, events, idcard.EvRead); string(e.Payload) != `{"number":"9****************9"}` {
		t.Errorf("%s", e.Payload)
	}
	p := reader.People()[1]
	got := card(t, conformance.Ended(t, done))
	if got.Name != p.Name || got.Number != p.Number || got.Address != p.Address || got.NationName != "维吾尔" || len(got.Photo) != 1024 || got.Fingerprint != nil {
		t.Errorf("%s with %d bytes of photograph", got, len(got.Photo))
	}
}

func TestTheFingerprintBlockComesWhenItIsAskedForAndThere(t *testing.T) {
	for name, want := range map[string]int{"张测试": 1024, "李示范": 0} {
		sim, r := setup(t, reader.Config{})
		do(t, sim, "placeCard", device.Args{"card": name})
		c, _ := r.Do(idcard.CmdRead, idcard.Read{Fingerprint: true})
		if got := card(t, c); len(got.Fingerprint) != want || got.Name != name {
			t.Errorf("%s: %d bytes", got, len(got.Fingerprint))
		}
	}
}

// What the card holds is in the completion only: no log line, no event, no trace and no file
// of the driver has a piece of it.
func TestNothingOfACardIsLoggedOrKept(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "samv"})
	var c api.Completion
	var all strings.Builder
	r := conformance.Start(t, samv.Model, sim.Port(), map[string]any{"findMs": 20})
	do(t, sim, "placeCard", nil)
	c = r.Device.Execute(t.Context(), r.Command(idcard.CmdRead, idcard.Read{Fingerprint: true}), func(e api.Event) { all.WriteString(e.Name + string(e.Payload)) })
	p := reader.People()[0]
	if got := card(t, c); got.Number != p.Number {
		t.Fatal("not read")
	}
	do(t, sim, "removeCard", nil)
	do(t, sim, "placeCard", nil)
	if err := sim.ArmFault(device.FaultSpec{Code: "41", Stage: device.BeforeMotion, Times: 0}); err != nil {
		t.Fatal(err)
	}
	failed, _ := r.Do(idcard.CmdRead, nil)
	all.WriteString(failed.Description + string(failed.Payload))
	all.WriteString(r.Log.String())
	for _, f := range sim.Trace() {
		all.WriteString(f.Hex + f.Decoded)
	}
	err := filepath.Walk(r.StateDir, func(path string, i os.FileInfo, err error) error {
		if err != nil || !i.Mode().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{p.Name, p.Number, p.Number[6:14], p.Address[:12], "39 00 39 00 30 00"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%q was logged or kept", secret)
		}
	}
}

func TestACardThatMovesIsLookedForAgain(t *testing.T) {
	sim, r := setup(t, reader.Config{})
	do(t, sim, "placeCard", nil)
	for _, f := range []device.FaultSpec{{Code: "81", Stage: device.BeforeMotion, Times: 1}, {Code: "41", Stage: device.BeforeMotion, Times: 1}} {
		if err := sim.ArmFault(f); err != nil {
			t.Fatal(err)
		}
	}
	c, events := r.Do(idcard.CmdRead, nil)
	if got := card(t, c); got.Number == "" || len(events) != 3 {
		t.Errorf("%v", events)
	}
}

func TestWhatTheReaderRefusesHasItsNumber(t *testing.T) {
	for code, want := range map[string]string{"31": idcard.ErrNotGenuine, "47": idcard.ErrUnreadable, "66": idcard.ErrNotPermitted, "41": idcard.ErrUnreadable} {
		sim, r := setup(t, reader.Config{})
		do(t, sim, "placeCard", nil)
		f := device.FaultSpec{Code: code, Stage: device.BeforeMotion, Times: 0}
		if code == "66" {
			f.Command = "2001"
		}
		if err := sim.ArmFault(f); err != nil {
			t.Fatal(err)
		}
		if c, _ := r.Do(idcard.CmdRead, nil); c.Outcome != api.Failed || c.ErrorCode != want || c.Vendor == nil || c.Vendor.Code != code {
			t.Errorf("%s: %s %s %v", code, c.Outcome, c.ErrorCode, c.Vendor)
		}
	}
}

func TestACardOfAnotherKindIsNotTakenForAResidents(t *testing.T) {
	p := reader.People()[0]
	p.Number = "H00000001"
	sim, r := setup(t, reader.Config{Cards: []reader.Person{p}})
	do(t, sim, "placeCard", nil)
	if c, _ := r.Do(idcard.CmdRead, nil); c.Outcome != api.Failed || c.ErrorCode != idcard.ErrUnsupported || strings.Contains(c.Description, "H000") {
		t.Errorf("%s %s", c.Outcome, c.ErrorCode)
	}
}

func TestAModuleThatFailsItsSelfTestIsAStatus(t *testing.T) {
	sim, r := setup(t, reader.Config{})
	do(t, sim, "setStatus", device.Args{"name": "module", "value": "selftest"})
	r.Await("hardwareError", func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"hardwareError"`)
	})
	d, err := r.Device.Describe(t.Context())
	if err != nil || d.SerialNum != "05.03-20260101-0000001234-0000005678" {
		t.Errorf("%+v %v", d, err)
	}
}
