package modbussiu_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"zhigui/drivers/conformance"
	"zhigui/sim/device"
	"zhigui/sim/device/modbussiu"
)

// An independent host, Debian's mbpoll (libmodbus), on the virtual board.
// req: VD-01
func TestAnIndependentHostReadsAndWritesTheBoard(t *testing.T) {
	mbpoll := conformance.Tool(t, "mbpoll", "mbpoll")
	sim := device.MustStart(t, device.Config{Model: "modbussiu"})
	run := func(args ...string) string {
		t.Helper()
		// Options, the port, then the values that are written.
		base := append([]string{"-m", "rtu", "-a", "1", "-b", "9600", "-P", "even", "-0", "-1", "-o", "2"}, args[:len(args)-1]...)
		base = append(base, sim.Port())
		if v := args[len(args)-1]; v != "" {
			base = append(base, v)
		}
		out, err := exec.CommandContext(t.Context(), mbpoll, base...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", base, err, out)
		}
		return string(out)
	}
	values := func(out string) string {
		var v []string
		for _, m := range regexp.MustCompile(`(?m)^\[\d+\]:\s+(-?\d+)`).FindAllStringSubmatch(out, -1) {
			v = append(v, m[1])
		}
		return strings.Join(v, " ")
	}
	if _, err := sim.Do("openDoor", device.Args{"door": "rear"}); err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Do("approach", nil); err != nil {
		t.Fatal(err)
	}
	if got := values(run("-t", "1", "-r", "0", "-c", "8", "")); got != "0 1 0 0 0 1 0 0" {
		t.Errorf("discrete inputs %q", got)
	}
	if got := values(run("-t", "3", "-r", "0", "-c", "4", "")); got != "0 0 0 235" {
		t.Errorf("input registers %q", got)
	}
	run("-t", "0", "-r", "2", "1") // the bolt
	if got := values(run("-t", "0", "-r", "0", "-c", "4", "")); got != "0 0 1 0" {
		t.Errorf("coils %q", got)
	}
	if got := values(run("-t", "3", "-r", "0", "-c", "1", "")); got != "3" {
		t.Errorf("the safe door is %q, want bolted", got)
	}
	run("-t", "4", "-r", "2", "35") // notes dispenser: yellow, quick
	if v := sim.Physical().(modbussiu.View); v.Lamps[2] != 35 {
		t.Errorf("%+v", v)
	}
	out, err := exec.CommandContext(t.Context(), mbpoll, "-m", "rtu", "-a", "1", "-b", "9600", "-P", "even", "-0", "-1", "-t", "1", "-r", "8", "-c", "1", sim.Port()).CombinedOutput()
	if err == nil && !strings.Contains(string(out), "Illegal data address") {
		t.Errorf("an address that the board does not have: %v\n%s", err, out)
	}
}
