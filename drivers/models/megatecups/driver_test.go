package megatecups_test

import (
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/power"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/megatecups"
	"zhigui/sim/device"
	"zhigui/sim/device/megatec"
)

func TestMain(m *testing.M) { conformance.Main(m, megatecups.Model) }

func setup(t *testing.T, minuteMs int, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "megatec", UPS: &megatec.Config{MinuteMs: minuteMs}})
	p := map[string]any{"pollMs": 30, "replyMs": 300, "echoMs": 60}
	for k, v := range more {
		p[k] = v
	}
	r := conformance.Start(t, megatecups.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func do(t *testing.T, sim *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := sim.Do(action, a); err != nil {
		t.Fatal(err)
	}
}

func says(t *testing.T, r *conformance.Rig, words ...string) {
	t.Helper()
	r.Await(strings.Join(words, " "), func(n api.Notice) bool {
		if n.Status == nil {
			return false
		}
		for _, w := range words {
			if !strings.Contains(string(n.Status.Classes), w) {
				return false
			}
		}
		return true
	})
}

func TestAPowerFailureIsANoticeAndSoIsALowBattery(t *testing.T) {
	sim, r := setup(t, 0, nil)
	do(t, sim, "cutMains", nil)
	says(t, r, `"powerInStatus":"noPower"`, `"batteryChargingStatus":"discharging"`)
	do(t, sim, "setBattery", device.Args{"percent": 10})
	says(t, r, `"batteryStatus":"critical"`)
	do(t, sim, "restoreMains", nil)
	says(t, r, `"powerInStatus":"powering"`, `"batteryStatus":"low"`)
	var u power.UPS
	if r.Status("X-ups", &u); u.FaultVolts == nil || *u.FaultVolts != 140 || u.Celsius == nil {
		t.Errorf("%+v", u)
	}
}

func TestAMeasurementThatTremblesIsNoNotice(t *testing.T) {
	sim, r := setup(t, 0, nil)
	do(t, sim, "setLoad", device.Args{"percent": 36}) // from 34: less than a step
	do(t, sim, "setLoad", device.Args{"percent": 38})
	do(t, sim, "setLoad", device.Args{"percent": 60})
	n := r.Await("load", func(n api.Notice) bool {
		return n.Status != nil && !n.Status.Full && strings.Contains(string(n.Status.Classes), "loadPercent")
	})
	if !strings.Contains(string(n.Status.Classes), `"loadPercent":60`) {
		t.Errorf("%s", n.Status.Classes)
	}
}

func TestAShutdownIsOrderedSeenAndCanceled(t *testing.T) {
	sim, r := setup(t, 60000, nil)
	if c, _ := r.Do(power.CmdShutdown, power.Shutdown{AfterSeconds: 60, RestoreMinutes: 1}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if v := sim.Physical().(megatec.View); !v.Dying || !v.Output {
		t.Errorf("%+v", v)
	}
	if c, _ := r.Do(power.CmdCancel, nil); c.Outcome != api.Done || sim.Physical().(megatec.View).Dying {
		t.Errorf("%+v", c)
	}
}

func TestTheOutputGoesOffAndComesBack(t *testing.T) {
	_, r := setup(t, 200, nil)
	if c, _ := r.Do(power.CmdShutdown, power.Shutdown{AfterSeconds: 60, RestoreMinutes: 1}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	says(t, r, `"powerOutStatus":"noPower"`)
	says(t, r, `"powerOutStatus":"powering"`)
}

func TestTheBeeperIsToggledOnlyWhenItHasTo(t *testing.T) {
	sim, r := setup(t, 0, nil)
	for _, on := range []bool{true, false, false, true} {
		if c, _ := r.Do(power.CmdBeeper, power.Beeper{On: on}); c.Outcome != api.Done || sim.Physical().(megatec.View).Beeper != on {
			t.Errorf("%v: %+v", on, c)
		}
	}
}

func TestAnOrderThatIsNotObeyedIsIndeterminateAndAnEchoIsUnknown(t *testing.T) {
	sim, r := setup(t, 0, nil)
	for code, want := range map[string]api.Outcome{"DEAF": api.Indeterminate, "ECHO": api.Failed} {
		if err := sim.ArmFault(device.FaultSpec{Code: code, Stage: device.BeforeMotion, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if c, _ := r.Do(power.CmdTest, power.Test{}); c.Outcome != want {
			t.Errorf("%s: %+v", code, c)
		}
	}
	if c, _ := r.Do(power.CmdTest, power.Test{}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if c, _ := r.Do(power.CmdTest, power.Test{Seconds: 61}); c.Outcome != api.NotStarted || c.Code != api.InvalidData {
		t.Errorf("%+v", c)
	}
}

func TestAUPSWithoutIdentityIsOnline(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "megatec"})
	do(t, sim, "setProfile", device.Args{"name": "identity", "value": "no"})
	r := conformance.Start(t, megatecups.Model, sim.Port(), map[string]any{"pollMs": 30, "replyMs": 100})
	var c struct{ Device string }
	if r.Status("common", &c); c.Device != "online" {
		t.Errorf("%+v", c)
	}
	d, err := r.Device.Describe(t.Context())
	if err != nil || d.Firmware != "" {
		t.Errorf("%+v %v", d, err)
	}
}
