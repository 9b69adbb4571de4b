package modbussiu_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/siu"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/modbussiu"
	"zhigui/sim/device"
	board "zhigui/sim/device/modbussiu"
)

func TestMain(m *testing.M) { conformance.Main(m, modbussiu.Model) }

func setup(t *testing.T) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "modbussiu"})
	r := conformance.Start(t, modbussiu.Model, sim.Port(), map[string]any{"pollMs": 30, "replyMs": 300})
	<-r.Recoveries
	return sim, r
}

// changed waits for a status delta that holds the member with the value.
func changed(t *testing.T, r *conformance.Rig, member string, value any) {
	t.Helper()
	r.Await(member, func(n api.Notice) bool {
		var s struct {
			Auxiliaries map[string]any `json:"auxiliaries"`
		}
		return n.Status != nil && json.Unmarshal(n.Status.Classes, &s) == nil && s.Auxiliaries[member] == value
	})
}

func TestWhatASensorSeesBecomesAStatusChange(t *testing.T) {
	sim, r := setup(t)
	for _, tc := range []struct {
		action string
		args   device.Args
		member string
		value  any
	}{
		{"openDoor", device.Args{"door": "front"}, "cabinetFrontDoor", "open"},
		{"openDoor", device.Args{"door": "safe"}, "safeDoor", "open"},
		{"approach", nil, "proximitySensor", "present"},
		{"plugHeadset", nil, "headsetMicrophoneSensor", "present"},
		{"pressCallButton", nil, "operatorCallButtonSensor", "on"},
		{"setStatus", device.Args{"name": "operatorSwitch", "value": "supervisor"}, "operatorSwitch", "supervisor"},
		{"setTemperature", device.Args{"tenths": -55}, "X-temperature", -5.5},
		{"closeDoor", device.Args{"door": "front"}, "cabinetFrontDoor", "closed"},
	} {
		if _, err := sim.Do(tc.action, tc.args); err != nil {
			t.Fatal(err)
		}
		changed(t, r, tc.member, tc.value)
	}
}

func TestALampIsSetAndWhatIsNotNamedStays(t *testing.T) {
	sim, r := setup(t)
	set := func(l siu.SetLight) {
		t.Helper()
		if c, _ := r.Do(siu.CmdSetLight, l); c.Outcome != api.Done {
			t.Fatalf("%+v", c)
		}
	}
	set(siu.SetLight{"cardReader": {"default": {FlashRate: "quick", Color: "green", Direction: "entry"}}, "statusGood": {"default": {FlashRate: "continuous"}}})
	set(siu.SetLight{"cardReader": {"default": {FlashRate: "slow"}}})
	v := sim.Physical().(board.View)
	if v.Lamps[0] != 1+32+256 || len(v.Coils) != 1 || v.Coils[0] != 8 {
		t.Errorf("%+v", v)
	}
	var got map[string]map[string]siu.Light
	r.Status("lights", &got)
	if diff := cmp.Diff(siu.Light{FlashRate: "slow", Color: "green", Direction: "entry"}, got["cardReader"]["default"]); diff != "" {
		t.Error(diff)
	}
}

func TestARequestIsCheckedAsAWholeBeforeAByteIsSent(t *testing.T) {
	sim, r := setup(t)
	for _, l := range []siu.SetLight{
		{},
		{"coinDispenser": {"default": {FlashRate: "slow"}}},
		{"cardReader": {"left": {FlashRate: "slow"}}},
		{"cardReader": {"default": {FlashRate: "slow"}}, "statusGood": {"default": {FlashRate: "quick"}}},
	} {
		if c, _ := r.Do(siu.CmdSetLight, l); c.Outcome != api.NotStarted || c.ErrorCode != siu.ErrInvalidLight {
			t.Errorf("%v: %+v", l, c)
		}
	}
	for _, a := range []map[string]any{{"vandalShield": "open"}, {"heating": "hot"}, {"volume": 0}, {"volume": "loud"}, {"heating": 1}} {
		if c, _ := r.Do(siu.CmdSetAuxiliaries, a); c.Outcome != api.NotStarted || c.ErrorCode != siu.ErrInvalidAuxiliary {
			t.Errorf("%v: %+v", a, c)
		}
	}
	if v := sim.Physical().(board.View); len(v.Coils) != 0 || v.Lamps[0] != 0 {
		t.Errorf("something was set: %+v", v)
	}
}

func TestAuxiliariesAreSetAndReadBack(t *testing.T) {
	sim, r := setup(t)
	if c, _ := r.Do(siu.CmdSetAuxiliaries, map[string]any{"safeDoor": "bolt", "volume": 800, "audibleAlarm": "on"}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	var aux map[string]any
	r.Status("auxiliaries", &aux)
	if aux["safeDoor"] != "bolted" || aux["volume"] != 800.0 || aux["audibleAlarm"] != "on" {
		t.Errorf("%v", aux)
	}
	if _, err := sim.Do("openDoor", device.Args{"door": "safe"}); err == nil {
		t.Error("a bolted door was opened")
	}
}

func TestAnExceptionOfTheBoardHasItsNumber(t *testing.T) {
	sim, r := setup(t)
	if err := sim.ArmFault(device.FaultSpec{Code: "06", Stage: device.BeforeMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(siu.CmdSetLight, siu.SetLight{"pinPad": {"default": {FlashRate: "quick"}}})
	if c.Outcome != api.Failed || c.ErrorCode != siu.ErrLight || c.Vendor == nil || c.Vendor.Code != "06" {
		t.Errorf("%+v", c)
	}
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: "06", Stage: device.ReplyLost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(siu.CmdSetLight, siu.SetLight{"pinPad": {"default": {FlashRate: "quick"}}}); c.Outcome != api.Done {
		t.Errorf("a lost answer is asked for again: %+v", c)
	}
}

func TestARegisterThatTheBoardDoesNotHaveIsSaidAtOpen(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "modbussiu"})
	r := conformance.Launch(t, modbussiu.Model, sim.Port(), map[string]any{"sensors": map[string]any{"tamperSensor": map[string]any{"table": "discrete", "address": 99, "values": map[string]string{"0": "off"}}}})
	r.NotReady("backoff")
	if _, why := r.Device.State(); !contains(why, "discrete 99", "illegal data address") {
		t.Error(why)
	}
}

func contains(s string, all ...string) bool {
	for _, x := range all {
		if !strings.Contains(s, x) {
			return false
		}
	}
	return true
}
