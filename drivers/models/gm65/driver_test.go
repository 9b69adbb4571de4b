package gm65_test

import (
	"encoding/json"
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/barcode"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/gm65"
	"zhigui/sim/device"
	scanner "zhigui/sim/device/gm65"
)

func TestMain(m *testing.M) { conformance.Main(m, gm65.Model) }

func setup(t *testing.T, c scanner.Config, profile map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "gm65", Scanner: &c})
	p := map[string]any{"pollMs": 40, "replyMs": 300, "triggerAgainMs": 500, "gapMs": 60}
	for k, v := range profile {
		p[k] = v
	}
	r := conformance.Start(t, gm65.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func present(t *testing.T, sim *device.Sim, a device.Args) {
	t.Helper()
	if _, err := sim.Do("presentCode", a); err != nil {
		t.Fatal(err)
	}
}

func output(t *testing.T, c api.Completion) barcode.Output {
	t.Helper()
	var r barcode.ReadResult
	if err := json.Unmarshal(c.Payload, &r); err != nil || c.Outcome != api.Done || len(r.ReadOutput) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	return r.ReadOutput[0]
}

const payment = "284612345678901234"

func TestACodeIsReadWhenItIsShownAndStaysOutOfTheLog(t *testing.T) {
	sim, r := setup(t, scanner.Config{}, nil)
	events, done := r.Begin(t.Context(), r.Command(barcode.CmdRead, nil))
	conformance.Next(t, events, barcode.EvPresent)
	present(t, sim, device.Args{"code": payment})
	if out := output(t, conformance.Ended(t, done)); string(out.BarcodeData) != payment || out.Symbology != "" {
		t.Errorf("%+v", out)
	}
	for _, f := range sim.Trace() {
		if strings.Contains(f.Hex+f.Decoded, payment) || strings.Contains(f.Hex, "32 38 34 36") {
			t.Errorf("the trace shows the code: %+v", f)
		}
	}
	if strings.Contains(r.Log.String(), payment) {
		t.Error("the log holds the code")
	}
}

func TestTheModuleIsPutIntoCommandModeAndAgainAfterAPowerCut(t *testing.T) {
	sim, r := setup(t, scanner.Config{}, nil)
	command := func(s device.State) bool { return s.Power && s.Physical.(scanner.View).Mode == "command" }
	if err := sim.Wait(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	sim.PowerCut()
	sim.PowerRestore()
	if err := sim.Wait(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	present(t, sim, device.Args{"code": "x"})
	if out := output(t, first(r.Do(barcode.CmdRead, nil))); string(out.BarcodeData) != "x" {
		t.Errorf("%+v", out)
	}
}

func first(c api.Completion, _ []string) api.Completion { return c }

func TestTheModuleLooksAgainWhenItsOwnTimeIsOver(t *testing.T) {
	sim, r := setup(t, scanner.Config{}, nil)
	if err := sim.ArmFault(device.FaultSpec{Code: "NR", Stage: device.BeforeMotion, Times: 2}); err != nil {
		t.Fatal(err)
	}
	present(t, sim, device.Args{"code": "third time", "hold": true})
	if out := output(t, first(r.Do(barcode.CmdRead, nil))); string(out.BarcodeData) != "third time" {
		t.Errorf("%+v", out)
	}
	if n := len(sim.State().Fired); n != 2 {
		t.Errorf("%d faults struck", n)
	}
}

func TestACodeThatBreaksOffIsNotTaken(t *testing.T) {
	for _, stage := range []device.Stage{device.MidMotion, device.AfterMotion, device.ReplyLost} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, scanner.Config{}, nil)
			if err := sim.ArmFault(device.FaultSpec{Code: "CUT", Stage: stage, Times: 1}); err != nil {
				t.Fatal(err)
			}
			present(t, sim, device.Args{"code": "6901234567892", "hold": true})
			if out := output(t, first(r.Do(barcode.CmdRead, nil))); string(out.BarcodeData) != "6901234567892" {
				t.Errorf("%q", out.BarcodeData)
			}
		})
	}
}

func TestNoiseInACodeIsAnInvalidCode(t *testing.T) {
	sim, r := setup(t, scanner.Config{}, nil)
	present(t, sim, device.Args{"code": "69\x0112"})
	if c, _ := r.Do(barcode.CmdRead, nil); c.Outcome != api.Failed || c.ErrorCode != barcode.ErrInvalid {
		t.Errorf("%+v", c)
	}
}

func TestAPowerCutEndsAReadAsAHardwareError(t *testing.T) {
	sim, r := setup(t, scanner.Config{}, nil)
	events, done := r.Begin(t.Context(), r.Command(barcode.CmdRead, nil))
	conformance.Next(t, events, barcode.EvPresent)
	sim.PowerCut()
	if c := conformance.Ended(t, done); c.Outcome != api.Failed || c.Code != api.HardwareError {
		t.Errorf("%+v", c)
	}
}

func TestAimIdentifiersNameTheSymbology(t *testing.T) {
	sim, r := setup(t, scanner.Config{AimID: true, Tail: "CRLF"}, map[string]any{"aimId": true, "tail": "CRLF"})
	present(t, sim, device.Args{"code": "ABC\rDEF", "aim": "]C1"})
	if out := output(t, first(r.Do(barcode.CmdRead, nil))); out.Symbology != "ean128" || string(out.BarcodeData) != "ABC\rDEF" {
		t.Errorf("%+v", out)
	}
}
