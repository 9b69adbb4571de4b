package r30x_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/biometric"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/r30x"
	"zhigui/sim/device"
	module "zhigui/sim/device/r30x"
)

func TestMain(m *testing.M) { conformance.Main(m, r30x.Model) }

func setup(t *testing.T) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "r30x"})
	r := conformance.Start(t, r30x.Model, sim.Port(), map[string]any{"pollMs": 60, "replyMs": 300, "fingerMs": 10})
	<-r.Recoveries
	return sim, r
}

func do(t *testing.T, sim *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := sim.Do(action, a); err != nil {
		t.Fatal(err)
	}
}

var own = biometric.Type{Format: biometric.FormatTemplate1}

// capture reads a finger; want also gives its template.
func capture(t *testing.T, sim *device.Sim, r *conformance.Rig, finger string, want bool) []byte {
	t.Helper()
	do(t, sim, "touchFinger", device.Args{"finger": finger})
	req := biometric.Read{Mode: biometric.ModeScan}
	if want {
		req.DataTypes = []biometric.Type{own}
	}
	c, _ := r.Do(biometric.CmdRead, req)
	do(t, sim, "liftFinger", nil)
	var out biometric.ReadResult
	if err := json.Unmarshal(c.Payload, &out); err != nil || c.Outcome != api.Done || want != (len(out.DataRead) == 1) {
		t.Fatalf("%s %s %s %v", c.Outcome, c.ErrorCode, c.Description, err)
	}
	if !want {
		return nil
	}
	return out.DataRead[0].Data
}

func matched(t *testing.T, r *conformance.Rig, m biometric.Match) map[string]biometric.Candidate {
	t.Helper()
	c, _ := r.Do(biometric.CmdMatch, m)
	var out biometric.MatchResult
	if err := json.Unmarshal(c.Payload, &out); err != nil || c.Outcome != api.Done {
		t.Fatalf("%+v %v", c, err)
	}
	return out.Candidates
}

func TestAFingerIsReadImportedAndFoundAgain(t *testing.T) {
	sim, r := setup(t)
	index, thumb := capture(t, sim, r, "right-index", true), capture(t, sim, r, "left-thumb", true)
	if len(index) != 512 || string(index) == string(thumb) {
		t.Fatalf("%d bytes", len(index))
	}
	c, _ := r.Do(biometric.CmdImport, biometric.Import{Templates: []biometric.Template{{Type: own, Data: index}, {Type: own, Data: thumb}}})
	var s biometric.Storage
	if err := json.Unmarshal(c.Payload, &s); err != nil || c.Outcome != api.Done || len(s.Templates) != 2 {
		t.Fatalf("%+v %v", c, err)
	}
	if c, _ := r.Do(biometric.CmdMatch, biometric.Match{CompareMode: "identity"}); c.ErrorCode != biometric.ErrNoCapture {
		t.Errorf("an import uses the buffers: %+v", c)
	}
	capture(t, sim, r, "left-thumb", false)
	if got := matched(t, r, biometric.Match{CompareMode: "identity", Threshold: 60}); len(got) != 1 || got["id1"].Confidence != 100 {
		t.Errorf("%v", got)
	}
	if got := matched(t, r, biometric.Match{CompareMode: "verify", Identifier: "id0", Threshold: 60}); len(got) != 0 {
		t.Errorf("another finger: %v", got)
	}
	capture(t, sim, r, "nobody", false)
	if got := matched(t, r, biometric.Match{CompareMode: "identity"}); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if c, _ := r.Do(biometric.CmdMatch, biometric.Match{CompareMode: "verify", Identifier: "id7"}); c.ErrorCode != biometric.ErrIdentifier {
		t.Errorf("%+v", c)
	}
	if c, _ := r.Do(biometric.CmdClear, biometric.Clear{ClearData: biometric.Imported}); c.Outcome != api.Done || sim.Physical().(module.View).Templates != 0 {
		t.Errorf("%+v", c)
	}
	r.Event(biometric.EvCleared)
	if c, _ := r.Do(biometric.CmdMatch, biometric.Match{CompareMode: "identity"}); c.ErrorCode != biometric.ErrNoImported {
		t.Errorf("%+v", c)
	}
	log, b64 := r.Log.String(), base64.StdEncoding.EncodeToString(index)
	if strings.Contains(log, b64[:20]) {
		t.Error("the log holds a template")
	}
}

func TestTwoCapturesAreOfOneFinger(t *testing.T) {
	for second, want := range map[string]api.Outcome{"right-index": api.Done, "left-thumb": api.Failed} {
		sim, r := setup(t)
		events, done := r.Begin(t.Context(), r.Command(biometric.CmdRead, biometric.Read{NumCaptures: 2}))
		conformance.Next(t, events, biometric.EvPresent)
		do(t, sim, "touchFinger", nil)
		conformance.Next(t, events, biometric.EvRemove)
		do(t, sim, "liftFinger", nil)
		conformance.Next(t, events, biometric.EvPresent)
		do(t, sim, "touchFinger", device.Args{"finger": second})
		if c := conformance.Ended(t, done); c.Outcome != want || want == api.Failed && (c.ErrorCode != biometric.ErrReadFailed || c.Vendor.Code != "0A") {
			t.Errorf("%s: %+v", second, c)
		}
	}
}

func TestAPoorImageIsTakenAgain(t *testing.T) {
	sim, r := setup(t)
	do(t, sim, "touchFinger", device.Args{"poor": 3})
	if c, _ := r.Do(biometric.CmdRead, nil); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func TestAReadOfNobodyEndsAtItsDeadline(t *testing.T) {
	sim, r := setup(t)
	do(t, sim, "setStatus", device.Args{"name": "window", "value": "dirty"})
	do(t, sim, "touchFinger", nil)
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	cmd := r.Command(biometric.CmdRead, nil)
	cmd.Deadline = time.Now().Add(100 * time.Millisecond)
	if c := r.Device.Execute(ctx, cmd, nil); c.Outcome != api.TimedOut {
		t.Errorf("%+v", c)
	}
}

func TestWhatCannotBeImportedIsRefused(t *testing.T) {
	_, r := setup(t)
	for code, tpl := range map[string]biometric.Template{biometric.ErrFormat: {Type: biometric.Type{Format: "isoFmd"}, Data: make([]byte, 512)}, biometric.ErrInvalidData: {Type: own, Data: []byte("short")}} {
		if c, _ := r.Do(biometric.CmdImport, biometric.Import{Templates: []biometric.Template{tpl}}); c.Outcome != api.NotStarted || c.ErrorCode != code {
			t.Errorf("%s: %+v", code, c)
		}
	}
}

func TestAWrongPasswordIsSaidAtOpen(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "r30x"})
	do(t, sim, "setStatus", device.Args{"name": "password", "value": "other"})
	r := conformance.Launch(t, r30x.Model, sim.Port(), map[string]any{"password": "0BADCAFE"})
	r.NotReady("backoff")
	if _, why := r.Device.State(); !strings.Contains(why, "wrong password") || strings.Contains(strings.ToUpper(why+r.Log.String()), "0BADCAFE") {
		t.Error(why)
	}
}
