package script_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"zhigui/drivers/api/barcode"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/gm65"
	"zhigui/sim/device"
	"zhigui/sim/device/engine"
	"zhigui/sim/device/script"
)

func TestMain(m *testing.M) { conformance.Main(m, gm65.Model) }

// devices starts a dispenser and a scanner with their API.
func devices(t *testing.T) (addr string, cash, scanner *device.Sim) {
	t.Helper()
	hub := engine.NewHub()
	cash = device.MustStart(t, device.Config{Model: "lcdm2000", Hub: hub})
	scanner = device.MustStart(t, device.Config{Model: "gm65", Hub: hub})
	srv := httptest.NewServer(device.NewServer(hub, slog.New(slog.DiscardHandler), cash, scanner))
	t.Cleanup(srv.CloseClientConnections)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), cash, scanner
}

func play(t *testing.T, addr, steps string) (string, error) {
	t.Helper()
	s, err := script.Parse("case.yaml", []byte("name: a case\nsteps:\n"+steps))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	err = script.Play(ctx, s, addr, &out)
	return out.String(), err
}

// Actions have the names of the panel; a fault that strikes is waited for, not slept for.
//
// req: UX-36
func TestAManualCaseBecomesAnAutomaticOne(t *testing.T) {
	addr, _, scanner := devices(t)
	r := conformance.Start(t, gm65.Model, scanner.Port(), map[string]any{"pollMs": 40, "triggerAgainMs": 500})
	<-r.Recoveries
	_, done := r.Begin(t.Context(), r.Command(barcode.CmdRead, nil))
	out, err := play(t, addr, `
  - act: cash fillUnit unit=upper count=9 value=100
  - check: {device: cash, state: {physical.units.upper.count: 9, power: true}}
  - wait: {device: scanner, state: {prompt: presentCode}}
  - act: scanner armFault code=NR stage=before-motion
  - name: the code is shown
    act: scanner presentCode code=6901 hold=true
  - wait: {device: scanner, event: {kind: fault, data.code: NR}, within: 20s}
  - wait: {device: scanner, state: {counters.reads: ">= 1"}}
  - run: {command: [sh, -c, "echo hello; exit 3"], says: hell, fails: true}
  - run: {command: [sh, -c, "read x; exit 1"], start: later}
  - join: later
    name: a program of the background
`)
	if err == nil || !strings.Contains(out, "FAIL case.yaml:14:5: a program of the background: it ended with exit status 1") {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Count(out, "ok   ") != 9 {
		t.Errorf("%s", out)
	}
	conformance.Ended(t, done)
}

func TestTheFirstStepThatIsNotAsWrittenEndsTheScript(t *testing.T) {
	addr, _, _ := devices(t)
	for step, want := range map[string]string{
		`check: {device: cash, state: {physical.units.upper.count: "<= -1"}}`: "case.yaml:3:5: check cash: physical.units.upper.count is 0, want <= -1",
		`check: {device: cash, state: {nothing.here: 1}}`:                     "nothing.here is not there",
		`act: cash takeCash`:   "case.yaml:3:5: cash takeCash: no notes lie at the exit",
		`act: nobody takeCash`: "no device",
		`wait: {device: cash, state: {power: false}, within: 30ms}`: "not within 30ms: power is true, want false",
		`wait: {device: cash, event: {kind: fault}, within: 30ms}`:  "no such event among 0",
		`run: {command: ["true"], says: hello}`:                     `it did not say "hello"`,
		`run: {command: [no-such-program-anywhere]}`:                "not found",
		`join: nobody`:                          "no program of that name",
		`run: {command: ["true"], start: lost}`: `"lost" was never joined`,
	} {
		if out, err := play(t, addr, "  - "+step+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\n%s", step, err, out)
		}
	}
}

func TestAScriptThatIsNoneIsRefusedByPlace(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "case.yaml:1:1",
		"steps: []":                         "there are none",
		"steps:\n  - act: card":             "case.yaml:2:5: act: \"card\": want <device> <action>",
		"steps:\n  - {}":                    "exactly one of",
		"steps:\n  - act: a b\n    join: c": "case.yaml:2:5: a step has exactly one",
		"steps:\n  - pause: {for: 1s}":      "say why",
		"steps:\n  - pause: {for: x, because: y}": "is no time",
		"steps:\n  - sleep: 1":                    "case.yaml:2:5",
		"steps:\n  - act: a b\n  - act: a b c":    "case.yaml:3:5: act: \"c\": want key=value",
		"steps:\n  - wait: {device: cash}":        "a state or an event",
	} {
		if _, err := script.Parse("case.yaml", []byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("steps:\n  - act: card insertCard card=demo-1\n  - check: {device: cash, state: {a.b: 1}}\n")
	f.Add("steps:\n  - {pause: {for: 1s, because: x}}\n")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := script.Parse("f", []byte(s)); err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Fatal(fmt.Sprintf("no place in %q", err))
		}
	})
}

func TestTheScriptOfTheDocumentsIsOne(t *testing.T) {
	b, err := os.ReadFile("testdata/card.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := script.Parse("testdata/card.yaml", b); err != nil || s.Scene != "testdata/scene.yaml" {
		t.Errorf("%+v %v", s, err)
	}
}
