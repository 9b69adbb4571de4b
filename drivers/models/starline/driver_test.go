package starline_test

import (
	"maps"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/starline"
	"zhigui/sim/device"
	star "zhigui/sim/device/starline"
)

func TestMain(m *testing.M) { conformance.Main(m, starline.Model) }

func setup(t *testing.T, c star.Config, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "starline", Star: &c})
	p := map[string]any{"pollMs": 40, "replyMs": 300, "jobMs": 3000}
	maps.Copy(p, more)
	r := conformance.Start(t, starline.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

var receipt = printer.Receipt{Cut: true, Lines: []printer.Line{{Text: "智柜银行", Align: "center", Big: true}, {Text: "金额", Right: "300.00"}, {QR: "\x1b\x06\x01"}}}

// What the makes have in common is in drivers/conformance/printer_vendors_test.go.

func TestAJobWhoseEndIsNotToldIsIndeterminateAndTheNextOneIsNotTakenForIt(t *testing.T) {
	sim, r := setup(t, star.Config{}, map[string]any{"jobMs": 300})
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: "ETB", Stage: device.ReplyLost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Indeterminate {
		t.Errorf("%+v", c)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if n := len(sim.Physical().(star.View).Tickets); n != 2 {
		t.Errorf("%d tickets: something was printed twice or not at all", n)
	}
}

func TestThereIsNoEjectAndWithoutAPresenterNoRetract(t *testing.T) {
	_, r := setup(t, star.Config{Presenter: "off"}, map[string]any{"presenter": false})
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	for _, what := range []string{"eject", "retract"} {
		if c, _ := r.Do(printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{what: true}}); c.Code != api.UnsupportedData {
			t.Errorf("%s: %+v", what, c)
		}
	}
}

func TestTheStatusIsAskedForBetweenJobsAndComesByItselfInThem(t *testing.T) {
	sim, r := setup(t, star.Config{}, nil)
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	inJob, told, asked := false, 0, 0
	for _, f := range sim.Trace() {
		switch {
		case f.Decoded == "ESC RS a":
			inJob = f.Hex == "01"
		case f.Decoded == "ASB: end of the job":
			told++
			inJob = false
		case inJob && f.Decoded == "ESC ACK SOH reply":
			asked++
		}
	}
	// The receipt's QR code holds the bytes of the question: they are answered when they arrive,
	// before the job is carried out or in it.
	if asked > 1 {
		t.Errorf("the printer was asked %d times while its automatic status was on", asked)
	}
	if told != 1 {
		t.Errorf("the end was told %d times", told)
	}
}
