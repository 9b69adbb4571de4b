package serialscanner_test

import (
	"encoding/json"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/barcode"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/serialscanner"
	"zhigui/sim/device"
	scanner "zhigui/sim/device/gm65"
)

func TestMain(m *testing.M) { conformance.Main(m, serialscanner.Model) }

func read(t *testing.T, c api.Completion) string {
	t.Helper()
	var r barcode.ReadResult
	if err := json.Unmarshal(c.Payload, &r); err != nil || c.Outcome != api.Done || len(r.ReadOutput) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	return string(r.ReadOutput[0].BarcodeData)
}

func TestATriggeredScannerReadsWhatIsShown(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "gm65", Scanner: &scanner.Config{Language: "plain"}})
	r := conformance.Start(t, serialscanner.Model, sim.Port(), map[string]any{"pollMs": 40})
	events, done := r.Begin(t.Context(), r.Command(barcode.CmdRead, nil))
	conformance.Next(t, events, barcode.EvPresent)
	if _, err := sim.Do("presentCode", device.Args{"code": "6901234567892"}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, conformance.Ended(t, done)); got != "6901234567892" {
		t.Errorf("%q", got)
	}
}

// A scanner that looks by itself, in bytes.
func TestACodeFromBeforeTheReadIsForgotten(t *testing.T) {
	begin := make(chan struct{})
	p := conformance.NewPeer(t, func(p *conformance.Peer) {
		p.Send([]byte("old\r")...)
		<-begin
		p.Send([]byte("half")...)
		for more := true; more; { // silence that is longer than the gap
			_, more = p.Read(300 * time.Millisecond)
		}
		p.Send([]byte("new\r")...)
	})
	r := conformance.Start(t, serialscanner.Model, p.Port(), map[string]any{"pollMs": 40, "gapMs": 50, "triggerOn": "", "triggerOff": ""})
	<-r.Recoveries
	events, done := r.Begin(t.Context(), r.Command(barcode.CmdRead, nil))
	conformance.Next(t, events, barcode.EvPresent)
	close(begin)
	if got := read(t, conformance.Ended(t, done)); got != "new" {
		t.Errorf("%q", got)
	}
}
