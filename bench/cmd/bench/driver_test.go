package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "role" { // a helper process of a measurement
		main()
		return
	}
	os.Exit(m.Run())
}

// Two classes stand for the fleet: the figures are the same.
//
// req: D-12
func TestTheOverheadOfACallAndTheTimeOfARecoveryAreReported(t *testing.T) {
	bin, err := os.MkdirTemp("", "bd") // short: sockets
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin+"/", "zhigui/sim/cmd/simctl", "zhigui/drivers/cmd/driverd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := fleet
	defer func() { fleet = whole }()
	fleet = slices.DeleteFunc(slices.Clone(fleet), func(f member) bool { return f.id != "card" && f.id != "pinpad" })
	var out bytes.Buffer
	fs := &figures{enc: json.NewEncoder(&out)}
	if err := driver(t.Context(), options{quick: true, self: os.Args[0], bin: bin, dir: bin}, fs); err != nil {
		t.Fatal(err)
	}
	got := map[string]figure{}
	for line := range strings.Lines(out.String()) {
		var f figure
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		got[f.Name] = f
	}
	for name, beside := range map[string][]string{
		"driver.call_us.p50": {"card", "pinpad", "grpc"}, "driver.call_us.p99": {"card", "pinpad", "grpc"}, "driver.call_ratio": {"card", "pinpad", "goalMax"},
		"driver.command_us.p50": {"grpc"}, "driver.ours_ms.p50": {"card", "pinpad", "goalMax"}, "driver.memory_mb.private": {"card", "pinpad", "goalMax"},
		"driver.recover_ms.p50": {"card", "pinpad", "goalMax"}, "driver.recover_stop_ms.p50": {"card", "pinpad", "goalMax"},
	} {
		f, ok := got[name]
		if !ok || f.Value <= 0 {
			t.Errorf("%s: %+v", name, f)
		}
		for _, k := range beside {
			if f.VS[k] <= 0 {
				t.Errorf("%s does not say %s: %+v", name, k, f)
			}
		}
	}
}
