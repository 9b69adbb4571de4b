package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/drivers/sdk"
	"zhigui/sim/device"
)

func TestMain(m *testing.M) {
	if sdk.Started() {
		main()
		return
	}
	os.Exit(m.Run())
}

func ctl(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), args, strings.NewReader(input), &out)
	return out.String(), err
}

func TestACommandIsRunByItsShortName(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "crt350n"})
	out, err := ctl(t, "", "exec", "creatorcrt350n", "--port", sim.Port(), "reset", `{"to":"currentPosition"}`)
	if err != nil || !strings.Contains(out, "done") {
		t.Errorf("%s %v", out, err)
	}
}

func TestTheDoctorNamesTheStepThatFails(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "crt350n"})
	for _, tc := range []struct {
		name, want string
		args       []string
		bad        bool
	}{
		{"all well", "device answers", []string{"--port", sim.Port(), "--profile", "pollMs=50"}, false},
		{"unknown key", `unknown key "pols"`, []string{"--port", sim.Port(), "--profile", "pols=50"}, true},
		{"no port", "FAIL port", []string{"--port", filepath.Join(t.TempDir(), "none")}, true},
		{"not a port", "no character device", []string{"--port", t.TempDir()}, true},
	} {
		out, err := ctl(t, "", append([]string{"doctor", "creatorcrt350n"}, tc.args...)...)
		if !strings.Contains(out, tc.want) || (err != nil) != tc.bad {
			t.Errorf("%s: %v\n%s", tc.name, err, out)
		}
	}
}

func TestThePromptShowsStatusAndCompletions(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "lcdm2000"})
	out, err := ctl(t, "help\nstatus\nDispense {\"counts\":{\"unit9\":1}}\nquit\n", "run", "puloonlcdm2000", "--port", sim.Port())
	for _, want := range []string{"CashDispenser.Dispense", `"cashDispenser"`, "notStarted", "cashUnitError"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
