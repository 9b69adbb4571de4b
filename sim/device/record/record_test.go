package record_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/barcode"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/gm65"
	"zhigui/drivers/models/puloonlcdm2000"
	"zhigui/sim/device"
	"zhigui/sim/device/lcdm2000"
	"zhigui/sim/device/record"
)

func TestMain(m *testing.M) { conformance.Main(m, gm65.Model, puloonlcdm2000.Model) }

// recorded runs f against a driver's port that a recorder stands behind, and gives the trace.
func recorded(t *testing.T, sim *device.Sim, f func(port string)) []record.Entry {
	t.Helper()
	var file bytes.Buffer
	w, err := record.NewWriter(&file, "a test")
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "port")
	ctx, end := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- record.Record(ctx, record.Options{Port: sim.Port(), Link: link, Baud: 9600, Out: w, Ready: func() { close(ready) }})
	}()
	<-ready
	f(link)
	end()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	es, err := record.Read("trace", &file)
	if err != nil {
		t.Fatal(err)
	}
	return es
}

func replay(t *testing.T, es []record.Entry, o record.ReplayOptions) *record.Replay {
	t.Helper()
	o.Link = filepath.Join(t.TempDir(), "port")
	r, err := record.NewReplay(es, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

var scannerProfile = map[string]any{"pollMs": 60000, "replyMs": 300, "triggerAgainMs": 60000}

// read reads a code; shown is called when the scanner waits for it.
func read(t *testing.T, port string, profile map[string]any, shown func()) string {
	t.Helper()
	r := conformance.Start(t, gm65.Model, port, profile)
	<-r.Recoveries
	events, done := r.Begin(t.Context(), r.Command(barcode.CmdRead, nil))
	conformance.Next(t, events, barcode.EvPresent)
	shown()
	c := conformance.Ended(t, done)
	var out barcode.ReadResult
	if err := json.Unmarshal(c.Payload, &out); err != nil || c.Outcome != api.Done || len(out.ReadOutput) != 1 {
		t.Fatalf("%+v %v", c, err)
	}
	if err := r.Device.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return string(out.ReadOutput[0].BarcodeData)
}

func present(t *testing.T, sim *device.Sim, code string) func() {
	return func() {
		if _, err := sim.Do("presentCode", device.Args{"code": code}); err != nil {
			t.Error(err)
		}
	}
}

// A run is saved, played again to the same end, and compared with another one.
//
// req: UX-38
func TestARunIsRecordedReplayedAndCompared(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "gm65"})
	first := recorded(t, sim, func(port string) { read(t, port, scannerProfile, present(t, sim, "6901234567892")) })

	r := replay(t, first, record.ReplayOptions{Strict: true})
	var again string
	link := r.Link()
	again = read(t, link, scannerProfile, func() {})
	if again != "6901234567892" {
		t.Errorf("the replay gave %q", again)
	}
	if err := r.Wait(t.Context()); err != nil {
		t.Error(err)
	}

	same := device.MustStart(t, device.Config{Model: "gm65"})
	if ds := record.Diff(first, recorded(t, same, func(port string) { read(t, port, scannerProfile, present(t, same, "6901234567892")) }), false); len(ds) > 0 {
		var b strings.Builder
		record.Print(&b, "first", "second", ds, 5)
		t.Errorf("the same run differs:\n%s", b.String())
	}
	other := device.MustStart(t, device.Config{Model: "gm65"})
	ds := record.Diff(first, recorded(t, other, func(port string) { read(t, port, scannerProfile, present(t, other, "6901234567885")) }), false)
	var b strings.Builder
	record.Print(&b, "first", "second", ds, 5)
	if len(ds) != 1 || !strings.Contains(b.String(), "- ") || !strings.Contains(b.String(), "38 38 35 0D") || !strings.Contains(b.String(), "02 00 00 01 00 33 31") {
		t.Errorf("%d differences\n%s", len(ds), b.String())
	}
}

func TestADriverThatChangedIsNoticed(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "gm65"})
	es := recorded(t, sim, func(port string) { read(t, port, scannerProfile, present(t, sim, "1")) })
	for _, strict := range []bool{true, false} {
		r := replay(t, es, record.ReplayOptions{Strict: strict})
		changed := conformance.Launch(t, gm65.Model, r.Link(), map[string]any{"sendCRC": false, "replyMs": 100})
		err := r.Wait(t.Context())
		var d *record.Departure
		if !errors.As(err, &d) || d.Line != 3 || !strings.HasPrefix(d.Want, "7E 00 07 01 00 00 01") || !strings.HasSuffix(d.Got, "AB CD") {
			t.Errorf("strict %v: %v", strict, err)
		}
		_ = changed.Device.Drain(t.Context())
	}
}

// A dispenser is polled as often as time allows; the replay answers polls beyond the trace
// and notices another amount.
func TestADispenseIsReplayedAlthoughPollsComeAsTheyLike(t *testing.T) {
	status := []byte{0x04, 0x50, 0x02, 0x46, 0x03, 0x13} // a busy machine asks for it once in the whole trace
	sim := device.MustStart(t, device.Config{Model: "lcdm2000", Dispenser: &lcdm2000.Config{Upper: lcdm2000.CassetteConfig{Count: 50, Value: 100}}})
	dispense := func(port string, n int) api.Completion {
		r := conformance.Start(t, puloonlcdm2000.Model, port, map[string]any{"pollMs": 40, "heldPollMs": 40, "replyMs": 1500, "quietMs": 500, "probeMs": 200, "perNoteMs": 10, "statusMs": 500, "recoverMaxMs": 2000})
		<-r.Recoveries
		c, _ := r.Do(cash.CmdDispense, cash.Dispense{Counts: map[string]int{"unit1": n}})
		if err := r.Device.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		return c
	}
	var want api.Completion
	es := recorded(t, sim, func(port string) { want = dispense(port, 3) })
	if want.Outcome != api.Done {
		t.Fatalf("%+v", want)
	}
	r := replay(t, es, record.ReplayOptions{Polls: [][]byte{status}})
	if got := dispense(r.Link(), 3); got.Outcome != want.Outcome || string(got.Payload) != string(want.Payload) {
		t.Errorf("%+v, recorded %+v", got, want)
	}
	if err := r.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	r = replay(t, es, record.ReplayOptions{Polls: [][]byte{status}})
	if c := dispense(r.Link(), 4); c.Outcome != api.Indeterminate && c.Outcome != api.NotStarted {
		t.Errorf("%+v", c)
	}
	var d *record.Departure
	if !errors.As(r.Departed(), &d) || d.Want == "" {
		t.Errorf("%v", r.Departed())
	}
}

func TestATraceThatIsNoneIsRefusedByPlace(t *testing.T) {
	const head = "# zhigui trace 1\n"
	for in, want := range map[string]string{
		"":                       "trace:1:1: the trace is empty",
		"hello":                  "trace:1:1: this is no trace",
		head + "x > 02":          "trace:2:1: \"x\" is no time",
		head + "# c\n0.5 = 02":   "trace:3:5: \"=\" is neither",
		head + "0.5 < 0G":        "trace:2:7: \"0G\" are no bytes",
		head + "0.5 <":           "trace:2:7",
		head + "0.5 < 02\n1 > 3": "trace:3:5",
	} {
		if _, err := record.Read("trace", strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("# zhigui trace 1\n0.000001 > 02 41\n# x\n0.5 < 06\n")
	f.Add("# zhigui trace 1\n1e300 > 02")
	f.Fuzz(func(t *testing.T, s string) {
		es, err := record.Read("f", strings.NewReader(s))
		if err != nil {
			return
		}
		var b strings.Builder
		w, _ := record.NewWriter(&b)
		for _, e := range es {
			_ = w.Add(e)
		}
		again, err := record.Read("g", strings.NewReader(b.String()))
		if err != nil || len(again) != len(es) || len(record.Diff(es, again, true)) > 0 {
			t.Fatalf("%v: %d entries became %d", err, len(es), len(again))
		}
	})
}
